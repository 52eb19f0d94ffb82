// The layout of ABI 1.0. A field may be added at the end of a struct; nothing here may ever change
// after the freeze.
#include <cstddef>

#include "support/catch.hpp"
#include "syncline/syncline.h"

TEST_CASE("layout: every field of ABI 1.0 is where it was", "[plugin_api][layout]") {
    CHECK(offsetof(syncline_str, len) == 8);
    CHECK(offsetof(syncline_pair, value) == 16);
    CHECK(offsetof(syncline_error, failure_class) == 4);
    CHECK(offsetof(syncline_error, retry_after_ms) == 8);
    CHECK(offsetof(syncline_error, provider_code) == 16);
    CHECK(offsetof(syncline_error, message) == 80);

    CHECK(offsetof(syncline_host, abi_minor) == 4);
    CHECK(offsetof(syncline_host, handle) == 8);
    CHECK(offsetof(syncline_host, get_table) == 16);
    CHECK(offsetof(syncline_host, post) == 24);
    CHECK(offsetof(syncline_host, stopped) == 32);

    CHECK(offsetof(syncline_plugin, abi_major) == 4);
    CHECK(offsetof(syncline_plugin, abi_draft) == 8);
    CHECK(offsetof(syncline_plugin, manifest) == 16);
    CHECK(offsetof(syncline_plugin, get_table) == 32);
    CHECK(offsetof(syncline_plugin, create) == 40);
    CHECK(offsetof(syncline_plugin, init) == 48);
    CHECK(offsetof(syncline_plugin, start) == 56);
    CHECK(offsetof(syncline_plugin, stop) == 64);
    CHECK(offsetof(syncline_plugin, posted) == 72);
    CHECK(offsetof(syncline_plugin, destroy) == 80);
}

TEST_CASE("layout: the capabilities of ABI 1.0", "[plugin_api][layout]") {
    CHECK(offsetof(syncline_webhook_request, headers) == 56);
    CHECK(offsetof(syncline_webhook_request, received_ns) == 80);
    CHECK(offsetof(syncline_record, stream) == 8);
    CHECK(offsetof(syncline_record, body_format) == 56);
    CHECK(offsetof(syncline_record, occurred_ns) == 64);
    CHECK(offsetof(syncline_record, parent_stream) == 72);
    CHECK(offsetof(syncline_record, parent_key) == 88);
    CHECK(offsetof(syncline_record_sink, record) == 16);
    CHECK(offsetof(syncline_webhook_reply, body) == 24);
    CHECK(offsetof(syncline_reply_sink, reply) == 16);
    CHECK(offsetof(syncline_plugin_webhook, handshake) == 8);
    CHECK(offsetof(syncline_plugin_webhook, translate) == 16);
    CHECK(offsetof(syncline_plugin_webhook, verify) == 24);
    CHECK(offsetof(syncline_plugin_webhook, answer) == 32);
    CHECK(offsetof(syncline_answer_record, stream) == 8);
    CHECK(offsetof(syncline_answer_record, reply) == 56);
    CHECK(offsetof(syncline_answer_record, error) == 72);
    CHECK(offsetof(syncline_answer, event) == 8);
    CHECK(offsetof(syncline_answer, records) == 24);

    CHECK(offsetof(syncline_write_record, destination_key) == 40);
    CHECK(offsetof(syncline_write_record, was_delivered) == 60);
    CHECK(offsetof(syncline_write_record, is_complete) == 64);
    CHECK(offsetof(syncline_write_record, is_unknown) == 76);
    CHECK(offsetof(syncline_write_record, unset_fields) == 88);
    CHECK(offsetof(syncline_write_record, parent_key) == 96);
    CHECK(offsetof(syncline_write_record, idempotency_key) == 112);
    CHECK(offsetof(syncline_write_batch, records) == 24);
    CHECK(offsetof(syncline_write_batch, timeout_ms) == 32);
    CHECK(offsetof(syncline_outcome, error) == 8);
    CHECK(offsetof(syncline_outcome, reply) == 32);
    CHECK(offsetof(syncline_plugin_write, write) == 8);
    CHECK(offsetof(syncline_plugin_write, cancel) == 16);
    CHECK(offsetof(syncline_host_write, outcome) == 8);
    CHECK(offsetof(syncline_host_write, complete) == 16);

    CHECK(offsetof(syncline_http_request, headers) == 40);
    CHECK(offsetof(syncline_http_request, timeout_ms) == 64);
    CHECK(offsetof(syncline_http_result, headers) == 16);
    CHECK(offsetof(syncline_http_result, error) == 40);
    CHECK(offsetof(syncline_http_result, may_have_been_processed) == 48);
    CHECK(offsetof(syncline_host_http, send) == 8);
    CHECK(offsetof(syncline_host_http, cancel) == 16);
    CHECK(offsetof(syncline_host_http, fetch) == 24);
    CHECK(offsetof(syncline_plugin_http, done) == 8);
    CHECK(offsetof(syncline_host_log, log) == 8);
    CHECK(offsetof(syncline_host_clock, now_ns) == 8);
    CHECK(offsetof(syncline_host_clock, monotonic_ns) == 16);
}

TEST_CASE("layout: reading by key, and the services of the host", "[plugin_api][layout]") {
    CHECK(offsetof(syncline_fetch_request, parameters) == 24);
    CHECK(offsetof(syncline_fetch_batch, requests) == 24);
    CHECK(offsetof(syncline_fetch_batch, timeout_ms) == 32);
    CHECK(offsetof(syncline_fetch_result, body) == 8);
    CHECK(offsetof(syncline_fetch_result, error) == 32);
    CHECK(offsetof(syncline_plugin_fetch, cancel) == 16);
    CHECK(offsetof(syncline_host_fetch, complete) == 16);
    CHECK(offsetof(syncline_read_request, records_max) == 4);
    CHECK(offsetof(syncline_read_request, stream) == 8);
    CHECK(offsetof(syncline_read_request, cursor) == 24);
    CHECK(offsetof(syncline_read_request, is_full) == 40);
    CHECK(offsetof(syncline_read_request, timeout_ms) == 48);
    CHECK(offsetof(syncline_page_end, cursor) == 8);
    CHECK(offsetof(syncline_page_end, error) == 24);
    CHECK(offsetof(syncline_plugin_read, read) == 8);
    CHECK(offsetof(syncline_plugin_read, cancel) == 16);
    CHECK(offsetof(syncline_host_read, record) == 8);
    CHECK(offsetof(syncline_host_read, end) == 16);
    CHECK(offsetof(syncline_host_read, complete) == 24);
    CHECK(offsetof(syncline_plugin_check, cancel) == 16);
    CHECK(offsetof(syncline_host_check, outcome) == 8);
    CHECK(offsetof(syncline_host_check, complete) == 16);
    CHECK(offsetof(syncline_plugin_discover, cancel) == 16);
    CHECK(offsetof(syncline_host_discover, outcome) == 8);
    CHECK(offsetof(syncline_host_discover, complete) == 16);
    CHECK(offsetof(syncline_plugin_periodic, cancel) == 16);
    CHECK(offsetof(syncline_host_periodic, outcome) == 8);
    CHECK(offsetof(syncline_host_periodic, complete) == 16);
    CHECK(offsetof(syncline_plugin_migrate, migrate) == 8);
    CHECK(offsetof(syncline_state, schema_id) == 8);
    CHECK(offsetof(syncline_state, bytes) == 24);
    CHECK(offsetof(syncline_state_sink, state) == 16);
    CHECK(offsetof(syncline_plugin_state, save) == 8);
    CHECK(offsetof(syncline_plugin_state, restore) == 16);
    CHECK(offsetof(syncline_header_sink, header) == 16);
    CHECK(offsetof(syncline_plugin_sign, sign) == 8);
    CHECK(offsetof(syncline_text_sink, text) == 16);
    CHECK(offsetof(syncline_host_expr, evaluate) == 16);
    CHECK(offsetof(syncline_host_file, append) == 8);
    CHECK(offsetof(syncline_plugin_file, done) == 8);
    CHECK(offsetof(syncline_host_idmap, put) == 16);
    CHECK(offsetof(syncline_plugin_idmap, found) == 8);
    CHECK(offsetof(syncline_host_hmac, hmac) == 8);
    CHECK(offsetof(syncline_host_secret, find) == 8);
    CHECK(offsetof(syncline_host_secret, show) == 16);
}

TEST_CASE("layout: a reader can ask what the maker of a struct knew", "[plugin_api][layout]") {
    syncline_error older{};
    older.struct_size = offsetof(syncline_error, message);

    CHECK(SYNCLINE_HAS(syncline_error, &older, provider_code));
    CHECK_FALSE(SYNCLINE_HAS(syncline_error, &older, message));
}
