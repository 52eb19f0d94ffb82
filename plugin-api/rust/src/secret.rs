//! Secrets that a connector uses or reads, and expressions of its settings.
use std::rc::Rc;

use crate::failure::Failure;
use crate::services::Services;

/// A keyed digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Digest {
    /// 20 bytes.
    Sha1 = 1,
    /// 32 bytes.
    Sha256 = 2,
    /// 64 bytes.
    Sha512 = 3,
}

/// A secret, by reference: of [`Host::secret`](crate::Host::secret) as long as the connector, of
/// [`Connector::verify`](crate::Connector::verify) during that call. Cheap to clone.
#[derive(Clone)]
pub struct Secret {
    services: Rc<Services>,
    handle: u64,
}

impl Secret {
    pub(crate) fn new(services: Rc<Services>, handle: u64) -> Secret {
        Secret { services, handle }
    }

    /// The HMAC of the bytes, raw; the connector never sees the secret. A failure: it is not valid
    /// now.
    pub fn hmac(&self, digest: Digest, bytes: impl AsRef<[u8]>) -> Result<Vec<u8>, Failure> {
        let size = match digest {
            Digest::Sha1 => 20,
            Digest::Sha256 => 32,
            Digest::Sha512 => 64,
        };
        let mut raw = vec![0; size];
        self.services.hmac(self.handle, digest as i32, bytes.as_ref(), &mut raw)?;
        Ok(raw)
    }

    /// Is the claim, hexadecimal in either case, the HMAC of the bytes? Takes the same time
    /// wherever they differ.
    pub fn proves(
        &self,
        claimed_hex: &str,
        digest: Digest,
        bytes: impl AsRef<[u8]>,
    ) -> Result<bool, Failure> {
        let expected = to_hex(&self.hmac(digest, bytes)?);
        Ok(is_same(claimed_hex.as_bytes(), expected.as_bytes()))
    }

    /// Shows it to `look`, now; the host overwrites its memory afterwards, so keep no copy. Secrets
    /// of `verify` can't be read.
    pub fn read<T>(&self, look: impl FnOnce(&str) -> T) -> Result<T, Failure> {
        self.services.show_secret(self.handle, look)
    }
}

/// Bytes as lower-case hexadecimal digits.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether the claim, in either case, is what is expected.
fn is_same(claimed: &[u8], expected: &[u8]) -> bool {
    let pairs = claimed.iter().zip(expected);
    let differences =
        pairs.fold(0, |all, (claimed, byte)| all | (claimed.to_ascii_lowercase() ^ byte));
    claimed.len() == expected.len() && differences == 0
}

/// An expression that the host has compiled; valid as long as the connector. Cheap to clone.
#[derive(Clone)]
pub struct Expression {
    services: Rc<Services>,
    handle: u64,
}

impl Expression {
    pub(crate) fn new(services: Rc<Services>, handle: u64) -> Expression {
        Expression { services, handle }
    }

    /// The result over a JSON text, JSON as well. A failure of class `Permanent` says what does not
    /// fit.
    pub fn evaluate(&self, input_json: &str) -> Result<String, Failure> {
        self.services.evaluate(self.handle, input_json)
    }

    /// jq's truth: everything but null and false.
    pub fn is_true(&self, input_json: &str) -> Result<bool, Failure> {
        Ok(!matches!(self.evaluate(input_json)?.as_str(), "null" | "false"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_compared_whole_and_in_either_case() {
        let expected = to_hex(&[0x0a, 0xff]);
        assert_eq!(expected, "0aff");
        for claimed in ["0aff", "0AFF", "0aFf"] {
            assert!(is_same(claimed.as_bytes(), expected.as_bytes()), "{claimed}");
        }
        for claimed in ["", "0af", "0aff0", "0afe", "zaff"] {
            assert!(!is_same(claimed.as_bytes(), expected.as_bytes()), "{claimed}");
        }
    }
}
