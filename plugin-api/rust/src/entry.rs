//! What is exported, the life of an instance, and the ways into a connector. What panics there is a
//! failure of that call: nothing unwinds into the host.
use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem::size_of;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::{null, null_mut};
use std::rc::Rc;

use crate::failure::{Class, Failure};
use crate::host::{Host, Severity};
use crate::raw::{self, Status};
use crate::runtime::{Operation, Runtime};
use crate::services::Kind;
use crate::text::{bytes, text};
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

pub(crate) struct Instance<C> {
    runtime: Rc<Runtime<C>>,
    connector: Option<C>,            // from init() on
    pub(crate) streams: Vec<String>, // that may be written
}

#[doc(hidden)]
pub struct Thunks<C>(PhantomData<C>);

impl<C: Exported> Thunks<C> {
    const HTTP: &'static raw::PluginHttp = &raw::PluginHttp {
        struct_size: size_of::<raw::PluginHttp>() as u32,
        reserved: 0,
        done: Self::http_done,
    };
    const FILE: &'static raw::PluginFile = &raw::PluginFile {
        struct_size: size_of::<raw::PluginFile>() as u32,
        reserved: 0,
        done: Self::file_done,
    };
    const IDMAP: &'static raw::PluginIdmap = &raw::PluginIdmap {
        struct_size: size_of::<raw::PluginIdmap>() as u32,
        reserved: 0,
        found: Self::ids_found,
    };
    const WRITE: &'static raw::PluginWrite = &raw::PluginWrite {
        struct_size: size_of::<raw::PluginWrite>() as u32,
        reserved: 0,
        write: Self::write,
        cancel: Self::cancel,
    };
    const FETCH: &'static raw::PluginFetch = &raw::PluginFetch {
        struct_size: size_of::<raw::PluginFetch>() as u32,
        reserved: 0,
        fetch: Self::fetch,
        cancel: Self::cancel,
    };
    const READ: &'static raw::PluginRead = &raw::PluginRead {
        struct_size: size_of::<raw::PluginRead>() as u32,
        reserved: 0,
        read: Self::read,
        cancel: Self::cancel,
    };
    const CHECK: &'static raw::PluginCheck = &raw::PluginCheck {
        struct_size: size_of::<raw::PluginCheck>() as u32,
        reserved: 0,
        check: Self::check,
        cancel: Self::cancel,
    };
    const DISCOVER: &'static raw::PluginDiscover = &raw::PluginDiscover {
        struct_size: size_of::<raw::PluginDiscover>() as u32,
        reserved: 0,
        discover: Self::discover,
        cancel: Self::cancel,
    };
    const PERIODIC: &'static raw::PluginPeriodic = &raw::PluginPeriodic {
        struct_size: size_of::<raw::PluginPeriodic>() as u32,
        reserved: 0,
        work: Self::work,
        cancel: Self::cancel,
    };
    const SIGN: &'static raw::PluginSign = &raw::PluginSign {
        struct_size: size_of::<raw::PluginSign>() as u32,
        reserved: 0,
        sign: Self::sign,
    };
    const MIGRATE: &'static raw::PluginMigrate = &raw::PluginMigrate {
        struct_size: size_of::<raw::PluginMigrate>() as u32,
        reserved: 0,
        migrate: Self::migrate,
    };
    const STATE: &'static raw::PluginState = &raw::PluginState {
        struct_size: size_of::<raw::PluginState>() as u32,
        reserved: 0,
        save: Self::save,
        restore: Self::restore,
    };
    const WEBHOOK: &'static raw::PluginWebhook = &raw::PluginWebhook {
        struct_size: size_of::<raw::PluginWebhook>() as u32,
        reserved: 0,
        handshake: Some(Self::handshake),
        translate: Some(Self::translate),
        verify: None,
        answer: Some(Self::answer),
    };
    const VERIFYING_WEBHOOK: &'static raw::PluginWebhook = &raw::PluginWebhook {
        struct_size: size_of::<raw::PluginWebhook>() as u32,
        reserved: 0,
        handshake: Some(Self::handshake),
        translate: Some(Self::translate),
        verify: Some(Self::verify),
        answer: Some(Self::answer),
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
        let manifest = catch_unwind(manifest_of::<C>).unwrap_or(json::Value::Null);
        let has = |name: &str| lists(&manifest, "capabilities", name);
        match bytes(id) {
            b"syncline.http/1" => any(Self::HTTP),
            b"syncline.file/1" => any(Self::FILE),
            b"syncline.idmap/1" => any(Self::IDMAP),
            b"syncline.write/1" if has("write") => any(Self::WRITE),
            b"syncline.fetch/1" if has("fetch") => any(Self::FETCH),
            b"syncline.read/1" if has("read") => any(Self::READ),
            b"syncline.check/1" if has("check") => any(Self::CHECK),
            b"syncline.discover/1" if has("discover") => any(Self::DISCOVER),
            b"syncline.periodic/1" if has("periodic") => any(Self::PERIODIC),
            b"syncline.migrate/1" if has("migrate") => any(Self::MIGRATE),
            b"syncline.state/1" if has("state") => any(Self::STATE),
            b"syncline.sign/1" if lists(&manifest, "auth", "custom") => any(Self::SIGN),
            b"syncline.webhook/1" if has("webhook") && verifies(&manifest) => {
                any(Self::VERIFYING_WEBHOOK)
            }
            b"syncline.webhook/1" if has("webhook") => any(Self::WEBHOOK),
            _ => null(),
        }
    }

    // ---- The life of an instance

    unsafe extern "C" fn create(host: *const raw::Host) -> *mut raw::Instance {
        catch_unwind(|| {
            report_no_panics();
            let runtime = Rc::new(Runtime::<C>::new(host));
            Box::into_raw(Box::new(Instance { runtime, connector: None, streams: Vec::new() }))
                .cast()
        })
        .unwrap_or(null_mut())
    }

    unsafe extern "C" fn init(
        raw: *mut raw::Instance,
        settings: raw::Str,
        error: *mut raw::Error,
    ) -> Status {
        let runtime = Self::runtime(raw);
        let status = guarded(error, || {
            let instance = &mut *raw.cast::<Instance<C>>();
            let manifest = manifest_of::<C>();
            instance.streams = destinations(&manifest);
            runtime.services.open(lists(&manifest, "capabilities", "write"))?;
            let settings = text(settings);
            if !matches!(json::parse(settings), Ok(json::Value::Object(_))) {
                return Err(Failure::config("the settings are no JSON object"));
            }
            instance.connector = Some(C::init(Host(runtime.clone()), settings)?);
            Ok(())
        });
        Self::leave(&runtime, status);
        status
    }

    unsafe extern "C" fn start(raw: *mut raw::Instance, error: *mut raw::Error) -> Status {
        Self::call(raw, error, |_, connector| connector.start())
    }

    unsafe extern "C" fn stop(raw: *mut raw::Instance) {
        Self::runtime(raw).stop();
    }

    unsafe extern "C" fn posted(raw: *mut raw::Instance, user_id: u64) {
        Self::run(raw, |runtime, connector| runtime.posted(connector, user_id));
    }

    unsafe extern "C" fn destroy(raw: *mut raw::Instance) {
        let instance = Box::from_raw(raw.cast::<Instance<C>>());
        let _ = catch_unwind(AssertUnwindSafe(move || {
            instance.runtime.close();
            drop(instance);
        }));
    }

    // ---- Into the connector

    pub(crate) unsafe fn runtime(raw: *mut raw::Instance) -> Rc<Runtime<C>> {
        (*raw.cast::<Instance<C>>()).runtime.clone()
    }

    pub(crate) unsafe fn connector<'a>(raw: *mut raw::Instance) -> Result<&'a mut C, Failure> {
        let instance = &mut *raw.cast::<Instance<C>>();
        let missing = || Failure::new(Class::HostBug, "the instance was not initialised");
        instance.connector.as_mut().ok_or_else(missing)
    }

    pub(crate) unsafe fn call(
        raw: *mut raw::Instance,
        error: *mut raw::Error,
        body: impl FnOnce(&Rc<Runtime<C>>, &mut C) -> Result<(), Failure>,
    ) -> Status {
        let runtime = Self::runtime(raw);
        let status = guarded(error, || body(&runtime, Self::connector(raw)?));
        Self::leave(&runtime, status);
        status
    }

    /// Begins an operation; one that fails is over.
    pub(crate) unsafe fn begin(
        raw: *mut raw::Instance,
        kind: Kind,
        operation: u64,
        error: *mut raw::Error,
        body: impl FnOnce(&mut C, Operation<C>) -> Result<(), Failure>,
    ) -> Status {
        let runtime = Self::runtime(raw);
        runtime.begin(operation, kind);
        let status = guarded(error, || {
            runtime.services.need(kind)?;
            let open = Operation { runtime: runtime.clone(), id: operation };
            body(Self::connector(raw)?, open)
        });
        if status != raw::OK {
            runtime.forget(operation);
        }
        Self::leave(&runtime, status);
        runtime.has_begun();
        status
    }

    /// For what can't report a failure; then the instance may have come to its end.
    pub(crate) unsafe fn run(raw: *mut raw::Instance, body: impl FnOnce(&Runtime<C>, &mut C)) {
        let runtime = Self::runtime(raw);
        let status = guarded(null_mut(), || {
            body(&runtime, Self::connector(raw)?);
            Ok(())
        });
        if status != raw::OK {
            Host(runtime.clone()).log(Severity::Error, "the connector panicked", &[]);
        }
        Self::leave(&runtime, status);
        runtime.settle();
    }

    /// Behind what the connector was called for: what it wants of the host goes out, unless it has
    /// failed.
    fn leave(runtime: &Runtime<C>, status: Status) {
        let _ = catch_unwind(AssertUnwindSafe(|| match status {
            raw::OK => runtime.begin_wanted(),
            _ => runtime.forget_wanted(),
        }));
    }
}

fn any<Table>(table: &'static Table) -> *const c_void {
    (table as *const Table).cast()
}

fn manifest_of<C: Exported>() -> json::Value {
    json::parse(C::MANIFEST).unwrap_or(json::Value::Null)
}

/// A panic is told as the call's failure. The standard report would go to the hub's standard error
/// and, with RUST_BACKTRACE, leave megabytes behind at unloading.
pub(crate) fn report_no_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}

fn lists(manifest: &json::Value, field: &str, word: &str) -> bool {
    let listed = manifest.get(field).map_or(&[][..], json::Value::items);
    listed.iter().any(|listed| listed.as_text() == Some(word))
}

fn verifies(manifest: &json::Value) -> bool {
    let webhook = manifest.get("webhook");
    webhook.and_then(|webhook| webhook.get("verifies")) == Some(&json::Value::Bool(true))
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
pub(crate) unsafe fn guarded(
    error: *mut raw::Error,
    body: impl FnOnce() -> Result<(), Failure>,
) -> Status {
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
