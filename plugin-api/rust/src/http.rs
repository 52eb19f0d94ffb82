//! Requests to the platform and what comes back. The host resolves, connects, verifies, signs and
//! lets out only what the manifest's `allowed_hosts` grant.
use crate::failure::{Class, Failure};
use crate::raw;
use crate::text::{bytes, lend, lend_bytes, list, text};
use crate::write::Outcome;

/// A request to the platform.
#[derive(Clone, Debug, Default)]
pub struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    timeout_ms: i64,
}

impl Request {
    /// A request without headers and body; `url` is absolute.
    pub fn new(method: &str, url: &str) -> Request {
        Request { method: method.into(), url: url.into(), ..Request::default() }
    }

    /// Adds a header, but none that the host owns (Host, Content-Length, Connection, ...).
    pub fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Request {
        self.body = body.as_ref().to_vec();
        self
    }

    /// For the whole exchange; without it the host's default holds.
    pub fn timeout_ms(mut self, timeout_ms: i64) -> Request {
        self.timeout_ms = timeout_ms;
        self
    }

    pub(crate) fn with_raw<T>(&self, use_it: impl FnOnce(&raw::HttpRequest) -> T) -> T {
        let headers: Vec<raw::Pair> = self
            .headers
            .iter()
            .map(|(name, value)| raw::Pair { name: lend(name), value: lend(value) })
            .collect();
        use_it(&raw::HttpRequest {
            struct_size: std::mem::size_of::<raw::HttpRequest>() as u32,
            header_count: headers.len() as u32,
            method: lend(&self.method),
            url: lend(&self.url),
            headers: headers.as_ptr(),
            body: lend_bytes(&self.body),
            timeout_ms: self.timeout_ms,
        })
    }
}

/// How an exchange ended.
#[derive(Debug)]
pub enum Answer {
    /// With a response: what the platform thinks of the request, 500 included.
    Response(Response),
    /// Without one.
    Lost {
        /// Why.
        failure: Failure,
        /// False: no byte of the request has left.
        may_have_been_processed: bool,
    },
}

/// A response of the platform.
#[derive(Debug)]
pub struct Response {
    /// Of HTTP.
    pub status: i32,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Decoded.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of that name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The platform has accepted the request (2xx).
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What it means that the platform has not: 429 and 503 come back later (Retry-After in seconds
    /// is heeded), other 4xx but 408 are for good, other statuses may pass by themselves.
    pub fn refusal(&self) -> Failure {
        let class = match self.status {
            429 | 503 => Class::RateLimited,
            401 => Class::AuthExpired,
            403 => Class::AuthDenied,
            404 => Class::NotFound,
            409 => Class::Conflict,
            408 => Class::Transient,
            400..=499 => Class::Permanent,
            _ => Class::Transient,
        };
        let message = match class {
            Class::RateLimited => "the platform asks to come back later",
            Class::Transient => "the platform failed",
            _ => "the platform refused the request",
        };
        let seconds: Option<i64> = self.header("retry-after").and_then(|text| text.parse().ok());
        let mut failure = Failure::new(class, message).code(self.status.to_string());
        failure.retry_after_ms = seconds
            .filter(|_| class == Class::RateLimited)
            .map(|seconds| seconds.saturating_mul(1000));
        failure
    }
}

impl Answer {
    /// The response if the platform has accepted the request, else why not: for requests that
    /// change nothing.
    pub fn success(self) -> Result<Response, Failure> {
        match self {
            Answer::Lost { failure, .. } => Err(failure),
            Answer::Response(response) if response.is_success() => Ok(response),
            Answer::Response(response) => Err(response.refusal()),
        }
    }

    /// The same for requests that change something: what a refusal means for a record. What was
    /// lost, or failed at the platform, may have had its effect.
    pub fn accepted(self) -> Result<Response, Outcome> {
        let is_lost = matches!(self, Answer::Lost { may_have_been_processed: true, .. });
        let is_answered = matches!(self, Answer::Response(_));
        self.success().map_err(|failure| {
            if is_lost || (is_answered && failure.class == Class::Transient) {
                Outcome::Unknown(Some(failure))
            } else {
                Outcome::without_effect(failure)
            }
        })
    }

    /// # Safety
    /// `result` is what the host passes to `done`.
    pub(crate) unsafe fn from_raw(result: &raw::HttpResult) -> Answer {
        if result.has_response == 0 {
            let failure = match result.error.as_ref() {
                Some(error) => Failure::from_raw(error),
                None => Failure::new(Class::HostBug, "neither a response nor a reason"),
            };
            let may_have_been_processed = result.may_have_been_processed != 0;
            return Answer::Lost { failure, may_have_been_processed };
        }
        let headers = list(result.headers, result.header_count);
        let owned = |pair: &raw::Pair| (text(pair.name).to_string(), text(pair.value).to_string());
        Answer::Response(Response {
            status: result.status,
            headers: headers.iter().map(owned).collect(),
            body: bytes(result.body).to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: i32, headers: &[(&str, &str)]) -> Answer {
        let headers = headers.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        Answer::Response(Response { status, headers, body: Vec::new() })
    }

    #[test]
    fn what_an_answer_means_for_what_was_asked() {
        assert!(answer(200, &[]).success().is_ok());
        let classes =
            [(401, Class::AuthExpired), (403, Class::AuthDenied), (500, Class::Transient)];
        for (status, class) in classes {
            assert_eq!(answer(status, &[]).success().unwrap_err().class, class, "{status}");
        }
        let failure = Failure::new(Class::Transient, "connection reset");
        let lost = Answer::Lost { failure: failure.clone(), may_have_been_processed: true };
        assert_eq!(lost.success().unwrap_err(), failure);
    }

    #[test]
    fn what_an_answer_means_for_a_record() {
        assert!(answer(204, &[]).accepted().is_ok());
        match answer(429, &[("retry-after", "7")]).accepted() {
            Err(Outcome::Failed(failure)) => {
                assert_eq!(
                    (failure.class, failure.retry_after_ms),
                    (Class::RateLimited, Some(7000))
                );
            }
            other => panic!("{other:?}"),
        }
        match answer(422, &[]).accepted() {
            Err(Outcome::Failed(failure)) => {
                assert_eq!(
                    (failure.class, failure.provider_code.as_str()),
                    (Class::Permanent, "422")
                );
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(answer(500, &[]).accepted(), Err(Outcome::Unknown(Some(_)))));
        let lost = |may_have_been_processed| Answer::Lost {
            failure: Failure::new(Class::Transient, "connection reset"),
            may_have_been_processed,
        };
        assert!(matches!(lost(true).accepted(), Err(Outcome::Unknown(_))));
        assert!(matches!(lost(false).accepted(), Err(Outcome::Failed(_))));
        let cancelled = Answer::Lost {
            failure: Failure::new(Class::Cancelled, "the operation was cancelled"),
            may_have_been_processed: false,
        };
        assert!(matches!(cancelled.accepted(), Err(Outcome::NotAttempted(Some(_)))));
    }
}
