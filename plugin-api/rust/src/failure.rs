//! What went wrong, and of which class it is: the host decides by the class what happens next.
use std::fmt;

use crate::raw;

/// The classes of `types.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Class {
    /// A person has to change the settings.
    Config = 1,
    /// New credentials will do.
    AuthExpired = 2,
    /// The credentials are good for nothing or not for this.
    AuthDenied = 3,
    /// Later.
    RateLimited = 4,
    /// May work later by itself.
    Transient = 5,
    /// Will not work later.
    Permanent = 6,
    /// What the record refers to is not there.
    NotFound = 7,
    /// The destination holds something that excludes it.
    Conflict = 8,
    /// Start again from the beginning.
    CursorInvalid = 9,
    /// Ended because somebody asked for it.
    Cancelled = 10,
    /// Ended because it took too long.
    Deadline = 11,
    /// One side lacks a table, a stream or a format.
    Unsupported = 12,
    /// The connector broke a rule.
    PluginBug = 13,
    /// The host broke a rule.
    HostBug = 14,
    /// The handle is of something that is over.
    Stale = 15,
}

impl Class {
    pub(crate) fn from_raw(status: raw::Status) -> Class {
        const ALL: [Class; 15] = [
            Class::Config,
            Class::AuthExpired,
            Class::AuthDenied,
            Class::RateLimited,
            Class::Transient,
            Class::Permanent,
            Class::NotFound,
            Class::Conflict,
            Class::CursorInvalid,
            Class::Cancelled,
            Class::Deadline,
            Class::Unsupported,
            Class::PluginBug,
            Class::HostBug,
            Class::Stale,
        ];
        let index = usize::try_from(status).unwrap_or(0).wrapping_sub(1);
        ALL.get(index).copied().unwrap_or(Class::Permanent)
    }
}

/// A failure with a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is.
    pub class: Class,
    /// A sentence for people; never empty.
    pub message: String,
    /// When the platform says it may be tried again.
    pub retry_after_ms: Option<i64>,
    /// The platform's own code, such as `rate_limit`; may be empty.
    pub provider_code: String,
}

impl Failure {
    /// A failure of a class, with a sentence for people.
    pub fn new(class: Class, message: impl Into<String>) -> Failure {
        Failure {
            class,
            message: message.into(),
            retry_after_ms: None,
            provider_code: String::new(),
        }
    }

    /// Settings that can't be.
    pub fn config(message: impl Into<String>) -> Failure {
        Failure::new(Class::Config, message)
    }

    /// Adds the platform's own code.
    pub fn code(mut self, code: impl Into<String>) -> Failure {
        self.provider_code = code.into();
        self
    }

    pub(crate) fn to_raw(&self) -> raw::Error {
        let mut error = empty();
        error.failure_class = self.class as raw::Status;
        error.retry_after_ms = self.retry_after_ms.unwrap_or(-1);
        let message = if self.message.is_empty() { "no reason was given" } else { &self.message };
        copy(message, &mut error.message);
        copy(&self.provider_code, &mut error.provider_code);
        error
    }

    pub(crate) fn from_raw(error: &raw::Error) -> Failure {
        Failure {
            class: Class::from_raw(error.failure_class),
            message: read(&error.message),
            retry_after_ms: Some(error.retry_after_ms).filter(|after| *after >= 0),
            provider_code: read(&error.provider_code),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

pub(crate) fn empty() -> raw::Error {
    raw::Error {
        struct_size: std::mem::size_of::<raw::Error>() as u32,
        failure_class: raw::OK,
        retry_after_ms: -1,
        provider_code: [0; 64],
        message: [0; 512],
    }
}

/// As much as there is room for, in whole characters, with a NUL behind it.
fn copy(text: &str, to: &mut [u8]) {
    let mut end = text.len().min(to.len() - 1);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    to[..end].copy_from_slice(&text.as_bytes()[..end]);
    to[end] = 0;
}

fn read(text: &[u8]) -> String {
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    String::from_utf8_lossy(&text[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let error = Failure::config("ä".repeat(400)).to_raw();
        let text = read(&error.message);
        assert_eq!(text, "ä".repeat(255));
    }

    #[test]
    fn an_unknown_class_is_permanent() {
        for status in [-1, 0, 16, i32::MAX] {
            assert_eq!(Class::from_raw(status), Class::Permanent);
        }
        assert_eq!(Class::from_raw(15), Class::Stale);
        assert_eq!(Class::from_raw(1), Class::Config);
    }
}
