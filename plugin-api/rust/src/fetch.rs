//! Records of the platform, read by key.
use std::ptr::null;

use crate::failure::Failure;
use crate::http::{Answer, Request};
use crate::raw;
use crate::runtime::Operation;
use crate::text::{lend, text};

/// What a request for a record has brought.
#[derive(Debug)]
pub enum Fetched {
    /// The record, JSON.
    Found(String),
    /// The platform says that there is no such record.
    Absent,
    /// Why it can't be said.
    Failed(Failure),
}

/// Records of one stream to read. It is complete when its last `Rc` is gone; a request of which
/// nothing was told has failed.
pub struct FetchBatch<C> {
    operation: Operation<C>,
    raw: *const raw::FetchBatch, // borrowed until the operation is complete
}

/// One record to read.
#[derive(Clone, Copy)]
pub struct FetchRequest<'a>(&'a raw::FetchRequest);

impl<C> FetchBatch<C> {
    pub(crate) fn new(operation: Operation<C>, raw: *const raw::FetchBatch) -> FetchBatch<C> {
        FetchBatch { operation, raw }
    }

    fn raw(&self) -> &raw::FetchBatch {
        self.operation.borrowed(self.raw)
    }

    /// One of the manifest's streams with `fetch`.
    pub fn stream(&self) -> &str {
        unsafe { text(self.raw().stream) }
    }

    /// How many requests there are; at least one.
    pub fn len(&self) -> usize {
        self.raw().request_count as usize
    }

    /// Never.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A request; panics when there is none of that index.
    pub fn request(&self, index: usize) -> FetchRequest<'_> {
        assert!(index < self.len(), "the batch has no request {index}");
        FetchRequest(unsafe { &**self.raw().requests.add(index) })
    }

    /// Says what a request has brought; once for each.
    pub fn tell(&self, index: usize, fetched: Fetched) {
        let (kind, body, failure) = match &fetched {
            Fetched::Found(body) => (1, body.as_str(), None),
            Fetched::Absent => (2, "", None),
            Fetched::Failed(failure) => (3, "", Some(failure)),
        };
        let error = failure.map(Failure::to_raw);
        let raw = raw::FetchResult {
            struct_size: std::mem::size_of::<raw::FetchResult>() as u32,
            kind,
            body: lend(body),
            body_format: raw::BODY_JSON,
            reserved: 0,
            error: error.as_ref().map_or(null(), |error| error),
        };
        if let Some(host) = self.operation.host() {
            host.fetched(self.operation.id, index as u32, &raw);
        }
    }

    /// Sends a request on the batch's behalf, as [`Batch::send`](crate::Batch::send) does.
    pub fn send(&self, request: Request, done: impl FnOnce(&mut C, Answer) + 'static) {
        self.operation.send(request, Box::new(done));
    }
}

impl<'a> FetchRequest<'a> {
    /// The record's key within the stream.
    pub fn key(&self) -> &'a str {
        unsafe { text(self.0.key) }
    }

    /// JSON, an object: what else the asker wants to say; may be empty.
    pub fn parameters(&self) -> &'a str {
        unsafe { text(self.0.parameters) }
    }
}
