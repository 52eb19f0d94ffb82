//! Connectors for Syncline in safe Rust.
//!
//! A connector is a type that implements [`Connector`], in a library of `crate-type = ["cdylib"]`,
//! exported once:
//!
//! ```no_run
//! use std::rc::Rc;
//! use syncline_connector::{export_connector, json, Batch, Connector, Failure, Host, Outcome, Request};
//!
//! struct Acme {
//!     base_url: String,
//! }
//!
//! impl Connector for Acme {
//!     fn init(_host: Host<Self>, settings: &str) -> Result<Self, Failure> {
//!         let settings = json::parse(settings).map_err(Failure::config)?;
//!         let base_url = settings.text("base_url").ok_or_else(|| Failure::config("no base_url"))?;
//!         Ok(Acme { base_url: base_url.to_string() })
//!     }
//!
//!     fn write(&mut self, batch: Rc<Batch<Self>>) -> Result<(), Failure> {
//!         for index in 0..batch.len() {
//!             let request = Request::new("POST", &self.base_url).body(batch.record(index).body());
//!             let again = batch.clone();
//!             batch.send(request, move |_acme, answer| match answer.accepted() {
//!                 Ok(_) => again.tell(index, Outcome::Done),
//!                 Err(outcome) => again.tell(index, outcome),
//!             });
//!         }
//!         Ok(())
//!     }
//! }
//!
//! export_connector!(Acme, r#"{"id": "acme", "version": "1.0.0", "name": "Acme", "summary": "...",
//!     "abi": {"major": 1, "draft": 2, "min_host_minor": 0}, "style": "async", "unload": "supported",
//!     "capabilities": ["write"], "streams": [{"name": "things", "source": false, "destination": true,
//!     "batch_records_max": 20}], "handshakes": [], "allowed_hosts": [{"from_setting": "base_url"}],
//!     "settings": {"type": "object", "required": ["base_url"], "properties": {"base_url":
//!     {"type": "string", "format": "uri"}}}}"#);
//! # fn main() {}
//! ```
//!
//! Everything of one instance runs one call at a time, so nothing needs a lock; nothing may block:
//! what waits for the platform is a closure, called with the connector when the answer is there.
//! A panic is a failure of that call, never of the hub. Threads of the connector's own are against
//! the rules.
#![warn(missing_docs)]

mod entry;
mod failure;
mod http;
mod runtime;
mod text;
mod webhook;
mod write;

pub mod json;
#[doc(hidden)]
pub mod raw;

#[doc(hidden)]
pub use entry::{note_description, Exported, Thunks};
pub use failure::{Class, Failure};
pub use http::{Answer, Request, Response};
pub use runtime::{Host, Severity};
pub use webhook::{NewRecord, Records, Reply, WebhookRequest};
pub use write::{Batch, Operation, Outcome, Record};

use std::rc::Rc;

/// A connector: one instance for each account.
pub trait Connector: Sized + 'static {
    /// Makes it from the account's settings: JSON text that the manifest's schema has accepted.
    fn init(host: Host<Self>, settings: &str) -> Result<Self, Failure>;

    /// The account goes into service. May send requests, waits for none.
    fn start(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    /// Turns a webhook into records: pure, and the same for the same request. Needs the capability
    /// `webhook`.
    fn translate(&mut self, _: &WebhookRequest<'_>, _: &mut Records<'_>) -> Result<(), Failure> {
        Err(Failure::new(Class::Unsupported, "this connector receives no webhooks"))
    }

    /// Answers a request that matches one of the manifest's `handshakes`: pure.
    fn handshake(&mut self, _: &WebhookRequest<'_>) -> Result<Reply, Failure> {
        Err(Failure::new(Class::Unsupported, "this connector answers no handshakes"))
    }

    /// Writes a batch: tells what became of each record, now or in closures. The batch is complete
    /// when the last `Rc` of it is gone. A failure: no record had an effect. Needs the capability
    /// `write`.
    fn write(&mut self, _: Rc<Batch<Self>>) -> Result<(), Failure> {
        Err(Failure::new(Class::Unsupported, "this connector writes nothing"))
    }
}

/// Exports a connector with its manifest (`manifest.h` names the fields), a string literal. Once in
/// a library.
#[macro_export]
macro_rules! export_connector {
    ($connector:ty, $manifest:expr) => {
        const _: () = {
            const TEXT: &str = $manifest;
            const SIZE: usize = (TEXT.len() + 4) / 4 * 4;

            #[repr(C)]
            struct Note {
                name_size: u32,
                description_size: u32,
                kind: u32,
                name: [u8; 12],
                description: [u8; SIZE],
            }

            #[used]
            #[link_section = ".note.syncline"]
            static NOTE: Note = Note {
                name_size: 9,
                description_size: TEXT.len() as u32 + 1,
                kind: 0x636e_7973,
                name: *b"syncline\0\0\0\0",
                description: $crate::note_description::<SIZE>(TEXT),
            };

            impl $crate::Exported for $connector {
                const MANIFEST: &'static str = TEXT;
            }

            #[no_mangle]
            #[allow(non_upper_case_globals)]
            pub static syncline_plugin_v1: $crate::raw::Plugin =
                $crate::Thunks::<$connector>::plugin();
        };
    };
}
