//! Webhooks: requests as they came in, the records that they become, and replies.
use std::marker::PhantomData;

use crate::failure::Failure;
use crate::raw;
use crate::text::{bytes, lend, list, text};
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
        let headers = unsafe { list(self.0.headers, self.0.header_count) };
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
    operation: Operation,
    stream: &'a str,
    key: &'a str,
    body: &'a str,
    occurred_ns: i64,
    parent: (&'a str, &'a str),
}

impl<'a> NewRecord<'a> {
    fn new(operation: Operation, stream: &'a str, key: &'a str, body: &'a str) -> NewRecord<'a> {
        NewRecord { operation, stream, key, body, occurred_ns: raw::NO_TIME, parent: ("", "") }
    }

    /// It is there, as in its body, JSON. `stream` is one of the manifest's source streams, `key`
    /// identifies the record within it: 1 to 1024 bytes.
    pub fn upsert(stream: &'a str, key: &'a str, body: &'a str) -> NewRecord<'a> {
        NewRecord::new(Operation::Upsert, stream, key, body)
    }

    /// It is gone.
    pub fn delete(stream: &'a str, key: &'a str) -> NewRecord<'a> {
        NewRecord::new(Operation::Delete, stream, key, "")
    }

    /// Only its key is known: the host fetches it from this connector, which has the capability
    /// `fetch`.
    pub fn fetch(stream: &'a str, key: &'a str) -> NewRecord<'a> {
        NewRecord::new(Operation::Fetch, stream, key, "")
    }

    /// When it happened, in nanoseconds since 1970 UTC.
    pub fn occurred_ns(mut self, occurred_ns: i64) -> NewRecord<'a> {
        self.occurred_ns = occurred_ns;
        self
    }

    /// The record that has to be at the destination first, as a membership's audience.
    pub fn parent(mut self, stream: &'a str, key: &'a str) -> NewRecord<'a> {
        self.parent = (stream, key);
        self
    }

    pub(crate) fn to_raw(&self) -> raw::Record {
        raw::Record {
            struct_size: std::mem::size_of::<raw::Record>() as u32,
            operation: match self.operation {
                Operation::Upsert => 1,
                Operation::Delete => 2,
                Operation::Fetch => 3,
            },
            stream: lend(self.stream),
            key: lend(self.key),
            body: lend(self.body),
            body_format: raw::BODY_JSON,
            reserved: 0,
            occurred_ns: self.occurred_ns,
            parent_stream: lend(self.parent.0),
            parent_key: lend(self.parent.1),
        }
    }
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
        unsafe { (self.sink.record)(self.sink.handle, &record.to_raw()) == 0 }
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

/// What became of one record of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The destination has it now.
    Delivered,
    /// The destination had it already.
    Unchanged,
    /// The configuration does not want it there.
    Filtered,
    /// Its key got something newer.
    Superseded,
    /// It is a dead letter.
    Failed,
}

/// The outcome of a request, for a sender who waits for it.
pub struct Settled<'a>(pub(crate) &'a raw::Answer);

/// One record of a request that is settled.
#[derive(Clone, Copy)]
pub struct SettledRecord<'a>(&'a raw::AnswerRecord);

impl<'a> Settled<'a> {
    /// The event's id, for the sender to refer to.
    pub fn event(&self) -> &'a str {
        unsafe { text(self.0.event) }
    }

    /// The records of the connection whose outcome is the answer; may be none.
    pub fn records(&self) -> impl Iterator<Item = SettledRecord<'a>> {
        let records = unsafe { list(self.0.records, self.0.record_count) };
        records.iter().map(|record| SettledRecord(unsafe { &**record }))
    }
}

impl<'a> SettledRecord<'a> {
    /// What became of it.
    pub fn fate(&self) -> Fate {
        match self.0.kind {
            1 => Fate::Delivered,
            2 => Fate::Unchanged,
            3 => Fate::Filtered,
            4 => Fate::Superseded,
            _ => Fate::Failed,
        }
    }

    /// Its stream.
    pub fn stream(&self) -> &'a str {
        unsafe { text(self.0.stream) }
    }

    /// Its key.
    pub fn key(&self) -> &'a str {
        unsafe { text(self.0.key) }
    }

    /// The destination's key; empty when it gave none.
    pub fn destination_key(&self) -> &'a str {
        unsafe { text(self.0.destination_key) }
    }

    /// JSON, as the destination's connector gave it; may be empty.
    pub fn reply(&self) -> &'a str {
        unsafe { text(self.0.reply) }
    }

    /// Why it has failed.
    pub fn failure(&self) -> Option<Failure> {
        unsafe { self.0.error.as_ref() }.map(Failure::from_raw)
    }
}
