//! A source and a destination in safe Rust: a webhook's body is a record whose key is the last part
//! of its path, and each record is sent on as a request of its own.
#![forbid(unsafe_code)]

use std::rc::Rc;

use syncline_connector::{
    export_connector, json, Batch, Class, Connector, Failure, Host, NewRecord, Operation, Outcome,
    Records, Request, WebhookRequest,
};

struct Things {
    base_url: String,
    version: &'static str,
}

impl Connector for Things {
    fn init(_host: Host<Self>, settings: &str) -> Result<Self, Failure> {
        let settings = json::parse(settings).map_err(Failure::config)?;
        let base_url = match settings.get("base_url").map(json::Value::as_text) {
            Some(None) => return Err(Failure::config("base_url is an URL")),
            given => given.flatten().unwrap_or("").trim_end_matches('/').to_string(),
        };
        Ok(Things { base_url, version: env!("CARGO_PKG_VERSION") })
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
        let is_gone = request.method() == "DELETE";
        let body = std::str::from_utf8(request.body()).unwrap_or("");
        if key.is_empty() || (!is_gone && json::parse(body).is_err()) {
            return Err(Failure::new(Class::Permanent, "a key in the path and JSON are needed"));
        }
        let operation = if is_gone { Operation::Delete } else { Operation::Upsert };
        let occurred_ns = Some(request.received_ns());
        records.add(&NewRecord { operation, stream: "things", key, body, occurred_ns });
        Ok(())
    }

    fn write(&mut self, batch: Rc<Batch<Self>>) -> Result<(), Failure> {
        if self.base_url.is_empty() {
            return Err(Failure::config("base_url is needed to write"));
        }
        for index in 0..batch.len() {
            let record = batch.record(index);
            let mut url = format!("{}/things/", self.base_url);
            for byte in record.key().bytes() {
                url.push_str(&format!("%{byte:02X}"));
            }
            let method = if record.operation() == Operation::Delete { "DELETE" } else { "PUT" };
            let request = Request::new(method, &url)
                .header("Content-Type", "application/json")
                .header("X-Version", self.version)
                .body(record.body());
            let again = batch.clone();
            batch.send(request, move |_, answer| match answer.accepted() {
                Ok(_) => again.tell(index, Outcome::Done),
                Err(outcome) => again.tell(index, outcome),
            });
        }
        Ok(())
    }
}

export_connector!(
    Things,
    r#"{"id":"rust-things","version":"1.0.0","name":"Things","summary":"A source and a destination in Rust",
"abi":{"major":1,"draft":2,"min_host_minor":0},"style":"async","unload":"supported",
"capabilities":["webhook","write"],
"streams":[{"name":"things","source":true,"destination":true,"batch_records_max":20}],
"handshakes":[],"allowed_hosts":[{"from_setting":"base_url"}],
"settings":{"type":"object","additionalProperties":false,
"properties":{"base_url":{"type":"string","format":"uri","maxLength":400}}}}"#
);
