//! A source and a destination in safe Rust that has every capability: a webhook's body is a record
//! whose key is the last part of its path, and each record is sent on as a request of its own.
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::rc::Rc;

use syncline_connector::{
    export_connector, json, to_hex, Batch, Class, Connector, Digest, DiscoveredField,
    DiscoveredStream, Expression, Failure, Fate, FetchBatch, Fetched, Host, NewRecord, NextTurn,
    Operation, Outcome, OutgoingRequest, Page, Records, Reply, Request, Secret, Settled, State,
    Task, WebhookRequest,
};

const HOUR_NS: i64 = 3_600_000_000_000;
const KEY_BYTES_MAX: usize = 400;
const STATE: (&str, u32) = ("things.written", 1);

struct Things {
    host: Host<Things>,
    base_url: String,
    path: Option<String>, // a file that gets a line for each record that was written
    key: Option<Expression>, // of a record, when the request's path has none
    is_read_only: bool,
    written: u64,
}

impl Things {
    fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, &format!("{}{path}", self.base_url))
            .header("X-Version", env!("CARGO_PKG_VERSION"))
    }

    fn put(&self, batch: &Rc<Batch<Self>>, index: usize) {
        let record = batch.record(index);
        let request = self
            .request("PUT", &format!("/things/{}", escaped(record.key())))
            .header("Content-Type", "application/json")
            .body(record.body());
        let again = batch.clone();
        batch.send(request, move |things, answer| match answer.accepted() {
            Ok(response) => {
                things.written += 1;
                let outcome = number_of(&again, index, &response.body);
                things.note(&again, index, outcome);
            }
            Err(outcome) => again.tell(index, outcome),
        });
    }

    /// Tells the outcome of a record, when the file has its line.
    fn note(&self, batch: &Rc<Batch<Self>>, index: usize, outcome: Outcome) {
        let path = match &self.path {
            Some(path) => path,
            None => return batch.tell(index, outcome),
        };
        let line = format!("{}\n", batch.record(index).body());
        let again = batch.clone();
        batch.append(path, line, move |_, noted| match noted {
            Ok(()) => again.tell(index, outcome),
            Err(_) => again.tell(index, Outcome::Unknown(None)),
        });
    }

    /// By the number that the platform gave it, if it gave one.
    fn delete(&self, batch: &Rc<Batch<Self>>, index: usize) {
        let again = batch.clone();
        batch.find_ids("numbers", &[batch.record(index).key()], move |things, found| {
            let number = found.ok().and_then(|mut found| found.pop().flatten());
            let name = number.unwrap_or_else(|| escaped(again.record(index).key()));
            let request = things.request("DELETE", &format!("/things/{name}"));
            let last = again.clone();
            again.send(request, move |_, answer| match answer.accepted() {
                Ok(_) => last.tell(index, Outcome::Done),
                Err(outcome) => last.tell(index, outcome),
            });
        });
    }
}

/// Remembers the number that the platform has given to a record.
fn number_of(batch: &Batch<Things>, index: usize, body: &[u8]) -> Outcome {
    let body = json::parse(std::str::from_utf8(body).unwrap_or(""));
    match body.ok().as_ref().and_then(|body| body.text("id")) {
        Some(number) => match batch.put_id("numbers", batch.record(index).key(), number) {
            Ok(()) => Outcome::DoneAs(number.to_string()),
            Err(failure) => Outcome::Unknown(Some(failure)),
        },
        None => Outcome::Done,
    }
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn parsed(body: &[u8]) -> Result<json::Value, Failure> {
    let text = std::str::from_utf8(body).map_err(|_| Failure::new(Class::Transient, "no UTF-8"))?;
    json::parse(text).map_err(|why| Failure::new(Class::Transient, why))
}

impl Connector for Things {
    fn init(host: Host<Self>, settings: &str) -> Result<Self, Failure> {
        let settings = json::parse(settings).map_err(Failure::config)?;
        let base_url =
            settings.text("base_url").ok_or_else(|| Failure::config("base_url is an URL"))?;
        let key = settings.text("key").map(|key| host.compile(key)).transpose()?;
        Ok(Things {
            host,
            base_url: base_url.trim_end_matches('/').to_string(),
            path: settings.text("path").map(str::to_string),
            key,
            is_read_only: settings.get("read_only") == Some(&json::Value::Bool(true)),
            written: 0,
        })
    }

    /// Version 0 called it `readonly`.
    fn migrate(settings: json::Value) -> Result<json::Value, Failure> {
        let base_url = settings.text("base_url").filter(|url| url.starts_with("http"));
        match (base_url, settings.get("readonly")) {
            (Some(base_url), Some(json::Value::Bool(read_only))) => Ok(json::Value::Object(vec![
                ("base_url".into(), json::Value::Text(base_url.into())),
                ("read_only".into(), json::Value::Bool(*read_only)),
            ])),
            _ => Err(Failure::config("there is no `readonly`")),
        }
    }

    fn translate(
        &mut self,
        request: &WebhookRequest<'_>,
        records: &mut Records<'_>,
    ) -> Result<(), Failure> {
        let key = request.path().trim_start_matches('/');
        if key == "panic" {
            panic!("asked to");
        }
        let body = std::str::from_utf8(request.body()).unwrap_or("");
        let key = match &self.key {
            Some(expression) if key.is_empty() => match json::parse(&expression.evaluate(body)?) {
                Ok(json::Value::Text(key)) => key,
                _ => return Err(Failure::new(Class::Permanent, "the key is no text")),
            },
            _ => key.to_string(),
        };
        let is_gone = request.method() == "DELETE";
        if key.is_empty() || (!is_gone && json::parse(body).is_err()) {
            return Err(Failure::new(Class::Permanent, "a key in the path and JSON are needed"));
        }
        let record = match request.method() {
            "DELETE" => NewRecord::delete("things", &key),
            "PATCH" => NewRecord::fetch("things", &key),
            _ => NewRecord::upsert("things", &key, body),
        };
        records.add(&record.occurred_ns(request.received_ns()));
        Ok(())
    }

    fn handshake(&mut self, request: &WebhookRequest<'_>) -> Result<Reply, Failure> {
        let body = request.query().to_string();
        Ok(Reply { status: 200, content_type: "text/plain".to_string(), body })
    }

    fn verify(
        &mut self,
        request: &WebhookRequest<'_>,
        secret: Option<Secret>,
    ) -> Result<(), Failure> {
        let claimed = request.header("X-Signature").unwrap_or("");
        match secret {
            Some(secret) if secret.proves(claimed, Digest::Sha256, request.body())? => Ok(()),
            _ => Err(Failure::new(Class::AuthDenied, "the signature is wrong")),
        }
    }

    fn answer(&mut self, _: &WebhookRequest<'_>, outcome: &Settled<'_>) -> Result<Reply, Failure> {
        let there = outcome.records().find(|record| record.fate() != Fate::Failed);
        Ok(Reply {
            status: if there.is_some() { 201 } else { 422 },
            content_type: "text/plain".to_string(),
            body: there.map_or("", |record| record.destination_key()).to_string(),
        })
    }

    fn write(&mut self, batch: Rc<Batch<Self>>) -> Result<(), Failure> {
        if self.is_read_only {
            return Err(Failure::config("the account is read only"));
        }
        for index in 0..batch.len() {
            if batch.record(index).key().len() > KEY_BYTES_MAX {
                return Err(Failure::new(Class::Permanent, "a key is too long"));
            }
            match batch.record(index).operation() {
                Operation::Delete => self.delete(&batch, index),
                _ => self.put(&batch, index),
            }
        }
        Ok(())
    }

    fn fetch(&mut self, batch: Rc<FetchBatch<Self>>) -> Result<(), Failure> {
        for index in 0..batch.len() {
            let request =
                self.request("GET", &format!("/things/{}", escaped(batch.request(index).key())));
            let again = batch.clone();
            batch.send(request, move |_, answer| {
                let found = answer.success().and_then(|response| parsed(&response.body));
                again.tell(
                    index,
                    match found {
                        Ok(thing) => Fetched::Found(thing.to_string()),
                        Err(failure) if failure.class == Class::NotFound => Fetched::Absent,
                        Err(failure) => Fetched::Failed(failure),
                    },
                );
            });
        }
        Ok(())
    }

    fn read(&mut self, page: Page<Self>) -> Result<(), Failure> {
        let request = self.request("GET", &format!("/things?after={}", escaped(page.cursor())));
        page.send(request, |_, page, answer| {
            let found = match answer.success().and_then(|response| parsed(&response.body)) {
                Ok(found) => found,
                Err(failure) => return page.fail(&failure),
            };
            for thing in found.get("things").map_or(&[][..], json::Value::items) {
                let (key, body) = (thing.text("id").unwrap_or(""), thing.to_string());
                if !page.add(&NewRecord::upsert(page.stream(), key, &body)) {
                    break;
                }
            }
            let next = found.text("next");
            page.end(next.unwrap_or(""), next.is_some());
        });
        Ok(())
    }

    fn check(&mut self, task: Task<Self, ()>) -> Result<(), Failure> {
        task.send(self.request("GET", "/me"), |things, task, answer| match answer.success() {
            Err(failure) if failure.class == Class::NotFound => {
                task.send(things.request("GET", "/account"), |_, task, answer| {
                    task.tell(answer.success().map(drop));
                });
            }
            checked => task.tell(checked.map(drop)),
        });
        Ok(())
    }

    fn discover(&mut self, task: Task<Self, Vec<DiscoveredStream>>) -> Result<(), Failure> {
        task.send(self.request("GET", "/fields"), |_, task, answer| {
            let found = answer.success().and_then(|response| parsed(&response.body));
            assert_ne!(found, Ok(json::Value::Text("panic".to_string())), "asked to");
            task.tell(found.map(|found| {
                let names = found.items().iter().filter_map(json::Value::as_text);
                let field = |name: &str| DiscoveredField {
                    name: name.to_string(),
                    is_key: name == "id",
                    ..DiscoveredField::default()
                };
                let fields = names.map(field).collect();
                vec![DiscoveredStream {
                    name: "things".to_string(),
                    title: "Things".to_string(),
                    fields,
                }]
            }));
        });
        Ok(())
    }

    fn work(&mut self, task: Task<Self, NextTurn>, _due_ns: Option<i64>) -> Result<(), Failure> {
        task.send(self.request("POST", "/renew"), |things, task, answer| {
            let next = NextTurn::At(things.host.now_ns() + HOUR_NS);
            task.tell(answer.success().map(|_| next));
        });
        Ok(())
    }

    fn sign(&mut self, request: &mut OutgoingRequest<'_>) -> Result<(), Failure> {
        let mut text = format!("{} {}\n", request.method(), request.url()).into_bytes();
        text.extend_from_slice(request.body());
        let signature = self.host.secret("signing_key")?.hmac(Digest::Sha256, text)?;
        request.set("X-Signature", &to_hex(&signature));
        Ok(())
    }

    fn save(&self) -> Result<State<'_>, Failure> {
        let (schema_id, version) = STATE;
        Ok(State { schema_id, version, bytes: Cow::Owned(self.written.to_string().into_bytes()) })
    }

    fn restore(&mut self, state: State<'_>) -> Result<(), Failure> {
        if !state.is(STATE.0, STATE.1) {
            return Err(State::unknown());
        }
        let digits = std::str::from_utf8(&state.bytes).ok().and_then(|digits| digits.parse().ok());
        self.written =
            digits.ok_or_else(|| Failure::new(Class::PluginBug, "the state is no number"))?;
        Ok(())
    }
}

export_connector!(
    Things,
    r#"{"id":"rust-things","version":"1.0.0","name":"Things","summary":"A source and a destination in Rust",
"abi":{"major":1,"draft":2,"min_host_minor":3},"style":"async","unload":"supported",
"capabilities":["webhook","write","fetch","read","check","discover","migrate","state","periodic"],
"streams":[{"name":"things","source":true,"destination":true,"batch_records_max":20,"read":["full"],"fetch":true}],
"webhook":{"verifies":true},"handshakes":[{"methods":["GET"],"query":{"type":"VALIDATE"}}],
"allowed_hosts":[{"from_setting":"base_url"}],"allowed_files":[{"from_setting":"path"}],
"auth":["custom"],"secrets":[{"name":"signing_key","reason":"signs each request"}],
"settings":{"type":"object","additionalProperties":false,"required":["base_url"],
"properties":{"base_url":{"type":"string","format":"uri","maxLength":400},
"path":{"type":"string","maxLength":400},"key":{"type":"string","maxLength":400},
"read_only":{"type":"boolean"}}}}"#
);
