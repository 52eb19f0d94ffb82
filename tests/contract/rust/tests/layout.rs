//! The structs of the crate are those of the C interface: the same fields, with the same offsets
//! and sizes as in plugin-api/abi/1.layout.
use std::collections::BTreeMap;
use std::mem::{size_of, size_of_val, MaybeUninit};
use std::ptr::addr_of;

use syncline_connector::raw;

/// By struct: its fields with offset and size; `-` is the whole.
type Layout = BTreeMap<String, BTreeMap<String, (usize, usize)>>;

fn recorded() -> Layout {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../plugin-api/abi/1.layout");
    let mut layout = Layout::new();
    for line in std::fs::read_to_string(path).unwrap().lines().filter(|line| !line.starts_with('#'))
    {
        let words: Vec<&str> = line.split(' ').collect();
        let place = (words[2].parse().unwrap(), words[3].parse().unwrap());
        layout.entry(words[0].to_string()).or_default().insert(words[1].to_string(), place);
    }
    layout
}

/// `HttpRequest` is `syncline_http_request`.
fn name_in_c(name: &str) -> String {
    let mut in_c = String::from("syncline");
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            in_c.push('_');
        }
        in_c.push(character.to_ascii_lowercase());
    }
    in_c
}

fn size_behind<T>(_: *const T) -> usize {
    size_of::<T>()
}

macro_rules! measure {
    ($($name:ident: $($field:ident),*;)*) => {{
        let mut layout = Layout::new();
        $({
            let made = MaybeUninit::<raw::$name>::uninit();
            let fields = layout.entry(name_in_c(stringify!($name))).or_default();
            fields.insert("-".to_string(), (0, size_of_val(&made)));
            $({
                let field = unsafe { addr_of!((*made.as_ptr()).$field) };
                let offset = field as usize - made.as_ptr() as usize;
                fields.insert(stringify!($field).to_string(), (offset, size_behind(field)));
            })*
        })*
        layout
    }};
}

#[test]
fn every_struct_of_the_interface_is_there_as_it_is() {
    let found = measure! {
        Str: ptr, len;
        Pair: name, value;
        Error: struct_size, failure_class, retry_after_ms, provider_code, message;
        Host: struct_size, abi_minor, handle, get_table, post, stopped;
        HostLog: struct_size, reserved, log;
        HostClock: struct_size, reserved, now_ns, monotonic_ns;
        HttpRequest: struct_size, header_count, method, url, headers, body, timeout_ms;
        HttpResult: struct_size, has_response, status, header_count, headers, body, error,
            may_have_been_processed, reserved;
        HostHttp: struct_size, reserved, send, cancel, fetch;
        PluginHttp: struct_size, reserved, done;
        HeaderSink: struct_size, reserved, context, header;
        PluginSign: struct_size, reserved, sign;
        TextSink: struct_size, reserved, context, text;
        HostExpr: struct_size, reserved, compile, evaluate;
        HostSecret: struct_size, reserved, find, show;
        HostHmac: struct_size, reserved, hmac;
        HostFile: struct_size, reserved, append;
        PluginFile: struct_size, reserved, done;
        HostIdmap: struct_size, reserved, get, put;
        PluginIdmap: struct_size, reserved, found;
        WriteRecord: struct_size, operation, key, body, destination_key, body_format,
            was_delivered, is_complete, changed_count, unset_count, is_unknown,
            changed_fields, unset_fields, parent_key, idempotency_key;
        WriteBatch: struct_size, record_count, stream, records, timeout_ms;
        Outcome: struct_size, kind, error, destination_key, reply;
        PluginWrite: struct_size, reserved, write, cancel;
        HostWrite: struct_size, reserved, outcome, complete;
        FetchRequest: struct_size, reserved, key, parameters;
        FetchBatch: struct_size, request_count, stream, requests, timeout_ms;
        FetchResult: struct_size, kind, body, body_format, reserved, error;
        PluginFetch: struct_size, reserved, fetch, cancel;
        HostFetch: struct_size, reserved, result, complete;
        ReadRequest: struct_size, records_max, stream, cursor, is_full, reserved, timeout_ms;
        PageEnd: struct_size, has_more, cursor, error;
        PluginRead: struct_size, reserved, read, cancel;
        HostRead: struct_size, reserved, record, end, complete;
        PluginCheck: struct_size, reserved, check, cancel;
        HostCheck: struct_size, reserved, outcome, complete;
        PluginDiscover: struct_size, reserved, discover, cancel;
        HostDiscover: struct_size, reserved, outcome, complete;
        PluginPeriodic: struct_size, reserved, work, cancel;
        HostPeriodic: struct_size, reserved, outcome, complete;
        PluginMigrate: struct_size, reserved, migrate;
        State: struct_size, version, schema_id, bytes;
        StateSink: struct_size, reserved, context, state;
        PluginState: struct_size, reserved, save, restore;
        WebhookRequest: struct_size, header_count, method, path, query, headers, body,
            received_ns;
        Record: struct_size, operation, stream, key, body, body_format, reserved,
            occurred_ns, parent_stream, parent_key;
        RecordSink: struct_size, reserved, handle, record;
        WebhookReply: struct_size, status, content_type, body;
        ReplySink: struct_size, reserved, handle, reply;
        AnswerRecord: struct_size, kind, stream, key, destination_key, reply, error;
        Answer: struct_size, record_count, event, records;
        PluginWebhook: struct_size, reserved, handshake, translate, verify, answer;
        Plugin: struct_size, abi_major, abi_draft, reserved, manifest, get_table, create,
            init, start, stop, posted, destroy;
    };

    let recorded = recorded();
    assert!(recorded.len() > 40);
    for (name, fields) in &recorded {
        assert_eq!(found.get(name), Some(fields), "{name}");
    }
    assert_eq!(found.len(), recorded.len());
}
