//! The host's tables, as one instance has them: each call that goes to the host goes through here.
use std::any::Any;
use std::cell::Cell;
use std::ffi::c_void;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::ptr::null;

use crate::failure::{self, Class, Failure};
use crate::http::Request;
use crate::raw::{self, Status};
use crate::text::{lend, lend_bytes, text};

/// What may be open at the host, each kind with a table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Write,
    Fetch,
    Read,
    Check,
    Discover,
    Work,
}

/// The tables are null before `open` and from `close` on, so that what outlives the instance calls
/// nobody.
pub struct Services {
    host: Cell<*const raw::Host>,
    http: Cell<*const raw::HostHttp>,
    log: Cell<*const raw::HostLog>,
    clock: Cell<*const raw::HostClock>,
    expr: Cell<*const raw::HostExpr>,
    secret: Cell<*const raw::HostSecret>,
    hmac: Cell<*const raw::HostHmac>,
    file: Cell<*const raw::HostFile>,
    idmap: Cell<*const raw::HostIdmap>,
    write: Cell<*const raw::HostWrite>,
    fetch: Cell<*const raw::HostFetch>,
    read: Cell<*const raw::HostRead>,
    check: Cell<*const raw::HostCheck>,
    discover: Cell<*const raw::HostDiscover>,
    periodic: Cell<*const raw::HostPeriodic>,
}

fn lacks(id: &str) -> Failure {
    Failure::new(Class::Unsupported, format!("the host has no table {id}"))
}

/// Calls a function of the host that may fail.
fn asked(call: impl FnOnce(*mut raw::Error) -> Status) -> Result<(), Failure> {
    let mut error = failure::empty();
    match call(&mut error) {
        raw::OK => Ok(()),
        _ => Err(Failure::from_raw(&error)),
    }
}

impl Services {
    pub(crate) fn new(host: *const raw::Host) -> Services {
        Services {
            host: Cell::new(host),
            http: Cell::new(null()),
            log: Cell::new(null()),
            clock: Cell::new(null()),
            expr: Cell::new(null()),
            secret: Cell::new(null()),
            hmac: Cell::new(null()),
            file: Cell::new(null()),
            idmap: Cell::new(null()),
            write: Cell::new(null()),
            fetch: Cell::new(null()),
            read: Cell::new(null()),
            check: Cell::new(null()),
            discover: Cell::new(null()),
            periodic: Cell::new(null()),
        }
    }

    /// From init() on the host may be called. A failure names a table that nothing can do without.
    pub(crate) fn open(&self, writes: bool) -> Result<(), Failure> {
        let find = |id: &str| match unsafe { self.host.get().as_ref() } {
            Some(host) => unsafe { (host.get_table)(host.handle, lend(id)) },
            None => null(),
        };
        let need =
            |id: &str| Some(find(id)).filter(|table| !table.is_null()).ok_or_else(|| lacks(id));
        self.http.set(need("syncline.http/1")?.cast());
        self.log.set(need("syncline.log/1")?.cast());
        self.clock.set(need("syncline.clock/1")?.cast());
        if writes {
            self.write.set(need("syncline.write/1")?.cast());
        }
        self.expr.set(find("syncline.expr/1").cast());
        self.secret.set(find("syncline.secret/1").cast());
        self.hmac.set(find("syncline.hmac/1").cast());
        self.file.set(find("syncline.file/1").cast());
        self.idmap.set(find("syncline.idmap/1").cast());
        self.fetch.set(find("syncline.fetch/1").cast());
        self.read.set(find("syncline.read/1").cast());
        self.check.set(find("syncline.check/1").cast());
        self.discover.set(find("syncline.discover/1").cast());
        self.periodic.set(find("syncline.periodic/1").cast());
        Ok(())
    }

    /// Whether operations of that kind can be reported.
    pub(crate) fn need(&self, kind: Kind) -> Result<(), Failure> {
        let (is_there, id) = match kind {
            Kind::Write => (!self.write.get().is_null(), "syncline.write/1"),
            Kind::Fetch => (!self.fetch.get().is_null(), "syncline.fetch/1"),
            Kind::Read => (!self.read.get().is_null(), "syncline.read/1"),
            Kind::Check => (!self.check.get().is_null(), "syncline.check/1"),
            Kind::Discover => (!self.discover.get().is_null(), "syncline.discover/1"),
            Kind::Work => (!self.periodic.get().is_null(), "syncline.periodic/1"),
        };
        if is_there {
            Ok(())
        } else {
            Err(lacks(id))
        }
    }

    /// From destroy() on the host may not be called.
    pub(crate) fn close(&self) {
        self.host.set(null());
        self.http.set(null());
        self.log.set(null());
        self.clock.set(null());
        self.expr.set(null());
        self.secret.set(null());
        self.hmac.set(null());
        self.file.set(null());
        self.idmap.set(null());
        self.write.set(null());
        self.fetch.set(null());
        self.read.set(null());
        self.check.set(null());
        self.discover.set(null());
        self.periodic.set(null());
    }

    /// A table with the handle that each of its functions wants first; none when there is none.
    fn with<Table, T>(
        &self,
        table: &Cell<*const Table>,
        call: impl FnOnce(&Table, u64) -> T,
    ) -> Option<T> {
        let host = unsafe { self.host.get().as_ref() }?;
        let table = unsafe { table.get().as_ref() }?;
        Some(call(table, host.handle))
    }

    // ---- Always there

    pub(crate) fn log(&self, severity: i32, message: &str, fields: &[(&str, &str)]) {
        let pairs: Vec<raw::Pair> = fields
            .iter()
            .map(|(name, value)| raw::Pair { name: lend(name), value: lend(value) })
            .collect();
        self.with(&self.log, |table, host| unsafe {
            (table.log)(host, severity, lend(message), pairs.as_ptr(), pairs.len() as u32)
        });
    }

    pub(crate) fn now_ns(&self) -> i64 {
        self.with(&self.clock, |table, host| unsafe { (table.now_ns)(host) })
            .unwrap_or(raw::NO_TIME)
    }

    pub(crate) fn monotonic_ns(&self) -> i64 {
        self.with(&self.clock, |table, host| unsafe { (table.monotonic_ns)(host) }).unwrap_or(0)
    }

    /// False: the host takes none any more.
    pub(crate) fn post(&self, id: u64) -> bool {
        self.with(&self.host, |table, host| unsafe { (table.post)(host, id) }) == Some(raw::OK)
    }

    pub(crate) fn stopped(&self) {
        self.with(&self.host, |table, host| unsafe { (table.stopped)(host) });
    }

    // ---- What ends in a call of the host's

    /// Returns the exchange's handle.
    pub(crate) fn send(&self, request: &Request, id: u64) -> Result<u64, Failure> {
        let mut handle = 0;
        let send = |table: &raw::HostHttp, host| {
            request.with_raw(|request| {
                asked(|error| unsafe { (table.send)(host, request, id, &mut handle, error) })
            })
        };
        self.with(&self.http, send).unwrap_or_else(|| Err(lacks("syncline.http/1")))?;
        Ok(handle)
    }

    pub(crate) fn cancel(&self, exchange: u64) {
        self.with(&self.http, |table, host| unsafe { (table.cancel)(host, exchange) });
    }

    pub(crate) fn append(&self, path: &str, bytes: &[u8], id: u64) -> Result<(), Failure> {
        self.with(&self.file, |table, host| {
            asked(|error| unsafe { (table.append)(host, lend(path), lend_bytes(bytes), id, error) })
        })
        .unwrap_or_else(|| Err(lacks("syncline.file/1")))
    }

    pub(crate) fn find_ids(&self, space: &str, keys: &[String], id: u64) -> Result<(), Failure> {
        let raw: Vec<raw::Str> = keys.iter().map(|key| lend(key)).collect();
        self.with(&self.idmap, |table, host| {
            asked(|error| unsafe {
                (table.get)(host, lend(space), raw.as_ptr(), raw.len() as u32, id, error)
            })
        })
        .unwrap_or_else(|| Err(lacks("syncline.idmap/1")))
    }

    pub(crate) fn put_id(
        &self,
        operation: u64,
        space: &str,
        key: &str,
        value: &str,
    ) -> Result<(), Failure> {
        self.with(&self.idmap, |table, host| {
            asked(|error| unsafe {
                (table.put)(host, operation, lend(space), lend(key), lend(value), error)
            })
        })
        .unwrap_or_else(|| Err(lacks("syncline.idmap/1")))
    }

    // ---- Secrets and expressions

    pub(crate) fn find_secret(&self, name: &str) -> Result<u64, Failure> {
        let mut secret = 0;
        self.with(&self.secret, |table, host| {
            asked(|error| unsafe { (table.find)(host, lend(name), &mut secret, error) })
        })
        .unwrap_or_else(|| Err(lacks("syncline.secret/1")))?;
        Ok(secret)
    }

    pub(crate) fn show_secret<T>(
        &self,
        secret: u64,
        look: impl FnOnce(&str) -> T,
    ) -> Result<T, Failure> {
        self.with(&self.secret, |table, host| {
            into_sink(look, |sink, error| unsafe { (table.show)(host, secret, sink, error) })
        })
        .unwrap_or_else(|| Err(lacks("syncline.secret/1")))
    }

    pub(crate) fn hmac(
        &self,
        secret: u64,
        algorithm: i32,
        bytes: &[u8],
        digest: &mut [u8],
    ) -> Result<(), Failure> {
        let status = self.with(&self.hmac, |table, host| unsafe {
            (table.hmac)(host, secret, algorithm, lend_bytes(bytes), digest.as_mut_ptr())
        });
        match status {
            Some(raw::OK) => Ok(()),
            Some(status) => {
                Err(Failure::new(Class::from_raw(status), "there is no such secret now"))
            }
            None => Err(lacks("syncline.hmac/1")),
        }
    }

    pub(crate) fn compile(&self, expression: &str) -> Result<u64, Failure> {
        let mut compiled = 0;
        self.with(&self.expr, |table, host| {
            asked(|error| unsafe { (table.compile)(host, lend(expression), &mut compiled, error) })
        })
        .unwrap_or_else(|| Err(lacks("syncline.expr/1")))?;
        Ok(compiled)
    }

    pub(crate) fn evaluate(&self, expression: u64, input_json: &str) -> Result<String, Failure> {
        self.with(&self.expr, |table, host| {
            into_sink(str::to_string, |sink, error| unsafe {
                (table.evaluate)(host, expression, lend(input_json), sink, error)
            })
        })
        .unwrap_or_else(|| Err(lacks("syncline.expr/1")))
    }

    // ---- What became of an operation

    pub(crate) fn outcome(&self, operation: u64, index: u32, outcome: &raw::Outcome) {
        self.with(&self.write, |table, host| unsafe {
            (table.outcome)(host, operation, index, outcome)
        });
    }

    pub(crate) fn fetched(&self, operation: u64, index: u32, result: &raw::FetchResult) {
        self.with(&self.fetch, |table, host| unsafe {
            (table.result)(host, operation, index, result)
        });
    }

    /// False: the host will not use the page.
    pub(crate) fn page_record(&self, operation: u64, record: &raw::Record) -> bool {
        self.with(&self.read, |table, host| unsafe { (table.record)(host, operation, record) })
            == Some(raw::OK)
    }

    pub(crate) fn page_end(&self, operation: u64, end: &raw::PageEnd) {
        self.with(&self.read, |table, host| unsafe { (table.end)(host, operation, end) });
    }

    pub(crate) fn checked(&self, operation: u64, error: *const raw::Error) {
        self.with(&self.check, |table, host| unsafe { (table.outcome)(host, operation, error) });
    }

    pub(crate) fn discovered(&self, operation: u64, streams: &str, error: *const raw::Error) {
        self.with(&self.discover, |table, host| unsafe {
            (table.outcome)(host, operation, lend(streams), error)
        });
    }

    pub(crate) fn worked(&self, operation: u64, next_due_ns: i64, error: *const raw::Error) {
        self.with(&self.periodic, |table, host| unsafe {
            (table.outcome)(host, operation, next_due_ns, error)
        });
    }

    pub(crate) fn complete(&self, kind: Kind, operation: u64) {
        match kind {
            Kind::Write => {
                self.with(&self.write, |t, host| unsafe { (t.complete)(host, operation) })
            }
            Kind::Fetch => {
                self.with(&self.fetch, |t, host| unsafe { (t.complete)(host, operation) })
            }
            Kind::Read => self.with(&self.read, |t, host| unsafe { (t.complete)(host, operation) }),
            Kind::Check => {
                self.with(&self.check, |t, host| unsafe { (t.complete)(host, operation) })
            }
            Kind::Discover => {
                self.with(&self.discover, |t, host| unsafe { (t.complete)(host, operation) })
            }
            Kind::Work => {
                self.with(&self.periodic, |t, host| unsafe { (t.complete)(host, operation) })
            }
        };
    }
}

/// What a text sink is given: the closure that takes the text, and what came of it.
struct Taking<F, T> {
    take: Option<F>,
    taken: Option<Result<T, Box<dyn Any + Send>>>,
}

/// Calls a function of the host that gives a text, and takes the text while it is lent. A panic of
/// `take` goes on when the host's function has returned.
fn into_sink<T, F: FnOnce(&str) -> T>(
    take: F,
    call: impl FnOnce(&raw::TextSink, *mut raw::Error) -> Status,
) -> Result<T, Failure> {
    unsafe extern "C" fn put<T, F: FnOnce(&str) -> T>(context: *mut c_void, given: raw::Str) {
        let taking = &mut *context.cast::<Taking<F, T>>();
        if let Some(take) = taking.take.take() {
            taking.taken = Some(catch_unwind(AssertUnwindSafe(|| take(text(given)))));
        }
    }
    let mut taking = Taking { take: Some(take), taken: None };
    let sink = raw::TextSink {
        struct_size: std::mem::size_of::<raw::TextSink>() as u32,
        reserved: 0,
        context: (&mut taking as *mut Taking<F, T>).cast(),
        text: put::<T, F>,
    };
    asked(|error| call(&sink, error))?;
    match taking.taken {
        Some(Ok(taken)) => Ok(taken),
        Some(Err(panic)) => resume_unwind(panic),
        None => Err(Failure::new(Class::HostBug, "the host gave no text")),
    }
}
