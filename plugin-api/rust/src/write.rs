//! Batches of records to write, and what became of each.
use std::cell::Cell;
use std::ptr::null;
use std::rc::Rc;

use crate::failure::Failure;
use crate::http::{Answer, Request};
use crate::raw;
use crate::runtime::Runtime;
use crate::text::{lend, text};

/// What is to be done with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It is to be there, as in its body.
    Upsert,
    /// It is to be gone.
    Delete,
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

/// Records of one stream to write. It is complete when its last `Rc` is gone; a record of which
/// nothing was told may have had its effect.
pub struct Batch<C> {
    runtime: Rc<Runtime<C>>,
    operation: u64,
    raw: *const raw::WriteBatch, // borrowed until the operation is complete
    is_forgotten: Cell<bool>,
}

/// One record of a batch.
#[derive(Clone, Copy)]
pub struct Record<'a>(&'a raw::WriteRecord);

impl<C> Batch<C> {
    pub(crate) fn new(runtime: Rc<Runtime<C>>, operation: u64, raw: *const raw::WriteBatch) -> Batch<C> {
        Batch { runtime, operation, raw, is_forgotten: Cell::new(false) }
    }

    fn raw(&self) -> &raw::WriteBatch {
        unsafe { &*self.raw }
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
            reply: lend(""),
        };
        self.runtime.tell(self.operation, index as u32, &raw);
    }

    /// Sends a request on the batch's behalf: when the host cancels the batch, the request ends
    /// early. `done` is called once, later, with the connector.
    pub fn send(&self, request: Request, done: impl FnOnce(&mut C, Answer) + 'static) {
        self.runtime.send(self.operation, &request, Box::new(done));
    }

    pub(crate) fn forget(&self) {
        self.is_forgotten.set(true);
        self.runtime.forget_batch(self.operation);
    }
}

impl<C> Drop for Batch<C> {
    fn drop(&mut self) {
        self.runtime.end_batch(self.operation, self.is_forgotten.get());
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

    pub(crate) fn is_json(&self) -> bool {
        self.0.body_format == raw::BODY_JSON
    }
}
