//! The interface of `plugin-api/include/syncline` as Rust sees it: the same structs, in the same
//! order (`tests/contract/rust/tests/layout.rs` compares them). What each means, who owns what and
//! when it may be called stands in those headers.
#![allow(missing_docs)]

use std::ffi::c_void;

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
pub struct HeaderSink {
    pub struct_size: u32,
    pub reserved: u32,
    pub context: *mut c_void,
    pub header: unsafe extern "C" fn(*mut c_void, Str, Str),
}

#[repr(C)]
pub struct PluginSign {
    pub struct_size: u32,
    pub reserved: u32,
    pub sign: unsafe extern "C" fn(
        *mut Instance,
        *const HttpRequest,
        *const HeaderSink,
        *mut Error,
    ) -> Status,
}

#[repr(C)]
pub struct TextSink {
    pub struct_size: u32,
    pub reserved: u32,
    pub context: *mut c_void,
    pub text: unsafe extern "C" fn(*mut c_void, Str),
}

#[repr(C)]
pub struct HostExpr {
    pub struct_size: u32,
    pub reserved: u32,
    pub compile: unsafe extern "C" fn(u64, Str, *mut u64, *mut Error) -> Status,
    pub evaluate: unsafe extern "C" fn(u64, u64, Str, *const TextSink, *mut Error) -> Status,
}

#[repr(C)]
pub struct HostSecret {
    pub struct_size: u32,
    pub reserved: u32,
    pub find: unsafe extern "C" fn(u64, Str, *mut u64, *mut Error) -> Status,
    pub show: unsafe extern "C" fn(u64, u64, *const TextSink, *mut Error) -> Status,
}

#[repr(C)]
pub struct HostHmac {
    pub struct_size: u32,
    pub reserved: u32,
    pub hmac: unsafe extern "C" fn(u64, u64, i32, Str, *mut u8) -> Status,
}

#[repr(C)]
pub struct HostFile {
    pub struct_size: u32,
    pub reserved: u32,
    pub append: unsafe extern "C" fn(u64, Str, Str, u64, *mut Error) -> Status,
}

#[repr(C)]
pub struct PluginFile {
    pub struct_size: u32,
    pub reserved: u32,
    pub done: unsafe extern "C" fn(*mut Instance, u64, *const Error),
}

#[repr(C)]
pub struct HostIdmap {
    pub struct_size: u32,
    pub reserved: u32,
    pub get: unsafe extern "C" fn(u64, Str, *const Str, u32, u64, *mut Error) -> Status,
    pub put: unsafe extern "C" fn(u64, u64, Str, Str, Str, *mut Error) -> Status,
}

#[repr(C)]
pub struct PluginIdmap {
    pub struct_size: u32,
    pub reserved: u32,
    pub found: unsafe extern "C" fn(*mut Instance, u64, *const Str, u32, *const Error),
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
pub struct FetchRequest {
    pub struct_size: u32,
    pub reserved: u32,
    pub key: Str,
    pub parameters: Str,
}

#[repr(C)]
pub struct FetchBatch {
    pub struct_size: u32,
    pub request_count: u32,
    pub stream: Str,
    pub requests: *const *const FetchRequest,
    pub timeout_ms: i64,
}

#[repr(C)]
pub struct FetchResult {
    pub struct_size: u32,
    pub kind: i32,
    pub body: Str,
    pub body_format: u32,
    pub reserved: u32,
    pub error: *const Error,
}

#[repr(C)]
pub struct PluginFetch {
    pub struct_size: u32,
    pub reserved: u32,
    pub fetch: unsafe extern "C" fn(*mut Instance, u64, *const FetchBatch, *mut Error) -> Status,
    pub cancel: unsafe extern "C" fn(*mut Instance, u64),
}

#[repr(C)]
pub struct HostFetch {
    pub struct_size: u32,
    pub reserved: u32,
    pub result: unsafe extern "C" fn(u64, u64, u32, *const FetchResult) -> Status,
    pub complete: unsafe extern "C" fn(u64, u64) -> Status,
}

#[repr(C)]
pub struct ReadRequest {
    pub struct_size: u32,
    pub records_max: u32,
    pub stream: Str,
    pub cursor: Str,
    pub is_full: i32,
    pub reserved: u32,
    pub timeout_ms: i64,
}

#[repr(C)]
pub struct PageEnd {
    pub struct_size: u32,
    pub has_more: i32,
    pub cursor: Str,
    pub error: *const Error,
}

#[repr(C)]
pub struct PluginRead {
    pub struct_size: u32,
    pub reserved: u32,
    pub read: unsafe extern "C" fn(*mut Instance, u64, *const ReadRequest, *mut Error) -> Status,
    pub cancel: unsafe extern "C" fn(*mut Instance, u64),
}

#[repr(C)]
pub struct HostRead {
    pub struct_size: u32,
    pub reserved: u32,
    pub record: unsafe extern "C" fn(u64, u64, *const Record) -> Status,
    pub end: unsafe extern "C" fn(u64, u64, *const PageEnd) -> Status,
    pub complete: unsafe extern "C" fn(u64, u64) -> Status,
}

#[repr(C)]
pub struct PluginCheck {
    pub struct_size: u32,
    pub reserved: u32,
    pub check: unsafe extern "C" fn(*mut Instance, u64, i64, *mut Error) -> Status,
    pub cancel: unsafe extern "C" fn(*mut Instance, u64),
}

#[repr(C)]
pub struct HostCheck {
    pub struct_size: u32,
    pub reserved: u32,
    pub outcome: unsafe extern "C" fn(u64, u64, *const Error) -> Status,
    pub complete: unsafe extern "C" fn(u64, u64) -> Status,
}

#[repr(C)]
pub struct PluginDiscover {
    pub struct_size: u32,
    pub reserved: u32,
    pub discover: unsafe extern "C" fn(*mut Instance, u64, i64, *mut Error) -> Status,
    pub cancel: unsafe extern "C" fn(*mut Instance, u64),
}

#[repr(C)]
pub struct HostDiscover {
    pub struct_size: u32,
    pub reserved: u32,
    pub outcome: unsafe extern "C" fn(u64, u64, Str, *const Error) -> Status,
    pub complete: unsafe extern "C" fn(u64, u64) -> Status,
}

#[repr(C)]
pub struct PluginPeriodic {
    pub struct_size: u32,
    pub reserved: u32,
    pub work: unsafe extern "C" fn(*mut Instance, u64, i64, i64, *mut Error) -> Status,
    pub cancel: unsafe extern "C" fn(*mut Instance, u64),
}

#[repr(C)]
pub struct HostPeriodic {
    pub struct_size: u32,
    pub reserved: u32,
    pub outcome: unsafe extern "C" fn(u64, u64, i64, *const Error) -> Status,
    pub complete: unsafe extern "C" fn(u64, u64) -> Status,
}

#[repr(C)]
pub struct PluginMigrate {
    pub struct_size: u32,
    pub reserved: u32,
    pub migrate: unsafe extern "C" fn(Str, *const TextSink, *mut Error) -> Status,
}

#[repr(C)]
pub struct State {
    pub struct_size: u32,
    pub version: u32,
    pub schema_id: Str,
    pub bytes: Str,
}

#[repr(C)]
pub struct StateSink {
    pub struct_size: u32,
    pub reserved: u32,
    pub context: *mut c_void,
    pub state: unsafe extern "C" fn(*mut c_void, *const State),
}

#[repr(C)]
pub struct PluginState {
    pub struct_size: u32,
    pub reserved: u32,
    pub save: unsafe extern "C" fn(*mut Instance, *const StateSink, *mut Error) -> Status,
    pub restore: unsafe extern "C" fn(*mut Instance, *const State, *mut Error) -> Status,
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

#[repr(C)]
pub struct AnswerRecord {
    pub struct_size: u32,
    pub kind: i32,
    pub stream: Str,
    pub key: Str,
    pub destination_key: Str,
    pub reply: Str,
    pub error: *const Error,
}

#[repr(C)]
pub struct Answer {
    pub struct_size: u32,
    pub record_count: u32,
    pub event: Str,
    pub records: *const *const AnswerRecord,
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
pub type Verify =
    unsafe extern "C" fn(*mut Instance, *const WebhookRequest, u64, *mut Error) -> Status;
pub type WordAnswer = unsafe extern "C" fn(
    *mut Instance,
    *const WebhookRequest,
    *const Answer,
    *const ReplySink,
    *mut Error,
) -> Status;

#[repr(C)]
pub struct PluginWebhook {
    pub struct_size: u32,
    pub reserved: u32,
    pub handshake: Option<Handshake>,
    pub translate: Option<Translate>,
    pub verify: Option<Verify>,
    pub answer: Option<WordAnswer>,
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

// It holds constants of the library alone.
unsafe impl Sync for Plugin {}

pub const ABI_MAJOR: u32 = 1;
pub const ABI_DRAFT: u32 = 2;

pub const NO_TIME: i64 = i64::MIN;
pub const BODY_JSON: u32 = 1;
