//! What an instance would like its successor to know.
use std::borrow::Cow;

use crate::failure::{Class, Failure};
use crate::raw;
use crate::text::{bytes, lend, lend_bytes, text};

/// A state, with the form and its version for whoever reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State<'a> {
    /// Which form it has, such as `acme.session`: 1 to 128 bytes.
    pub schema_id: &'a str,
    /// Of that form.
    pub version: u32,
    /// At most 1 MiB, of any form.
    pub bytes: Cow<'a, [u8]>,
}

impl<'a> State<'a> {
    /// Is it of that form and version?
    pub fn is(&self, schema_id: &str, version: u32) -> bool {
        self.schema_id == schema_id && self.version == version
    }

    /// What `restore` answers to a state that it does not know: the connector starts without.
    pub fn unknown() -> Failure {
        Failure::new(Class::Unsupported, "the state is of a form that is not known")
    }

    /// # Safety
    /// What `raw` points to lives for `'a`.
    pub(crate) unsafe fn from_raw(raw: &raw::State) -> State<'a> {
        let bytes = Cow::Borrowed(bytes(raw.bytes));
        State { schema_id: text(raw.schema_id), version: raw.version, bytes }
    }

    pub(crate) fn give(&self, sink: &raw::StateSink) {
        let raw = raw::State {
            struct_size: std::mem::size_of::<raw::State>() as u32,
            version: self.version,
            schema_id: lend(self.schema_id),
            bytes: lend_bytes(&self.bytes),
        };
        unsafe { (sink.state)(sink.context, &raw) }
    }
}
