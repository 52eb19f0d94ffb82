//! The host's services, as a connector uses them.
use std::rc::Rc;

use crate::failure::Failure;
use crate::http::{Answer, Request};
use crate::runtime::{Done, Runtime, What};
use crate::secret::{Expression, Secret};
use crate::write::Outcome;

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

/// Values of the id map, in the order of the keys that were asked for; none for one that is not
/// mapped.
pub type FoundIds = Vec<Option<String>>;

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
        self.0.services.log(severity as i32, message, fields);
    }

    /// The time of day, in nanoseconds since 1970 UTC; may jump.
    pub fn now_ns(&self) -> i64 {
        self.0.services.now_ns()
    }

    /// Nanoseconds since some moment; never goes back.
    pub fn monotonic_ns(&self) -> i64 {
        self.0.services.monotonic_ns()
    }

    /// Sends a request that belongs to no operation. `done` is called once, later, with the
    /// connector; not at all when the instance ends before.
    pub fn send(&self, request: Request, done: impl FnOnce(&mut C, Answer) + 'static) {
        self.0.want(0, What::Exchange(request), Done::Exchange(Box::new(done)));
    }

    /// Appends to a file that the manifest's `allowed_files` grant; `Ok`: all bytes are on the
    /// disk. Whole lines begin on a line of their own.
    pub fn append(
        &self,
        path: &str,
        bytes: impl Into<Vec<u8>>,
        done: impl FnOnce(&mut C, Result<(), Outcome>) + 'static,
    ) {
        self.0.want_append(0, path, bytes.into(), Box::new(done));
    }

    /// Looks at most 1,000 keys of one namespace of the account's id map up.
    pub fn find_ids(
        &self,
        space: &str,
        keys: &[&str],
        done: impl FnOnce(&mut C, Result<FoundIds, Failure>) + 'static,
    ) {
        self.0.want_ids(0, space, keys, Box::new(done));
    }

    /// A secret that the manifest declares in `secrets`. A failure: it does not, or the operator
    /// has not given it.
    pub fn secret(&self, name: &str) -> Result<Secret, Failure> {
        let handle = self.0.services.find_secret(name)?;
        Ok(Secret::new(self.0.services.clone(), handle))
    }

    /// Compiles an expression in the hub's subset of jq; at most 1,000 for an instance. A failure
    /// of class `Config` names line and column.
    pub fn compile(&self, expression: &str) -> Result<Expression, Failure> {
        let handle = self.0.services.compile(expression)?;
        Ok(Expression::new(self.0.services.clone(), handle))
    }
}
