//! The interface of `plugin-api/include/syncline` as Rust sees it: the same structs, in the same
//! order. What each means, who owns what and when it may be called stands in those headers.
#![allow(missing_docs)]

use std::ffi::c_void;
use std::mem::size_of;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Str {
    pub ptr: *const u8,
    pub len: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Pair {
    pub name: Str,
    pub value: Str,
}

pub type Status = i32;
pub const OK: Status = 0;

#[repr(C)]
pub struct Error {
    pub struct_size: u32,
    pub failure_class: Status,
    pub retry_after_ms: i64,
    pub provider_code: [u8; 64],
    pub message: [u8; 512],
}

/// The connector's side of an instance; only passed back.
#[repr(C)]
pub struct Instance {
    _private: [u8; 0],
}

#[repr(C)]
pub struct Host {
    pub struct_size: u32,
    pub abi_minor: u32,
    pub handle: u64,
    pub get_table: unsafe extern "C" fn(host: u64, id: Str) -> *const c_void,
    pub post: unsafe extern "C" fn(host: u64, user_id: u64) -> Status,
    pub stopped: unsafe extern "C" fn(host: u64),
}

#[repr(C)]
pub struct HostLog {
    pub struct_size: u32,
    pub reserved: u32,
    pub log: unsafe extern "C" fn(u64, i32, Str, *const Pair, u32),
}

#[repr(C)]
pub struct HostClock {
    pub struct_size: u32,
    pub reserved: u32,
    pub now_ns: unsafe extern "C" fn(u64) -> i64,
    pub monotonic_ns: unsafe extern "C" fn(u64) -> i64,
}

#[repr(C)]
pub struct HttpRequest {
    pub struct_size: u32,
    pub header_count: u32,
    pub method: Str,
    pub url: Str,
    pub headers: *const Pair,
    pub body: Str,
    pub timeout_ms: i64,
}

#[repr(C)]
pub struct HttpResult {
    pub struct_size: u32,
    pub has_response: i32,
    pub status: i32,
    pub header_count: u32,
    pub headers: *const Pair,
    pub body: Str,
    pub error: *const Error,
    pub may_have_been_processed: i32,
    pub reserved: u32,
}

#[repr(C)]
pub struct HostHttp {
    pub struct_size: u32,
    pub reserved: u32,
    pub send: unsafe extern "C" fn(u64, *const HttpRequest, u64, *mut u64, *mut Error) -> Status,
    pub cancel: unsafe extern "C" fn(u64, u64),
    pub fetch: *const c_void, // of the blocking style, which is not Rust's
}

#[repr(C)]
pub struct PluginHttp {
    pub struct_size: u32,
    pub reserved: u32,
    pub done: unsafe extern "C" fn(*mut Instance, u64, *const HttpResult),
}

#[repr(C)]
pub struct WriteRecord {
    pub struct_size: u32,
    pub operation: i32,
    pub key: Str,
    pub body: Str,
    pub destination_key: Str,
    pub body_format: u32,
    pub was_delivered: i32,
    pub is_complete: i32,
    pub changed_count: u32,
    pub unset_count: u32,
    pub is_unknown: i32,
    pub changed_fields: *const Str,
    pub unset_fields: *const Str,
    pub parent_key: Str,
    pub idempotency_key: Str,
}

#[repr(C)]
pub struct WriteBatch {
    pub struct_size: u32,
    pub record_count: u32,
    pub stream: Str,
    pub records: *const *const WriteRecord,
    pub timeout_ms: i64,
}

#[repr(C)]
pub struct Outcome {
    pub struct_size: u32,
    pub kind: i32,
    pub error: *const Error,
    pub destination_key: Str,
    pub reply: Str,
}

#[repr(C)]
pub struct PluginWrite {
    pub struct_size: u32,
    pub reserved: u32,
    pub write: unsafe extern "C" fn(*mut Instance, u64, *const WriteBatch, *mut Error) -> Status,
    pub cancel: unsafe extern "C" fn(*mut Instance, u64),
}

#[repr(C)]
pub struct HostWrite {
    pub struct_size: u32,
    pub reserved: u32,
    pub outcome: unsafe extern "C" fn(u64, u64, u32, *const Outcome) -> Status,
    pub complete: unsafe extern "C" fn(u64, u64) -> Status,
}

#[repr(C)]
pub struct WebhookRequest {
    pub struct_size: u32,
    pub header_count: u32,
    pub method: Str,
    pub path: Str,
    pub query: Str,
    pub headers: *const Pair,
    pub body: Str,
    pub received_ns: i64,
}

#[repr(C)]
pub struct Record {
    pub struct_size: u32,
    pub operation: i32,
    pub stream: Str,
    pub key: Str,
    pub body: Str,
    pub body_format: u32,
    pub reserved: u32,
    pub occurred_ns: i64,
    pub parent_stream: Str,
    pub parent_key: Str,
}

#[repr(C)]
pub struct RecordSink {
    pub struct_size: u32,
    pub reserved: u32,
    pub handle: u64,
    pub record: unsafe extern "C" fn(u64, *const Record) -> i32,
}

#[repr(C)]
pub struct WebhookReply {
    pub struct_size: u32,
    pub status: i32,
    pub content_type: Str,
    pub body: Str,
}

#[repr(C)]
pub struct ReplySink {
    pub struct_size: u32,
    pub reserved: u32,
    pub handle: u64,
    pub reply: unsafe extern "C" fn(u64, *const WebhookReply),
}

pub type Handshake = unsafe extern "C" fn(
    *mut Instance,
    *const WebhookRequest,
    *const ReplySink,
    *mut Error,
) -> Status;
pub type Translate = unsafe extern "C" fn(
    *mut Instance,
    *const WebhookRequest,
    *const RecordSink,
    *mut Error,
) -> Status;

#[repr(C)]
pub struct PluginWebhook {
    pub struct_size: u32,
    pub reserved: u32,
    pub handshake: Option<Handshake>,
    pub translate: Option<Translate>,
    pub verify: *const c_void,
    pub answer: *const c_void,
}

#[repr(C)]
pub struct Plugin {
    pub struct_size: u32,
    pub abi_major: u32,
    pub abi_draft: u32,
    pub reserved: u32,
    pub manifest: Str,
    pub get_table: unsafe extern "C" fn(Str) -> *const c_void,
    pub create: unsafe extern "C" fn(*const Host) -> *mut Instance,
    pub init: unsafe extern "C" fn(*mut Instance, Str, *mut Error) -> Status,
    pub start: unsafe extern "C" fn(*mut Instance, *mut Error) -> Status,
    pub stop: unsafe extern "C" fn(*mut Instance),
    pub posted: unsafe extern "C" fn(*mut Instance, u64),
    pub destroy: unsafe extern "C" fn(*mut Instance),
}

// They hold constants of the library alone.
unsafe impl Sync for Plugin {}
unsafe impl Sync for PluginWebhook {}

pub const ABI_MAJOR: u32 = 1;
pub const ABI_DRAFT: u32 = 2;

pub const NO_TIME: i64 = i64::MIN;
pub const BODY_JSON: u32 = 1;

// The sizes that the headers assert.
const _: () = {
    assert!(size_of::<Str>() == 16);
    assert!(size_of::<Pair>() == 32);
    assert!(size_of::<Error>() == 592);
    assert!(size_of::<Host>() == 40);
    assert!(size_of::<HostLog>() == 16);
    assert!(size_of::<HostClock>() == 24);
    assert!(size_of::<HttpRequest>() == 72);
    assert!(size_of::<HttpResult>() == 56);
    assert!(size_of::<HostHttp>() == 32);
    assert!(size_of::<PluginHttp>() == 16);
    assert!(size_of::<WriteRecord>() == 128);
    assert!(size_of::<WriteBatch>() == 40);
    assert!(size_of::<Outcome>() == 48);
    assert!(size_of::<PluginWrite>() == 24);
    assert!(size_of::<HostWrite>() == 24);
    assert!(size_of::<WebhookRequest>() == 88);
    assert!(size_of::<Record>() == 104);
    assert!(size_of::<RecordSink>() == 24);
    assert!(size_of::<WebhookReply>() == 40);
    assert!(size_of::<ReplySink>() == 24);
    assert!(size_of::<PluginWebhook>() == 40);
    assert!(size_of::<Plugin>() == 88);
};
