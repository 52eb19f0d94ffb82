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
//!
//! # Where it is
//!
//! | table of the interface | here |
//! |---|---|
//! | `syncline.webhook/1` | [`Connector::translate`], `handshake`, `verify`, `answer` |
//! | `syncline.write/1` | [`Connector::write`], [`Batch`] |
//! | `syncline.fetch/1` | [`Connector::fetch`], [`FetchBatch`] |
//! | `syncline.read/1` | [`Connector::read`], [`Page`] |
//! | `syncline.check/1`, `discover/1`, `periodic/1` | [`Connector::check`], `discover`, `work`; [`Task`] |
//! | `syncline.migrate/1`, `state/1` | [`Connector::migrate`], `save`, `restore`; [`State`] |
//! | `syncline.sign/1` | [`Connector::sign`], [`OutgoingRequest`] |
//! | `syncline.http/1`, `file/1`, `idmap/1` | `send`, `append`, `find_ids` of [`Host`] and [`Batch`], [`Batch::put_id`] |
//! | `syncline.log/1`, `clock/1`, `expr/1` | [`Host::log`], [`Host::now_ns`], [`Host::compile`] |
//! | `syncline.secret/1`, `hmac/1` | [`Host::secret`], [`Secret`] |
//!
//! What the C++ layer has besides is not here: the blocking style (`"style": "blocking"`), settings
//! and records of models as typed structs, and the fake host for unit tests. `syncline connectors
//! check` tests a connector of any language.
#![warn(missing_docs)]

mod capabilities;
mod entry;
mod failure;
mod fetch;
mod host;
mod http;
mod read;
mod runtime;
mod secret;
mod services;
mod sign;
mod state;
mod task;
mod text;
mod webhook;
mod write;

pub mod json;
#[doc(hidden)]
pub mod raw;

#[doc(hidden)]
pub use entry::{note_description, Exported, Thunks};
pub use failure::{Class, Failure};
pub use fetch::{FetchBatch, FetchRequest, Fetched};
pub use host::{FoundIds, Host, Severity};
pub use http::{Answer, Request, Response};
pub use read::Page;
pub use secret::{to_hex, Digest, Expression, Secret};
pub use sign::OutgoingRequest;
pub use state::State;
pub use task::{DiscoveredField, DiscoveredStream, NextTurn, Task, Told};
pub use webhook::{Fate, NewRecord, Records, Reply, Settled, SettledRecord, WebhookRequest};
pub use write::{Batch, Operation, Outcome, Record};

use std::rc::Rc;

/// A connector: one instance for each account. What the manifest names has to be implemented, and
/// is asked for; the rest stays as it is.
///
/// What a call wants of the host (requests, appends, ids) goes out when it has returned `Ok`, and
/// not at all when it fails.
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
        Err(unsupported("this connector receives no webhooks"))
    }

    /// Answers a request that matches one of the manifest's `handshakes`: pure.
    fn handshake(&mut self, _: &WebhookRequest<'_>) -> Result<Reply, Failure> {
        Err(unsupported("this connector answers no handshakes"))
    }

    /// Is the request authentic by the platform's own scheme? A failure of class `AuthDenied` is
    /// the answer no. Pure; the body is as it came. The secret is the one that the configuration names
    /// for it, if any. Needs `"webhook": {"verifies": true}`.
    fn verify(&mut self, _: &WebhookRequest<'_>, _: Option<Secret>) -> Result<(), Failure> {
        Err(unsupported("this connector verifies no webhooks"))
    }

    /// Words the answer for a sender who waits for the outcome: pure. Without it, and when it fails,
    /// the host uses its own words.
    fn answer(&mut self, _: &WebhookRequest<'_>, _: &Settled<'_>) -> Result<Reply, Failure> {
        Err(unsupported("this connector words no answers"))
    }

    /// Writes a batch: tells what became of each record, now or in closures. The batch is complete
    /// when the last `Rc` of it is gone. A failure: no record had an effect. Needs the capability
    /// `write`.
    fn write(&mut self, _: Rc<Batch<Self>>) -> Result<(), Failure> {
        Err(unsupported("this connector writes nothing"))
    }

    /// Reads records by key, as `write` writes them. Needs the capability `fetch`.
    fn fetch(&mut self, _: Rc<FetchBatch<Self>>) -> Result<(), Failure> {
        Err(unsupported("this connector fetches nothing"))
    }

    /// Reads one page of a stream; pages of several may be under way at once. Needs the
    /// capability `read`.
    fn read(&mut self, _: Page<Self>) -> Result<(), Failure> {
        Err(unsupported("this connector reads nothing"))
    }

    /// Are the account's credentials good? Asks the platform for something that changes nothing.
    /// Needs the capability `check`.
    fn check(&mut self, _: Task<Self, ()>) -> Result<(), Failure> {
        Err(unsupported("this connector checks nothing"))
    }

    /// Which streams and fields has the account? Needs the capability `discover`.
    fn discover(&mut self, _: Task<Self, Vec<DiscoveredStream>>) -> Result<(), Failure> {
        Err(unsupported("this connector discovers nothing"))
    }

    /// One turn of the connector's own work; turns of one account never overlap. `due_ns`: when it
    /// was due, in nanoseconds since 1970 UTC; `None` for the first one of an account. One that
    /// fails is repeated by the host. Needs the capability `periodic`.
    fn work(&mut self, _: Task<Self, NextTurn>, _due_ns: Option<i64>) -> Result<(), Failure> {
        Err(unsupported("this connector has no work of its own"))
    }

    /// Signs one request that is about to go out, for one attempt; sends none itself. A failure is
    /// that of the request. Needs the manifest's `"auth": ["custom"]`.
    fn sign(&mut self, _: &mut OutgoingRequest<'_>) -> Result<(), Failure> {
        Err(unsupported("this connector signs nothing"))
    }

    /// Makes settings of an older version, an object that the schema has refused, its own: pure.
    /// There is no instance yet. A failure of class `Config` keeps the account from starting. Needs
    /// the capability `migrate`.
    fn migrate(_settings: json::Value) -> Result<json::Value, Failure> {
        Err(unsupported("this connector migrates nothing"))
    }

    /// What the next version may go on with. Needs the capability `state`.
    fn save(&self) -> Result<State<'_>, Failure> {
        Err(unsupported("this connector keeps no state"))
    }

    /// Takes a state, between `init` and `start`. Anything but `Ok` and [`State::unknown`] keeps
    /// this version out of service. Needs the capability `state`.
    fn restore(&mut self, _: State<'_>) -> Result<(), Failure> {
        Err(State::unknown())
    }
}

fn unsupported(message: &str) -> Failure {
    Failure::new(Class::Unsupported, message)
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
