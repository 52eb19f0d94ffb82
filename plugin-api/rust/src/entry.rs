//! The functions that the host calls. What panics here is a failure of that call: nothing unwinds
//! into the host.
use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem::size_of;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::{null, null_mut, NonNull};
use std::rc::Rc;

use crate::failure::{Class, Failure};
use crate::raw::{self, Status};
use crate::runtime::{Host, Runtime, Severity};
use crate::text::{bytes, text};
use crate::webhook::{Records, WebhookRequest};
use crate::write::Batch;
use crate::{json, Connector};

/// A connector with the manifest that it is exported with; `export_connector!` implements it.
#[doc(hidden)]
pub trait Exported: Connector {
    const MANIFEST: &'static str;
}

#[doc(hidden)]
pub const fn note_description<const SIZE: usize>(text: &str) -> [u8; SIZE] {
    let (from, mut to, mut at) = (text.as_bytes(), [0; SIZE], 0);
    while at < from.len() {
        to[at] = from[at];
        at += 1;
    }
    to
}

struct Instance<C> {
    runtime: Rc<Runtime<C>>,
    connector: Option<C>, // from init() on
    streams: Vec<String>, // that may be written
}

#[doc(hidden)]
pub struct Thunks<C>(PhantomData<C>);

impl<C: Exported> Thunks<C> {
    const HTTP: &'static raw::PluginHttp = &raw::PluginHttp {
        struct_size: size_of::<raw::PluginHttp>() as u32,
        reserved: 0,
        done: Self::http_done,
    };
    const WRITE: &'static raw::PluginWrite = &raw::PluginWrite {
        struct_size: size_of::<raw::PluginWrite>() as u32,
        reserved: 0,
        write: Self::write,
        cancel: Self::cancel,
    };
    const WEBHOOK: &'static raw::PluginWebhook = &raw::PluginWebhook {
        struct_size: size_of::<raw::PluginWebhook>() as u32,
        reserved: 0,
        handshake: Some(Self::handshake),
        translate: Some(Self::translate),
        verify: null(),
        answer: null(),
    };

    pub const fn plugin() -> raw::Plugin {
        raw::Plugin {
            struct_size: size_of::<raw::Plugin>() as u32,
            abi_major: raw::ABI_MAJOR,
            abi_draft: raw::ABI_DRAFT,
            reserved: 0,
            manifest: raw::Str { ptr: C::MANIFEST.as_ptr(), len: C::MANIFEST.len() as u64 },
            get_table: Self::get_table,
            create: Self::create,
            init: Self::init,
            start: Self::start,
            stop: Self::stop,
            posted: Self::posted,
            destroy: Self::destroy,
        }
    }

    unsafe extern "C" fn get_table(id: raw::Str) -> *const c_void {
        let has = |name: &str| catch_unwind(|| has_capability(C::MANIFEST, name)).unwrap_or(false);
        match bytes(id) {
            b"syncline.http/1" => (Self::HTTP as *const raw::PluginHttp).cast(),
            b"syncline.write/1" if has("write") => (Self::WRITE as *const raw::PluginWrite).cast(),
            b"syncline.webhook/1" if has("webhook") => {
                (Self::WEBHOOK as *const raw::PluginWebhook).cast()
            }
            _ => null(),
        }
    }

    // ---- The life of an instance

    unsafe extern "C" fn create(host: *const raw::Host) -> *mut raw::Instance {
        catch_unwind(|| {
            // A panic is told as the call's failure. The standard report would go to the hub's
            // standard error and, with RUST_BACKTRACE, leave megabytes behind at unloading.
            std::panic::set_hook(Box::new(|_| {}));
            let host = NonNull::new(host as *mut raw::Host).expect("a host");
            let runtime = Rc::new(Runtime::<C>::new(host));
            Box::into_raw(Box::new(Instance { runtime, connector: None, streams: Vec::new() })).cast()
        })
        .unwrap_or(null_mut())
    }

    unsafe extern "C" fn init(
        raw: *mut raw::Instance,
        settings: raw::Str,
        error: *mut raw::Error,
    ) -> Status {
        let instance = &mut *raw.cast::<Instance<C>>();
        guarded(error, || {
            let manifest = json::parse(C::MANIFEST).unwrap_or(json::Value::Null);
            instance.streams = destinations(&manifest);
            instance.runtime.open(lists(&manifest, "write"))?;
            let settings = text(settings);
            if !matches!(json::parse(settings), Ok(json::Value::Object(_))) {
                return Err(Failure::config("the settings are no JSON object"));
            }
            let connector = C::init(Host(instance.runtime.clone()), settings)?;
            instance.connector = Some(connector);
            Ok(())
        })
    }

    unsafe extern "C" fn start(raw: *mut raw::Instance, error: *mut raw::Error) -> Status {
        Self::call(raw, error, |connector| connector.start())
    }

    unsafe extern "C" fn stop(raw: *mut raw::Instance) {
        (*raw.cast::<Instance<C>>()).runtime.stop();
    }

    unsafe extern "C" fn posted(raw: *mut raw::Instance, user_id: u64) {
        Self::run(raw, |runtime, connector| runtime.posted(connector, user_id));
    }

    unsafe extern "C" fn destroy(raw: *mut raw::Instance) {
        let instance = Box::from_raw(raw.cast::<Instance<C>>());
        instance.runtime.close();
        let _ = catch_unwind(AssertUnwindSafe(move || drop(instance)));
    }

    // ---- Capabilities

    unsafe extern "C" fn http_done(
        raw: *mut raw::Instance,
        user_id: u64,
        result: *const raw::HttpResult,
    ) {
        Self::run(raw, |runtime, connector| runtime.http_done(connector, user_id, &*result));
    }

    unsafe extern "C" fn handshake(
        raw: *mut raw::Instance,
        request: *const raw::WebhookRequest,
        sink: *const raw::ReplySink,
        error: *mut raw::Error,
    ) -> Status {
        Self::call(raw, error, |connector| {
            connector.handshake(&WebhookRequest(&*request))?.give(&*sink);
            Ok(())
        })
    }

    unsafe extern "C" fn translate(
        raw: *mut raw::Instance,
        request: *const raw::WebhookRequest,
        sink: *const raw::RecordSink,
        error: *mut raw::Error,
    ) -> Status {
        Self::call(raw, error, |connector| {
            connector.translate(&WebhookRequest(&*request), &mut Records::new(&*sink))
        })
    }

    unsafe extern "C" fn write(
        raw: *mut raw::Instance,
        operation: u64,
        batch: *const raw::WriteBatch,
        error: *mut raw::Error,
    ) -> Status {
        let instance = &*raw.cast::<Instance<C>>();
        let (runtime, stream) = (instance.runtime.clone(), text((*batch).stream));
        if !instance.streams.iter().any(|known| known == stream) {
            let unknown = || Err(Failure::new(Class::Unsupported, "there is no such stream to write"));
            return guarded(error, unknown);
        }
        runtime.begin_batch(operation);
        let batch = Rc::new(Batch::new(runtime.clone(), operation, batch));
        let status = Self::call(raw, error, |connector| {
            if (0..batch.len()).any(|index| !batch.record(index).is_json()) {
                return Err(Failure::new(Class::Unsupported, "the bodies are in an unknown format"));
            }
            connector.write(batch.clone())
        });
        if status != raw::OK {
            batch.forget();
        }
        drop(batch);
        runtime.has_begun();
        status
    }

    unsafe extern "C" fn cancel(raw: *mut raw::Instance, operation: u64) {
        (*raw.cast::<Instance<C>>()).runtime.cancel(operation);
    }

    // ---- Into the connector

    unsafe fn call(
        raw: *mut raw::Instance,
        error: *mut raw::Error,
        body: impl FnOnce(&mut C) -> Result<(), Failure>,
    ) -> Status {
        let instance = &mut *raw.cast::<Instance<C>>();
        guarded(error, || match instance.connector.as_mut() {
            Some(connector) => body(connector),
            None => Err(Failure::new(Class::HostBug, "the instance was not initialised")),
        })
    }

    /// For what can't report a failure; then the instance may have come to its end.
    unsafe fn run(raw: *mut raw::Instance, body: impl FnOnce(&Runtime<C>, &mut C)) {
        let instance = &mut *raw.cast::<Instance<C>>();
        let runtime = instance.runtime.clone();
        if let Some(connector) = instance.connector.as_mut() {
            if catch_unwind(AssertUnwindSafe(|| body(&runtime, connector))).is_err() {
                Host(runtime.clone()).log(Severity::Error, "the connector panicked", &[]);
            }
        }
        runtime.settle();
    }
}

fn has_capability(manifest: &str, name: &str) -> bool {
    lists(&json::parse(manifest).unwrap_or(json::Value::Null), name)
}

fn lists(manifest: &json::Value, capability: &str) -> bool {
    let listed = manifest.get("capabilities").map_or(&[][..], json::Value::items);
    listed.iter().any(|listed| listed.as_text() == Some(capability))
}

fn destinations(manifest: &json::Value) -> Vec<String> {
    let streams = manifest.get("streams").map_or(&[][..], json::Value::items);
    streams
        .iter()
        .filter(|stream| stream.get("destination") == Some(&json::Value::Bool(true)))
        .filter_map(|stream| stream.text("name").map(str::to_string))
        .collect()
}

/// Runs what may fail; a failure or a panic goes to `error`.
unsafe fn guarded(error: *mut raw::Error, body: impl FnOnce() -> Result<(), Failure>) -> Status {
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return raw::OK,
        Ok(Err(failure)) => failure,
        Err(_) => Failure::new(Class::PluginBug, "the connector panicked"),
    };
    if let Some(error) = error.as_mut() {
        if error.struct_size as usize >= size_of::<raw::Error>() {
            let struct_size = error.struct_size;
            *error = failure.to_raw();
            error.struct_size = struct_size;
        }
    }
    failure.class as Status
}
