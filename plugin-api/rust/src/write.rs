//! Batches of records to write, and what became of each.
use std::ptr::null;

use crate::failure::{Class, Failure};
use crate::host::FoundIds;
use crate::http::{Answer, Request};
use crate::raw;
use crate::runtime::Operation as Open;
use crate::text::{lend, list, text};

/// What is to be done with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It is to be there, as in its body.
    Upsert,
    /// It is to be gone.
    Delete,
    /// Of a source's records: only its key is known, and the host fetches it.
    Fetch,
}

/// What became of a record.
#[derive(Debug)]
pub enum Outcome {
    /// The destination has it.
    Done,
    /// The destination has it under this key of its own.
    DoneAs(String),
    /// Surely had no effect; may simply be written again.
    NotAttempted(Option<Failure>),
    /// May have had its effect.
    Unknown(Option<Failure>),
    /// Surely had no effect, for this reason.
    Failed(Failure),
}

impl Outcome {
    /// Of what never went out.
    pub(crate) fn without_effect(failure: Failure) -> Outcome {
        if failure.class == Class::Cancelled {
            Outcome::NotAttempted(Some(failure))
        } else {
            Outcome::Failed(failure)
        }
    }
}

/// Records of one stream to write. It is complete when its last `Rc` is gone; a record of which
/// nothing was told may have had its effect.
pub struct Batch<C> {
    operation: Open<C>,
    raw: *const raw::WriteBatch, // borrowed until the operation is complete
}

/// One record of a batch.
#[derive(Clone, Copy)]
pub struct Record<'a>(&'a raw::WriteRecord);

impl<C> Batch<C> {
    pub(crate) fn new(operation: Open<C>, raw: *const raw::WriteBatch) -> Batch<C> {
        Batch { operation, raw }
    }

    fn raw(&self) -> &raw::WriteBatch {
        self.operation.borrowed(self.raw)
    }

    /// One of the manifest's destination streams.
    pub fn stream(&self) -> &str {
        unsafe { text(self.raw().stream) }
    }

    /// How many records there are; at least one.
    pub fn len(&self) -> usize {
        self.raw().record_count as usize
    }

    /// Never.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A record; panics when there is none of that index.
    pub fn record(&self, index: usize) -> Record<'_> {
        assert!(index < self.len(), "the batch has no record {index}");
        Record(unsafe { &**self.raw().records.add(index) })
    }

    /// Says what became of a record; once for each.
    pub fn tell(&self, index: usize, outcome: Outcome) {
        self.tell_with_reply(index, outcome, "");
    }

    /// The same with JSON for a sender who waits for the outcome of its webhook.
    pub fn tell_with_reply(&self, index: usize, outcome: Outcome, reply_json: &str) {
        let (kind, failure, key) = match &outcome {
            Outcome::Done => (1, None, ""),
            Outcome::DoneAs(key) => (1, None, key.as_str()),
            Outcome::NotAttempted(failure) => (2, failure.as_ref(), ""),
            Outcome::Unknown(failure) => (3, failure.as_ref(), ""),
            Outcome::Failed(failure) => (4, Some(failure), ""),
        };
        let error = failure.map(Failure::to_raw);
        let raw = raw::Outcome {
            struct_size: std::mem::size_of::<raw::Outcome>() as u32,
            kind,
            error: error.as_ref().map_or(null(), |error| error),
            destination_key: lend(key),
            reply: lend(reply_json),
        };
        if let Some(host) = self.operation.host() {
            host.outcome(self.operation.id, index as u32, &raw);
        }
    }

    /// Sends a request on the batch's behalf, when `write` or the closure that it is called in has
    /// returned; when the host cancels the batch, the request ends early. `done` is called once,
    /// later, with the connector.
    pub fn send(&self, request: Request, done: impl FnOnce(&mut C, Answer) + 'static) {
        self.operation.send(request, Box::new(done));
    }

    /// Appends to a file on the batch's behalf: see [`Host::append`](crate::Host::append).
    pub fn append(
        &self,
        path: &str,
        bytes: impl Into<Vec<u8>>,
        done: impl FnOnce(&mut C, Result<(), Outcome>) + 'static,
    ) {
        let Open { runtime, id } = &self.operation;
        runtime.want_append(*id, path, bytes.into(), Box::new(done));
    }

    /// Looks ids up on the batch's behalf: see [`Host::find_ids`](crate::Host::find_ids).
    pub fn find_ids(
        &self,
        space: &str,
        keys: &[&str],
        done: impl FnOnce(&mut C, Result<FoundIds, Failure>) + 'static,
    ) {
        let Open { runtime, id } = &self.operation;
        runtime.want_ids(*id, space, keys, Box::new(done));
    }

    /// Maps a key of the account's id map to a value, or with an empty one to nothing: seen at
    /// once, durable with the batch's outcomes, undone when no record of it is done.
    pub fn put_id(&self, space: &str, key: &str, value: &str) -> Result<(), Failure> {
        self.operation.runtime.services.put_id(self.operation.id, space, key, value)
    }
}

impl<'a> Record<'a> {
    /// What is to be done with it.
    pub fn operation(&self) -> Operation {
        if self.0.operation == 2 {
            Operation::Delete
        } else {
            Operation::Upsert
        }
    }

    /// The source's key.
    pub fn key(&self) -> &'a str {
        unsafe { text(self.0.key) }
    }

    /// JSON, after mapping; may be empty for a delete.
    pub fn body(&self) -> &'a str {
        unsafe { text(self.0.body) }
    }

    /// The destination's key; empty when it is not known yet.
    pub fn destination_key(&self) -> &'a str {
        unsafe { text(self.0.destination_key) }
    }

    /// The destination's key of the record that this one belongs to; empty without one.
    pub fn parent_key(&self) -> &'a str {
        unsafe { text(self.0.parent_key) }
    }

    /// The same for every attempt with this record and for no other.
    pub fn idempotency_key(&self) -> &'a str {
        unsafe { text(self.0.idempotency_key) }
    }

    /// An earlier attempt may have had its effect.
    pub fn is_unknown(&self) -> bool {
        self.0.is_unknown != 0
    }

    /// An earlier version has reached the destination.
    pub fn was_delivered(&self) -> bool {
        self.0.was_delivered != 0
    }

    /// All of the body counts; otherwise what the next two name, with the stream's
    /// `partial_updates`.
    pub fn is_complete(&self) -> bool {
        self.0.is_complete != 0
    }

    /// Top-level fields that are new or different.
    pub fn changed_fields(&self) -> impl Iterator<Item = &'a str> {
        unsafe { list(self.0.changed_fields, self.0.changed_count) }
            .iter()
            .map(|s| unsafe { text(*s) })
    }

    /// Top-level fields that the destination has and the body has not.
    pub fn unset_fields(&self) -> impl Iterator<Item = &'a str> {
        unsafe { list(self.0.unset_fields, self.0.unset_count) }.iter().map(|s| unsafe { text(*s) })
    }

    pub(crate) fn is_json(&self) -> bool {
        self.0.body_format == raw::BODY_JSON
    }
}
