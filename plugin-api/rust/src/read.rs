//! Streams of the platform, read page by page.
use std::ptr::null;

use crate::failure::Failure;
use crate::http::{Answer, Request};
use crate::raw;
use crate::runtime::{Done, Operation, What};
use crate::text::{lend, text};
use crate::webhook::NewRecord;

/// One page: what is asked for, and where its records go. Dropped without an end, it has failed.
pub struct Page<C> {
    operation: Operation<C>,
    raw: *const raw::ReadRequest, // borrowed until the operation is complete
}

impl<C: 'static> Page<C> {
    pub(crate) fn new(operation: Operation<C>, raw: *const raw::ReadRequest) -> Page<C> {
        Page { operation, raw }
    }

    fn raw(&self) -> &raw::ReadRequest {
        self.operation.borrowed(self.raw)
    }

    /// One of the manifest's streams with `read`.
    pub fn stream(&self) -> &str {
        unsafe { text(self.raw().stream) }
    }

    /// Empty for the beginning, otherwise what an earlier page ended with.
    pub fn cursor(&self) -> &str {
        unsafe { text(self.raw().cursor) }
    }

    /// Every record is wanted, not only those that are new or different since the cursor.
    pub fn is_full(&self) -> bool {
        self.raw().is_full != 0
    }

    /// How many records the page had better not exceed.
    pub fn records_max(&self) -> usize {
        self.raw().records_max as usize
    }

    /// Adds a record of the page's stream; the order is kept. False: the host will not use the page
    /// (a limit, an invalid record).
    pub fn add(&self, record: &NewRecord<'_>) -> bool {
        match self.operation.host() {
            Some(host) => host.page_record(self.operation.id, &record.to_raw()),
            None => false,
        }
    }

    /// The page is whole, and the next one begins at the cursor: at once if there is more,
    /// otherwise with the next incremental run.
    pub fn end(self, cursor: &str, has_more: bool) {
        self.tell(has_more, cursor, null());
    }

    /// The page has failed, and its records do not count. A cursor that the platform does not know
    /// any more is a failure of class `CursorInvalid`.
    pub fn fail(self, failure: &Failure) {
        self.tell(false, "", &failure.to_raw());
    }

    fn tell(&self, has_more: bool, cursor: &str, error: *const raw::Error) {
        let raw = raw::PageEnd {
            struct_size: std::mem::size_of::<raw::PageEnd>() as u32,
            has_more: has_more.into(),
            cursor: lend(cursor),
            error,
        };
        if let Some(host) = self.operation.host() {
            host.page_end(self.operation.id, &raw);
        }
    }

    /// Sends a request on the page's behalf, as [`Batch::send`](crate::Batch::send) does; `done`
    /// gets the page back.
    pub fn send(self, request: Request, done: impl FnOnce(&mut C, Page<C>, Answer) + 'static) {
        let (runtime, id) = (self.operation.runtime.clone(), self.operation.id);
        let back = Box::new(move |connector: &mut C, answer| done(connector, self, answer));
        runtime.want(id, What::Exchange(request), Done::Exchange(back));
    }
}
