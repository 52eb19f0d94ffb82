//! Requests that are signed in a way of the platform's own.
use crate::raw;
use crate::text::{bytes, lend, list, text};

/// A request as it will go out.
pub struct OutgoingRequest<'a> {
    raw: &'a raw::HttpRequest,
    sink: &'a raw::HeaderSink,
}

impl<'a> OutgoingRequest<'a> {
    pub(crate) fn new(raw: &'a raw::HttpRequest, sink: &'a raw::HeaderSink) -> OutgoingRequest<'a> {
        OutgoingRequest { raw, sink }
    }

    /// `POST`
    pub fn method(&self) -> &'a str {
        unsafe { text(self.raw.method) }
    }

    /// Absolute.
    pub fn url(&self) -> &'a str {
        unsafe { text(self.raw.url) }
    }

    /// The body.
    pub fn body(&self) -> &'a [u8] {
        unsafe { bytes(self.raw.body) }
    }

    /// Its headers, but for those that the host adds.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let headers = unsafe { list(self.raw.headers, self.raw.header_count) };
        headers.iter().map(|pair| unsafe { (text(pair.name), text(pair.value)) })
    }

    /// Adds a header, in the place of any of that name; at most 20.
    pub fn set(&mut self, name: &str, value: &str) {
        unsafe { (self.sink.header)(self.sink.context, lend(name), lend(value)) }
    }
}
