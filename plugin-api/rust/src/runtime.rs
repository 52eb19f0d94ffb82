//! What an instance wants of the host, and what it has open there.
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crate::failure::{Class, Failure};
use crate::host::FoundIds;
use crate::http::{Answer, Request};
use crate::raw;
use crate::services::{Kind, Services};
use crate::text::text;
use crate::write::Outcome;

pub(crate) type ExchangeDone<C> = Box<dyn FnOnce(&mut C, Answer)>;
pub(crate) type AppendDone<C> = Box<dyn FnOnce(&mut C, Result<(), Outcome>)>;
pub(crate) type IdsDone<C> = Box<dyn FnOnce(&mut C, Result<FoundIds, Failure>)>;

/// What is wanted of the host.
pub(crate) enum What {
    Exchange(Request),
    Append { path: String, bytes: Vec<u8> },
    Ids { space: String, keys: Vec<String> },
}

/// Who is told how it ended.
pub(crate) enum Done<C> {
    Exchange(ExchangeDone<C>),
    Append(AppendDone<C>),
    Ids(IdsDone<C>),
}

impl<C> Done<C> {
    fn refused(self, connector: &mut C, failure: Failure) {
        match self {
            Done::Exchange(done) => {
                done(connector, Answer::Lost { failure, may_have_been_processed: false });
            }
            Done::Append(done) => done(connector, Err(Outcome::without_effect(failure))),
            Done::Ids(done) => done(connector, Err(failure)),
        }
    }
}

struct Wanted<C> {
    operation: u64, // on whose behalf, 0 for none
    what: What,
    done: Done<C>,
}

struct Waiting<C> {
    operation: u64,
    exchange: u64, // 0 for what is none
    done: Done<C>,
}

struct Open {
    kind: Kind,
    is_cancelled: bool,
}

enum Post<C> {
    Nothing,
    Complete(u64),
    Refused(Done<C>, Failure),
}

pub(crate) struct Runtime<C> {
    pub(crate) services: Rc<Services>,
    last_id: Cell<u64>,
    operations: RefCell<HashMap<u64, Open>>,
    beginning: Cell<u64>, // the operation that the host is just beginning
    wanted: RefCell<VecDeque<Wanted<C>>>,
    waiting: RefCell<HashMap<u64, Waiting<C>>>,
    posts: RefCell<HashMap<u64, Post<C>>>,
    is_stopping: Cell<bool>,
}

impl<C> Runtime<C> {
    pub(crate) fn new(host: *const raw::Host) -> Runtime<C> {
        Runtime {
            services: Rc::new(Services::new(host)),
            last_id: Cell::new(0),
            operations: RefCell::new(HashMap::new()),
            beginning: Cell::new(0),
            wanted: RefCell::new(VecDeque::new()),
            waiting: RefCell::new(HashMap::new()),
            posts: RefCell::new(HashMap::new()),
            is_stopping: Cell::new(false),
        }
    }

    fn next_id(&self) -> u64 {
        self.last_id.set(self.last_id.get() + 1);
        self.last_id.get()
    }

    // ---- What is wanted of the host

    /// It goes out when the call that the connector is in has returned, and not at all when that
    /// fails: then nothing has had an effect. Besides, the host asks sign() from inside its send(),
    /// and the connector can't be called in the midst of itself.
    pub(crate) fn want(&self, operation: u64, what: What, done: Done<C>) {
        self.wanted.borrow_mut().push_back(Wanted { operation, what, done });
    }

    pub(crate) fn want_append(
        &self,
        operation: u64,
        path: &str,
        bytes: Vec<u8>,
        done: AppendDone<C>,
    ) {
        self.want(operation, What::Append { path: path.into(), bytes }, Done::Append(done));
    }

    pub(crate) fn want_ids(&self, operation: u64, space: &str, keys: &[&str], done: IdsDone<C>) {
        let keys = keys.iter().map(|key| key.to_string()).collect();
        self.want(operation, What::Ids { space: space.into(), keys }, Done::Ids(done));
    }

    fn next_wanted(&self) -> Option<Wanted<C>> {
        self.wanted.borrow_mut().pop_front()
    }

    pub(crate) fn begin_wanted(&self) {
        while let Some(Wanted { operation, what, done }) = self.next_wanted() {
            let id = self.next_id();
            match self.begin_one(operation, &what, id) {
                Ok(exchange) => {
                    self.waiting.borrow_mut().insert(id, Waiting { operation, exchange, done });
                }
                Err(failure) => self.post(Post::Refused(done, failure)),
            }
        }
    }

    fn begin_one(&self, operation: u64, what: &What, id: u64) -> Result<u64, Failure> {
        if operation != 0 && !self.goes_on(operation) {
            return Err(Failure::new(Class::Cancelled, "the operation was cancelled"));
        }
        match what {
            What::Exchange(request) => self.services.send(request, id),
            What::Append { path, bytes } => self.services.append(path, bytes, id).map(|()| 0),
            What::Ids { space, keys } => self.services.find_ids(space, keys, id).map(|()| 0),
        }
    }

    pub(crate) fn forget_wanted(&self) {
        while let Some(wanted) = self.next_wanted() {
            drop(wanted); // may hold an operation, which ends here
        }
    }

    fn take_waiting(&self, id: u64) -> Option<Done<C>> {
        self.waiting.borrow_mut().remove(&id).map(|waiting| waiting.done)
    }

    pub(crate) fn http_done(&self, connector: &mut C, id: u64, result: &raw::HttpResult) {
        if let Some(Done::Exchange(done)) = self.take_waiting(id) {
            done(connector, unsafe { Answer::from_raw(result) });
        }
    }

    pub(crate) fn file_done(&self, connector: &mut C, id: u64, error: Option<&raw::Error>) {
        if let Some(Done::Append(done)) = self.take_waiting(id) {
            let told = error.map(|error| Outcome::Unknown(Some(Failure::from_raw(error))));
            done(connector, told.map_or(Ok(()), Err));
        }
    }

    pub(crate) fn ids_found(
        &self,
        connector: &mut C,
        id: u64,
        values: &[raw::Str],
        error: Option<&raw::Error>,
    ) {
        if let Some(Done::Ids(done)) = self.take_waiting(id) {
            let owned = |value: &raw::Str| Some(unsafe { text(*value) }.to_string());
            let found =
                || values.iter().map(|value| owned(value).filter(|v| !v.is_empty())).collect();
            done(connector, error.map_or_else(|| Ok(found()), |e| Err(Failure::from_raw(e))));
        }
    }

    // ---- Operations

    pub(crate) fn begin(&self, operation: u64, kind: Kind) {
        self.operations.borrow_mut().insert(operation, Open { kind, is_cancelled: false });
        self.beginning.set(operation);
    }

    pub(crate) fn has_begun(&self) {
        self.beginning.set(0);
    }

    /// The host hears nothing more of it: the call that was to begin it has failed.
    pub(crate) fn forget(&self, operation: u64) {
        self.operations.borrow_mut().remove(&operation);
    }

    /// As long as it is, what it has borrowed is there.
    pub(crate) fn is_open(&self, operation: u64) -> bool {
        self.operations.borrow().contains_key(&operation)
    }

    fn goes_on(&self, operation: u64) -> bool {
        self.operations.borrow().get(&operation).map_or(false, |open| !open.is_cancelled)
    }

    /// Its requests end early, each with an answer, and no more are sent for it.
    pub(crate) fn cancel(&self, operation: u64) {
        if let Some(open) = self.operations.borrow_mut().get_mut(&operation) {
            open.is_cancelled = true;
        }
        let of_it = |waiting: &&Waiting<C>| waiting.operation == operation && waiting.exchange != 0;
        let exchanges: Vec<u64> =
            self.waiting.borrow().values().filter(of_it).map(|waiting| waiting.exchange).collect();
        for exchange in exchanges {
            self.services.cancel(exchange);
        }
    }

    /// Nobody has anything to say of it any more.
    fn end(&self, operation: u64) {
        if !self.is_open(operation) {
            return;
        }
        if self.beginning.get() == operation {
            self.post(Post::Complete(operation)); // not from inside the call that began it
        } else {
            self.complete(operation);
        }
    }

    fn complete(&self, operation: u64) {
        let open = self.operations.borrow_mut().remove(&operation);
        if let Some(open) = open {
            self.services.complete(open.kind, operation);
        }
    }

    // ---- Later

    fn post(&self, post: Post<C>) {
        let id = self.next_id();
        if self.services.post(id) {
            self.posts.borrow_mut().insert(id, post);
        }
    }

    pub(crate) fn posted(&self, connector: &mut C, id: u64) {
        let post = self.posts.borrow_mut().remove(&id);
        match post {
            Some(Post::Complete(operation)) => self.complete(operation),
            Some(Post::Refused(done, failure)) => done.refused(connector, failure),
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
        let is_idle = self.operations.borrow().is_empty()
            && self.waiting.borrow().is_empty()
            && self.posts.borrow().is_empty();
        if self.is_stopping.get() && is_idle {
            self.is_stopping.set(false);
            self.services.stopped();
        }
    }

    /// From destroy() on the host may not be called; closures that are left go unheard.
    pub(crate) fn close(&self) {
        self.services.close();
        self.operations.borrow_mut().clear();
        self.forget_wanted();
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        let posts = std::mem::take(&mut *self.posts.borrow_mut());
        drop((waiting, posts));
    }
}

/// An operation of the host's, as whoever works for it has it: open until this is dropped.
pub(crate) struct Operation<C> {
    pub(crate) runtime: Rc<Runtime<C>>,
    pub(crate) id: u64,
}

impl<C> Operation<C> {
    pub(crate) fn send(&self, request: Request, done: ExchangeDone<C>) {
        self.runtime.want(self.id, What::Exchange(request), Done::Exchange(done));
    }

    /// What the host hears of it; none when it is over.
    pub(crate) fn host(&self) -> Option<&Services> {
        Some(&*self.runtime.services).filter(|_| self.runtime.is_open(self.id))
    }

    /// What was borrowed until the operation is complete. Panics when it is over: what begins an
    /// operation has failed, and somebody has kept it nevertheless.
    pub(crate) fn borrowed<'a, T>(&'a self, raw: *const T) -> &'a T {
        assert!(self.runtime.is_open(self.id), "the operation is over");
        unsafe { &*raw }
    }
}

impl<C> Drop for Operation<C> {
    fn drop(&mut self) {
        self.runtime.end(self.id);
    }
}
