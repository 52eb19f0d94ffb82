//! What the host asks of an account that is no record: checks, discoveries, turns of own work.
use std::marker::PhantomData;
use std::ptr::null;

use crate::failure::Failure;
use crate::http::{Answer, Request};
use crate::json;
use crate::raw;
use crate::runtime::{Done, Operation, What};
use crate::services::Services;

/// Something that the host has asked for, with one result. Dropped without one, it has failed.
pub struct Task<C, T> {
    operation: Operation<C>,
    result: PhantomData<T>,
}

impl<C: 'static, T: Told> Task<C, T> {
    pub(crate) fn new(operation: Operation<C>) -> Task<C, T> {
        Task { operation, result: PhantomData }
    }

    /// Gives the result, or says why there is none.
    pub fn tell(self, result: Result<T, Failure>) {
        if let Some(host) = self.operation.host() {
            let error = result.as_ref().err().map(Failure::to_raw);
            let error = error.as_ref().map_or(null(), |error| error as *const raw::Error);
            T::tell(result.ok(), host, self.operation.id, error);
        }
    }

    /// Sends a request on the task's behalf, as [`Batch::send`](crate::Batch::send) does; `done`
    /// gets the task back.
    pub fn send(self, request: Request, done: impl FnOnce(&mut C, Task<C, T>, Answer) + 'static) {
        let (runtime, id) = (self.operation.runtime.clone(), self.operation.id);
        let back = Box::new(move |connector: &mut C, answer| done(connector, self, answer));
        runtime.want(id, What::Exchange(request), Done::Exchange(back));
    }
}

/// The results that there are, and how the host is told.
pub trait Told: Sized + 'static {
    #[doc(hidden)]
    fn tell(result: Option<Self>, host: &Services, operation: u64, error: *const raw::Error);
}

/// The credentials are good.
impl Told for () {
    fn tell(_: Option<()>, host: &Services, operation: u64, error: *const raw::Error) {
        host.checked(operation, error);
    }
}

/// The streams that the account has.
impl Told for Vec<DiscoveredStream> {
    fn tell(found: Option<Self>, host: &Services, operation: u64, error: *const raw::Error) {
        let streams = found.map_or_else(String::new, |streams| to_json(&streams));
        host.discovered(operation, &streams, error);
    }
}

/// When the next turn is due.
impl Told for NextTurn {
    fn tell(next: Option<Self>, host: &Services, operation: u64, error: *const raw::Error) {
        let next_due_ns = match next {
            Some(NextTurn::At(due_ns)) => due_ns,
            _ => raw::NO_TIME,
        };
        host.worked(operation, next_due_ns, error);
    }
}

/// When the next turn of a connector's own work is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextTurn {
    /// Nanoseconds since 1970 UTC; no sooner than in a second and no later than in 366 days.
    At(i64),
    /// At the next start of the hub.
    AtStart,
}

/// A stream that an account has.
#[derive(Clone, Debug, Default)]
pub struct DiscoveredStream {
    /// Its name.
    pub name: String,
    /// For people; may be empty.
    pub title: String,
    /// What its records have.
    pub fields: Vec<DiscoveredField>,
}

/// A field of a discovered stream.
#[derive(Clone, Debug, Default)]
pub struct DiscoveredField {
    /// Its name.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean`, `object`, `array`, or empty.
    pub kind: String,
    /// For people; may be empty.
    pub title: String,
    /// Every record has it.
    pub is_required: bool,
    /// It identifies a record.
    pub is_key: bool,
}

fn to_json(streams: &[DiscoveredStream]) -> String {
    let list: Vec<json::Value> = streams.iter().map(stream_to_json).collect();
    json::Value::Array(list).to_string()
}

fn stream_to_json(stream: &DiscoveredStream) -> json::Value {
    let mut members = named(&stream.name, &stream.title);
    let fields = stream.fields.iter().map(field_to_json).collect();
    members.push(("fields".into(), json::Value::Array(fields)));
    json::Value::Object(members)
}

fn field_to_json(field: &DiscoveredField) -> json::Value {
    let mut members = named(&field.name, &field.title);
    if !field.kind.is_empty() {
        members.push(("type".into(), json::Value::Text(field.kind.clone())));
    }
    members.push(("required".into(), json::Value::Bool(field.is_required)));
    members.push(("key".into(), json::Value::Bool(field.is_key)));
    json::Value::Object(members)
}

fn named(name: &str, title: &str) -> Vec<(String, json::Value)> {
    let mut members = vec![("name".into(), json::Value::Text(name.into()))];
    if !title.is_empty() {
        members.push(("title".into(), json::Value::Text(title.into())));
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_json_without_what_is_empty() {
        let id = DiscoveredField { name: "id".into(), is_key: true, ..Default::default() };
        let total = DiscoveredField {
            name: "total".into(),
            kind: "number".into(),
            title: "Total \"net\"".into(),
            is_required: true,
            is_key: false,
        };
        let orders = DiscoveredStream {
            name: "orders".into(),
            title: String::new(),
            fields: vec![id, total],
        };
        assert_eq!(
            to_json(&[orders]),
            r#"[{"name":"orders","fields":[{"name":"id","required":false,"key":true},"#.to_string()
                + r#"{"name":"total","title":"Total \"net\"","type":"number","required":true,"key":false}]}]"#
        );
        assert_eq!(to_json(&[]), "[]");
    }
}
