//! What an instance has open, and the host's services for it.
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ptr::{null, NonNull};
use std::rc::Rc;

use crate::failure::{self, Class, Failure};
use crate::http::{Answer, Request};
use crate::raw;
use crate::text::lend;

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Severity {
    /// For whoever looks for a mistake.
    Debug = 0,
    /// What happened.
    Info = 1,
    /// What may need somebody.
    Warn = 2,
    /// What needs somebody.
    Error = 3,
}

/// The host's services for this instance. Cheap to clone.
pub struct Host<C>(pub(crate) Rc<Runtime<C>>);

impl<C> Clone for Host<C> {
    fn clone(&self) -> Self {
        Host(self.0.clone())
    }
}

impl<C> Host<C> {
    /// Logs a message that is the same for all such events, with what differs in `fields`.
    pub fn log(&self, severity: Severity, message: &str, fields: &[(&str, &str)]) {
        let pairs: Vec<raw::Pair> = fields
            .iter()
            .map(|(name, value)| raw::Pair { name: lend(name), value: lend(value) })
            .collect();
        if let Some(log) = unsafe { self.0.log.get().as_ref() } {
            unsafe {
                (log.log)(self.0.handle(), severity as i32, lend(message), pairs.as_ptr(), pairs.len() as u32)
            }
        }
    }

    /// The time of day, in nanoseconds since 1970 UTC; may jump.
    pub fn now_ns(&self) -> i64 {
        match unsafe { self.0.clock.get().as_ref() } {
            Some(clock) => unsafe { (clock.now_ns)(self.0.handle()) },
            None => raw::NO_TIME,
        }
    }

    /// Sends a request that belongs to no batch. `done` is called once, later, with the connector;
    /// not at all when the instance ends before.
    pub fn send(&self, request: Request, done: impl FnOnce(&mut C, Answer) + 'static) {
        self.0.send(0, &request, Box::new(done));
    }
}

type Done<C> = Box<dyn FnOnce(&mut C, Answer)>;

struct Exchange<C> {
    handle: u64,
    operation: u64,         // on whose behalf, 0 for none
    done: Option<Done<C>>,  // none when nobody wants to know any more
}

enum Post<C> {
    Nothing,
    Complete(u64),
    Refused(Done<C>, Failure), // a request that the host did not take
}

pub(crate) struct Runtime<C> {
    host: NonNull<raw::Host>,
    http: Cell<*const raw::HostHttp>,
    write: Cell<*const raw::HostWrite>,
    log: Cell<*const raw::HostLog>,
    clock: Cell<*const raw::HostClock>,
    last_id: Cell<u64>,
    exchanges: RefCell<HashMap<u64, Exchange<C>>>,
    posts: RefCell<HashMap<u64, Post<C>>>,
    open_batches: Cell<usize>,
    beginning: Cell<u64>, // the operation whose write() is running
    is_stopping: Cell<bool>,
    is_over: Cell<bool>,
}

impl<C> Runtime<C> {
    pub(crate) fn new(host: NonNull<raw::Host>) -> Runtime<C> {
        Runtime {
            host,
            http: Cell::new(null()),
            write: Cell::new(null()),
            log: Cell::new(null()),
            clock: Cell::new(null()),
            last_id: Cell::new(0),
            exchanges: RefCell::new(HashMap::new()),
            posts: RefCell::new(HashMap::new()),
            open_batches: Cell::new(0),
            beginning: Cell::new(0),
            is_stopping: Cell::new(false),
            is_over: Cell::new(false),
        }
    }

    fn host(&self) -> &raw::Host {
        unsafe { self.host.as_ref() } // valid until destroy(), and so is this
    }

    pub(crate) fn handle(&self) -> u64 {
        self.host().handle
    }

    /// From init() on the host may be called. A failure names the table that it lacks.
    pub(crate) fn open(&self, writes: bool) -> Result<(), Failure> {
        let find = |id: &str| -> Result<*const std::ffi::c_void, Failure> {
            let table = unsafe { (self.host().get_table)(self.handle(), lend(id)) };
            if table.is_null() {
                return Err(Failure::new(Class::Unsupported, format!("the host has no table {id}")));
            }
            Ok(table)
        };
        self.http.set(find("syncline.http/1")?.cast());
        self.log.set(find("syncline.log/1")?.cast());
        self.clock.set(find("syncline.clock/1")?.cast());
        if writes {
            self.write.set(find("syncline.write/1")?.cast());
        }
        Ok(())
    }

    fn next_id(&self) -> u64 {
        self.last_id.set(self.last_id.get() + 1);
        self.last_id.get()
    }

    // ---- Requests

    pub(crate) fn send(&self, operation: u64, request: &Request, done: Done<C>) {
        let mut error = failure::empty();
        let (id, mut handle) = (self.next_id(), 0);
        let status = match unsafe { self.http.get().as_ref() } {
            Some(http) => request.with_raw(|request| unsafe {
                (http.send)(self.handle(), request, id, &mut handle, &mut error)
            }),
            None => {
                error = Failure::new(Class::Unsupported, "the host has no HTTP").to_raw();
                error.failure_class
            }
        };
        if status == raw::OK {
            let exchange = Exchange { handle, operation, done: Some(done) };
            self.exchanges.borrow_mut().insert(id, exchange);
        } else {
            self.post(Post::Refused(done, unsafe { Failure::from_raw(&error) }));
        }
    }

    pub(crate) fn http_done(&self, connector: &mut C, id: u64, result: &raw::HttpResult) {
        let exchange = self.exchanges.borrow_mut().remove(&id);
        if let Some(done) = exchange.and_then(|exchange| exchange.done) {
            done(connector, unsafe { Answer::from_raw(result) });
        }
    }

    /// Asks the host to end the operation's requests early; each still has its answer.
    pub(crate) fn cancel(&self, operation: u64) {
        let of_it = |exchange: &&Exchange<C>| exchange.operation == operation;
        let handles: Vec<u64> =
            self.exchanges.borrow().values().filter(of_it).map(|exchange| exchange.handle).collect();
        if let Some(http) = unsafe { self.http.get().as_ref() } {
            for handle in handles {
                unsafe { (http.cancel)(self.handle(), handle) }
            }
        }
    }

    // ---- Batches

    pub(crate) fn begin_batch(&self, operation: u64) {
        self.open_batches.set(self.open_batches.get() + 1);
        self.beginning.set(operation);
    }

    pub(crate) fn has_begun(&self) {
        self.beginning.set(0);
    }

    /// The host hears nothing more of it: write() has failed.
    pub(crate) fn forget_batch(&self, operation: u64) {
        self.cancel(operation);
        let forgotten: Vec<Done<C>> = self
            .exchanges
            .borrow_mut()
            .values_mut()
            .filter(|exchange| exchange.operation == operation)
            .filter_map(|exchange| exchange.done.take())
            .collect();
        drop(forgotten); // they hold the batch, which may end here
    }

    pub(crate) fn tell(&self, operation: u64, index: u32, outcome: &raw::Outcome) {
        if self.is_over.get() {
            return;
        }
        if let Some(write) = unsafe { self.write.get().as_ref() } {
            unsafe { (write.outcome)(self.handle(), operation, index, outcome) };
        }
    }

    /// Nobody has anything to say of it any more.
    pub(crate) fn end_batch(&self, operation: u64, is_forgotten: bool) {
        if self.is_over.get() {
            return;
        }
        if is_forgotten {
            self.open_batches.set(self.open_batches.get() - 1);
        } else if self.beginning.get() == operation {
            self.post(Post::Complete(operation)); // not from inside the call that began it
        } else {
            self.complete(operation);
        }
    }

    fn complete(&self, operation: u64) {
        self.open_batches.set(self.open_batches.get() - 1);
        if let Some(write) = unsafe { self.write.get().as_ref() } {
            unsafe { (write.complete)(self.handle(), operation) };
        }
    }

    // ---- Later

    fn post(&self, post: Post<C>) {
        let id = self.next_id();
        if unsafe { (self.host().post)(self.handle(), id) } == raw::OK {
            self.posts.borrow_mut().insert(id, post);
        }
    }

    pub(crate) fn posted(&self, connector: &mut C, id: u64) {
        let post = self.posts.borrow_mut().remove(&id);
        match post {
            Some(Post::Complete(operation)) => self.complete(operation),
            Some(Post::Refused(done, failure)) => {
                done(connector, Answer::Lost { failure, may_have_been_processed: false });
            }
            Some(Post::Nothing) | None => {}
        }
    }

    // ---- The end

    pub(crate) fn stop(&self) {
        self.is_stopping.set(true);
        self.post(Post::Nothing); // `stopped` is not told from inside stop()
    }

    /// Behind every call but stop(): tells the host when nothing is open any more.
    pub(crate) fn settle(&self) {
        let is_idle = self.exchanges.borrow().is_empty()
            && self.posts.borrow().is_empty()
            && self.open_batches.get() == 0;
        if self.is_stopping.get() && is_idle {
            self.is_stopping.set(false);
            unsafe { (self.host().stopped)(self.handle()) };
        }
    }

    /// From destroy() on the host may not be called; closures that are left go unheard.
    pub(crate) fn close(&self) {
        self.is_over.set(true);
        let exchanges = std::mem::take(&mut *self.exchanges.borrow_mut());
        let posts = std::mem::take(&mut *self.posts.borrow_mut());
        drop((exchanges, posts));
    }
}
