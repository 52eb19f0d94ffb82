//! Webhooks: requests as they came in, the records that they become, and replies.
use std::marker::PhantomData;

use crate::raw;
use crate::text::{bytes, lend, text};
use crate::write::Operation;

/// One request, after the host has verified it.
pub struct WebhookRequest<'a>(pub(crate) &'a raw::WebhookRequest);

impl<'a> WebhookRequest<'a> {
    /// `POST`
    pub fn method(&self) -> &'a str {
        unsafe { text(self.0.method) }
    }

    /// What follows `/hooks/NAME`: empty or `/events`.
    pub fn path(&self) -> &'a str {
        unsafe { text(self.0.path) }
    }

    /// As it was sent, without `?`.
    pub fn query(&self) -> &'a str {
        unsafe { text(self.0.query) }
    }

    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        if self.0.header_count == 0 {
            return None;
        }
        let headers =
            unsafe { std::slice::from_raw_parts(self.0.headers, self.0.header_count as usize) };
        let named = |pair: &&raw::Pair| unsafe { text(pair.name) }.eq_ignore_ascii_case(name);
        headers.iter().find(named).map(|pair| unsafe { text(pair.value) })
    }

    /// Decoded, if it came compressed.
    pub fn body(&self) -> &'a [u8] {
        unsafe { bytes(self.0.body) }
    }

    /// When it came, in nanoseconds since 1970 UTC.
    pub fn received_ns(&self) -> i64 {
        self.0.received_ns
    }
}

/// A record that a source yields.
#[derive(Clone, Debug)]
pub struct NewRecord<'a> {
    /// What is to be done with it.
    pub operation: Operation,
    /// One of the manifest's source streams.
    pub stream: &'a str,
    /// Identifies it within its stream: 1 to 1024 bytes.
    pub key: &'a str,
    /// JSON; may be empty for a delete.
    pub body: &'a str,
    /// When it happened, if the source says so, in nanoseconds since 1970 UTC.
    pub occurred_ns: Option<i64>,
}

/// Where the records of one request go.
pub struct Records<'a> {
    sink: &'a raw::RecordSink,
    only_here: PhantomData<*const ()>,
}

impl<'a> Records<'a> {
    pub(crate) fn new(sink: &'a raw::RecordSink) -> Records<'a> {
        Records { sink, only_here: PhantomData }
    }

    /// Adds a record. False: the host will not use this translation (a limit, an invalid record),
    /// so the connector should return.
    pub fn add(&mut self, record: &NewRecord<'_>) -> bool {
        let raw = raw::Record {
            struct_size: std::mem::size_of::<raw::Record>() as u32,
            operation: if record.operation == Operation::Delete { 2 } else { 1 },
            stream: lend(record.stream),
            key: lend(record.key),
            body: lend(record.body),
            body_format: raw::BODY_JSON,
            reserved: 0,
            occurred_ns: record.occurred_ns.unwrap_or(raw::NO_TIME),
            parent_stream: lend(""),
            parent_key: lend(""),
        };
        unsafe { (self.sink.record)(self.sink.handle, &raw) == 0 }
    }
}

/// What a request is answered with.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Of HTTP.
    pub status: i32,
    /// Empty for none.
    pub content_type: String,
    /// The body.
    pub body: String,
}

impl Reply {
    pub(crate) fn give(&self, sink: &raw::ReplySink) {
        let raw = raw::WebhookReply {
            struct_size: std::mem::size_of::<raw::WebhookReply>() as u32,
            status: self.status,
            content_type: lend(&self.content_type),
            body: lend(&self.body),
        };
        unsafe { (sink.reply)(sink.handle, &raw) }
    }
}
