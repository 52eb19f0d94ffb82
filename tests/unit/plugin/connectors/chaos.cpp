// A connector that breaks one rule of the interface, named by its setting `mode`; in the mode "" it
// behaves. It uses the C interface directly: the C++ layer would not let it.
#include <unistd.h>
#include <unwind.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "syncline/manifest.h"
#include "syncline/syncline.h"

#ifndef CHAOS_VERSION
#define CHAOS_VERSION "1.0.0"
#endif
#ifndef CHAOS_ABI
#define CHAOS_ABI "\"major\":1,\"draft\":2,\"min_host_minor\":0"
#endif
#ifndef CHAOS_ID
#define CHAOS_ID "chaos"
#endif
#ifndef CHAOS_STREAM
#define CHAOS_STREAM "things"
#endif
#ifndef CHAOS_MORE_STREAMS
#define CHAOS_MORE_STREAMS ""
#endif
#ifndef CHAOS_REQUIRED
#define CHAOS_REQUIRED ""
#endif
#ifndef CHAOS_MODE
#define CHAOS_MODE ""
#endif
#ifndef CHAOS_HOSTS
#define CHAOS_HOSTS ""
#endif
#ifndef CHAOS_MANIFEST
#define CHAOS_MANIFEST                                                               \
    "{\"id\":\"" CHAOS_ID "\",\"version\":\"" CHAOS_VERSION                          \
    "\",\"name\":\"Chaos\",\"abi\":{" CHAOS_ABI                                      \
    "},"                                                                             \
    "\"style\":\"async\",\"capabilities\":[\"webhook\",\"write\"],"                  \
    "\"streams\":[{\"name\":\"" CHAOS_STREAM                                         \
    "\",\"source\":true,\"destination\":true,\"batch_records_"                       \
    "max\":10}" CHAOS_MORE_STREAMS                                                   \
    "],"                                                                             \
    "\"handshakes\":[{\"methods\":[\"GET\"]}],\"allowed_hosts\":[" CHAOS_HOSTS       \
    "],"                                                                             \
    "\"settings\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":" \
    "[" CHAOS_REQUIRED                                                               \
    "],\"properties\":{"                                                             \
    "\"mode\":{\"type\":\"string\",\"default\":\"" CHAOS_MODE                        \
    "\"},\"gate\":{\"type\":\"string\"}}}}"
#endif
#ifndef CHAOS_CODE_MANIFEST
#define CHAOS_CODE_MANIFEST CHAOS_MANIFEST
#endif
#ifndef CHAOS_STRUCT_SIZE
#define CHAOS_STRUCT_SIZE sizeof(syncline_plugin)
#endif

#ifndef CHAOS_NO_NOTE
SYNCLINE_MANIFEST(CHAOS_MANIFEST);
#endif

struct syncline_instance {
    const syncline_host* host = nullptr;
    const syncline_host_http* http = nullptr;
    const syncline_host_write* write = nullptr;
    const syncline_host_log* log = nullptr;
    std::string mode;
    std::string gate;
    syncline_write_handle operation = 0;
    syncline_http_handle exchange = 0;
    unsigned open_exchanges = 0;
    bool is_stopping = false;
};

namespace {

// Tells the tests that code of this file has run, if they ask.
__attribute__((constructor)) void code_runs() {
    if (::getenv("SYNCLINE_TEST_CODE_RAN") == nullptr) return;
    ::setenv("SYNCLINE_TEST_CODE_RAN", CHAOS_VERSION, 1);
}

syncline_str text(const char* value) {
    return {value, std::strlen(value)};
}

bool is(const syncline_instance* self, std::string_view mode) {
    return self->mode == mode;
}

syncline_status fail(syncline_error* error, syncline_status status, const char* message) {
    error->failure_class = status;
    std::strncpy(error->message, message, sizeof error->message - 1);
    return status;
}

// As a connector's mistake would, or one of a library in another language.
void throw_as(const syncline_instance* self, std::string_view where) {
    if (is(self, std::string{where} + "_std")) throw std::runtime_error{"boo"};
    if (is(self, std::string{where} + "_int")) throw 7;
    if (!is(self, std::string{where} + "_foreign")) return;
    static _Unwind_Exception foreign{};
    std::memcpy(&foreign.exception_class, "OTHERLNG", sizeof foreign.exception_class);
    foreign.exception_cleanup = [](_Unwind_Reason_Code, _Unwind_Exception*) {};
    _Unwind_RaiseException(&foreign);
}

syncline_outcome done_outcome() {
    syncline_outcome outcome{};
    outcome.struct_size = sizeof outcome;
    outcome.kind = SYNCLINE_DONE;
    outcome.destination_key = text("d-1");
    return outcome;
}

syncline_instance* create(const syncline_host* host) {
#ifdef CHAOS_NO_INSTANCE
    throw 7;
#endif
    auto* self = new syncline_instance;
    self->host = host;
    return self;
}

syncline_status init(syncline_instance* self, syncline_str settings, syncline_error* error) {
    const std::string_view json{settings.ptr, settings.len};
    const auto setting = [json](std::string_view name) {
        const std::size_t at = json.find(name);
        if (at == std::string_view::npos) return std::string{};
        const std::size_t begin = at + name.size();
        return std::string{json.substr(begin, json.find('"', begin) - begin)};
    };
    if (json.find("mode") == std::string_view::npos)
        return fail(error, SYNCLINE_E_CONFIG, "no mode");
    self->mode = setting("\"mode\":\"");
    self->gate = setting("\"gate\":\"");
    const auto handle = self->host->handle;
    self->http = static_cast<const syncline_host_http*>(
        self->host->get_table(handle, text(SYNCLINE_HTTP_ID)));
    self->write = static_cast<const syncline_host_write*>(
        self->host->get_table(handle, text(SYNCLINE_WRITE_ID)));
    self->log =
        static_cast<const syncline_host_log*>(self->host->get_table(handle, text(SYNCLINE_LOG_ID)));
    if (is(self, "bad_key"))
        return fail(error, SYNCLINE_E_AUTH_DENIED, "the platform refused the key");
    throw_as(self, "init");
    return SYNCLINE_OK;
}

syncline_status start(syncline_instance* self, syncline_error*) {
    throw_as(self, "start");
    if (is(self, "own_thread")) {
        std::thread([gate = self->gate] {
            while (::access(gate.c_str(), F_OK) == 0) std::this_thread::yield();
        }).detach();
    }
    return SYNCLINE_OK;
}

void settle(syncline_instance* self) {
    if (!self->is_stopping || is(self, "never_stopped")) return;
    if (self->open_exchanges == 0 && self->operation == 0) self->host->stopped(self->host->handle);
}

void stop(syncline_instance* self) {
    self->is_stopping = true;
    throw_as(self, "stop");
    if (is(self, "stopped_early")) {
        self->host->stopped(self->host->handle);
        return;
    }
    self->host->post(self->host->handle, 1);
}

// Blocks as long as the file is there.
void wait_for_gate(const syncline_instance* self) {
    while (::access(self->gate.c_str(), F_OK) == 0) std::this_thread::yield();
}

void posted(syncline_instance* self, uint64_t user_id) {
    const auto host = self->host->handle;
    if (user_id == 1) settle(self);
    if (user_id != 2 || self->operation == 0) return;
    if (is(self, "never_completes")) return;
    throw_as(self, "posted");
    const syncline_write_handle operation = self->operation;
    self->operation = 0;
    syncline_outcome outcome = done_outcome();
    if (is(self, "no_outcomes")) {
        self->write->complete(host, operation);
        return;
    }
    if (is(self, "wrong_index")) self->write->outcome(host, operation, 4'000'000'000u, &outcome);
    if (is(self, "wrong_kind")) outcome.kind = 77;
    if (is(self, "bad_utf8")) outcome.destination_key = text("\xff\xfe");
    if (is(self, "huge_length")) outcome.destination_key.len = 2'000'000'000u;
    if (is(self, "null_text")) outcome.destination_key = {nullptr, 5};
    if (is(self, "short_struct")) outcome.struct_size = 8;
    if (is(self, "no_error")) outcome.kind = SYNCLINE_FAILED;
    if (is(self, "bad_reply")) outcome.reply = text("{\"open\":");
    if (is(self, "foreign_thread")) {
        std::thread([&] { self->write->outcome(host, operation, 0, &outcome); }).join();
    }
    self->write->outcome(host, operation, 0, is(self, "null_outcome") ? nullptr : &outcome);
    if (is(self, "outcome_twice")) self->write->outcome(host, operation, 0, &outcome);
    self->write->complete(host, operation);
    if (is(self, "completes_twice")) {
        self->write->outcome(host, operation, 0, &outcome);
        self->write->complete(host, operation);
    }
    if (is(self, "stale_handles")) {
        self->write->complete(host, 0);
        self->write->complete(host + 12345, operation);
        self->http->cancel(host, 987654321);
        self->host->post(host + 12345, 3);
    }
    settle(self);
}

void destroy(syncline_instance* self) {
    const std::unique_ptr<syncline_instance> ends{self};  // also when it throws
    throw_as(self, "destroy");
    if (is(self, "after_destroy")) self->write->complete(self->host->handle, 5);
}

syncline_status handshake(syncline_instance* self, const syncline_webhook_request*,
                          const syncline_reply_sink* sink, syncline_error* error) {
    syncline_webhook_reply reply{};
    reply.struct_size = sizeof reply;
    reply.status = is(self, "wrong_status") ? 9999 : 200;
    reply.content_type = text("text/plain");
    reply.body = text("hello");
    throw_as(self, "handshake");
    if (is(self, "no_reply")) return SYNCLINE_OK;
    if (is(self, "refuses")) return fail(error, SYNCLINE_E_PERMANENT, "not for us");
    sink->reply(sink->handle, &reply);
    return SYNCLINE_OK;
}

syncline_status translate(syncline_instance* self, const syncline_webhook_request* request,
                          const syncline_record_sink* sink, syncline_error* error) {
    if (is(self, "throws")) throw std::string{"boo"};
    throw_as(self, "translate");
    if (is(self, "block")) wait_for_gate(self);
    if (is(self, "refuses")) return fail(error, SYNCLINE_E_PERMANENT, "not understood");
    if (is(self, "calls_off")) return fail(error, SYNCLINE_E_CANCELLED, "not now");
    if (is(self, "no_message")) return fail(error, 4711, "");
    if (is(self, "garbage_error")) std::memset(error->message, 0xff, sizeof error->message);
    if (is(self, "garbage_error")) return SYNCLINE_E_TRANSIENT;
    syncline_record record{};
    record.struct_size = sizeof record;
    record.operation = SYNCLINE_UPSERT;
    record.stream = text("things");
    record.key = text(CHAOS_VERSION);
    record.body = request->body;
    record.body_format = SYNCLINE_BODY_JSON;
    record.occurred_ns = SYNCLINE_NO_TIME;
    std::string long_key(2000, 'k');
    if (is(self, "wrong_stream")) record.stream = text("other");
    if (is(self, "empty_key")) record.key = text("");
    if (is(self, "long_key")) record.key = {long_key.data(), long_key.size()};
    if (is(self, "bad_utf8")) record.key = text("\xc0\x80");
    if (is(self, "huge_length")) record.body.len = 2'000'000'000u;
    if (is(self, "null_text")) record.body = {nullptr, 3};
    if (is(self, "bad_json")) record.body = text("{]");
    if (is(self, "wrong_operation")) record.operation = 9;
    if (is(self, "wrong_format")) record.body_format = 2;
    if (is(self, "short_struct")) record.struct_size = 16;
    if (is(self, "null_record")) return sink->record(sink->handle, nullptr), SYNCLINE_OK;
    if (is(self, "stale_sink")) sink->record(sink->handle + 1, &record);
    if (is(self, "flood")) {
        while (sink->record(sink->handle, &record) == SYNCLINE_SINK_GO_ON) {
        }
        return SYNCLINE_OK;
    }
    sink->record(sink->handle, &record);
    return SYNCLINE_OK;
}

syncline_status send(syncline_instance* self, uint64_t user_id) {
    syncline_http_request request{};
    request.struct_size = sizeof request;
    request.method = text("POST");
    request.url = text(is(self, "bad_url") ? "https://a b/\n" : "https://api.example.com/v1");
    request.body = text("{}");
    const syncline_pair split{text("X-User"), text("a\r\nAuthorization: b")};
    if (is(self, "split_header")) {
        request.headers = &split;
        request.header_count = 1;
    }
    syncline_error error{};
    error.struct_size = sizeof error;
    const auto status =
        self->http->send(self->host->handle, &request, user_id, &self->exchange, &error);
    if (status == SYNCLINE_OK) ++self->open_exchanges;
    return status;
}

// The whole of the host's interface from inside a call of the host.
void call_everything(syncline_instance* self, syncline_write_handle operation) {
    const auto host = self->host->handle;
    self->host->get_table(host, text(SYNCLINE_WRITE_ID));
    self->log->log(host, SYNCLINE_LOG_INFO, text("from inside"), nullptr, 0);
    for (int i = 0; i < 3; ++i) {
        if (send(self, 20) == SYNCLINE_OK) self->http->cancel(host, self->exchange);
    }
    self->host->post(host, 9);
    const syncline_outcome outcome = done_outcome();
    self->write->outcome(host, operation + 1, 0, &outcome);  // of nobody
    self->host->post(host, 9);
}

const syncline_host_expr* expressions(syncline_instance* self) {
    return static_cast<const syncline_host_expr*>(
        self->host->get_table(self->host->handle, text(SYNCLINE_EXPR_ID)));
}

// Nine rules broken; ends the process if the host lets one pass.
void abuse_services(syncline_instance* self) {
    const auto host = self->host->handle;
    const auto* expr = expressions(self);
    const auto* file =
        static_cast<const syncline_host_file*>(self->host->get_table(host, text(SYNCLINE_FILE_ID)));
    syncline_error error{};  // of no size
    syncline_expr_handle handle = 0;
    const syncline_text_sink no_text{sizeof no_text, 0, nullptr, nullptr};
    const syncline_text_sink small{8, 0, nullptr, [](void*, syncline_str) {}};
    const syncline_text_sink throwing{sizeof throwing, 0, nullptr,
                                      [](void*, syncline_str) { throw 1; }};
    const auto must_fail = [](syncline_status status) {
        if (status == SYNCLINE_OK) std::abort();
    };
    must_fail(expr->compile(host, {nullptr, 5}, &handle, &error));
    must_fail(expr->compile(host, text("\xff"), &handle, nullptr));
    must_fail(expr->compile(host, text("upper"), nullptr, &error));
    must_fail(expr->compile(host, text("lower"), &handle, &error));        // no rule broken
    must_fail(expr->evaluate(host, 12345, text("1"), &throwing, &error));  // nor here
    if (expr->compile(host, text("upper"), &handle, &error) != SYNCLINE_OK) std::abort();
    must_fail(expr->evaluate(host, handle, text("1"), nullptr, &error));
    must_fail(expr->evaluate(host, handle, text("1"), &no_text, &error));
    must_fail(expr->evaluate(host, handle, text("1"), &small, &error));
    must_fail(expr->evaluate(host, handle, {nullptr, 5}, &throwing, &error));
    must_fail(expr->evaluate(host, handle, text("1"), &throwing, nullptr));
    must_fail(file->append(host, text("/etc/passwd"), text("x"), 1, &error));  // no table for it
    must_fail(expr->compile(host + 12345, text("upper"), &handle, &error));
}

syncline_status write(syncline_instance* self, syncline_write_handle operation,
                      const syncline_write_batch* batch, syncline_error* error) {
    if (is(self, "throws")) throw 1;
    throw_as(self, "write");
    if (is(self, "refuses")) return fail(error, SYNCLINE_E_UNSUPPORTED, "not today");
    self->operation = operation;
    if (is(self, "inside")) {
        const syncline_outcome outcome = done_outcome();
        self->write->outcome(self->host->handle, operation, 0, &outcome);
        self->write->complete(self->host->handle, operation);
    }
    if (is(self, "re_entrant")) call_everything(self, operation);
    if (is(self, "http") || is(self, "twice_http") || is(self, "deaf_http") ||
        is(self, "sends_on") || is(self, "bad_url") || is(self, "split_header") ||
        self->mode.rfind("done_", 0) == 0) {
        if (send(self, 10) != SYNCLINE_OK) {
            self->operation = 0;
            return fail(error, SYNCLINE_E_PERMANENT, "the host refused to send");
        }
        return SYNCLINE_OK;
    }
    if (is(self, "abuses_services")) abuse_services(self);
    if (is(self, "compiles_for_ever")) {
        syncline_expr_handle handle = 0;
        while (expressions(self)->compile(self->host->handle, text("upper"), &handle, nullptr) ==
               SYNCLINE_OK) {
        }
    }
    if (batch->record_count != 0) self->host->post(self->host->handle, 2);
    return SYNCLINE_OK;
}

void cancel(syncline_instance* self, syncline_write_handle operation) {
    if (operation != self->operation) return;
    if (is(self, "http") || is(self, "twice_http"))
        self->http->cancel(self->host->handle, self->exchange);
}

void done(syncline_instance* self, uint64_t user_id, const syncline_http_result* result) {
    --self->open_exchanges;
    throw_as(self, "done");
    if (is(self, "twice_http") && user_id == 10 && send(self, 11) == SYNCLINE_OK) return;
    if (is(self, "sends_on")) return void(send(self, 10));
    const auto host = self->host->handle;
    if (is(self, "deaf_http")) return;
    if (user_id == 20) return settle(self);
    syncline_outcome outcome = done_outcome();
    syncline_error error{};
    error.struct_size = sizeof error;
    if (result->has_response == 0) {
        error = *result->error;
        outcome.kind = result->may_have_been_processed ? SYNCLINE_UNKNOWN : SYNCLINE_NOT_ATTEMPTED;
        outcome.error = &error;
        outcome.destination_key = {nullptr, 0};
    } else if (result->status >= 400) {
        fail(&error, SYNCLINE_E_PERMANENT, "refused");
        outcome.kind = SYNCLINE_FAILED;
        outcome.error = &error;
        outcome.destination_key = {nullptr, 0};
    }
    self->write->outcome(host, self->operation, 0, &outcome);
    self->write->complete(host, self->operation);
    self->operation = 0;
    settle(self);
}

const syncline_plugin_webhook kWebhook{sizeof kWebhook, 0, handshake, translate, nullptr, nullptr};
const syncline_plugin_write kWrite{sizeof kWrite, 0, write, cancel};
const syncline_plugin_http kHttp{sizeof kHttp, 0, done};

const void* get_table(syncline_str id) {
    const std::string_view name{id.ptr, id.len};
    if (name == SYNCLINE_WEBHOOK_ID) return &kWebhook;
#ifndef CHAOS_NO_WRITE_TABLE
    if (name == SYNCLINE_WRITE_ID) return &kWrite;
#endif
    if (name == SYNCLINE_HTTP_ID) return &kHttp;
    return nullptr;
}

}  // namespace

#ifndef CHAOS_NO_ENTRY
const syncline_plugin syncline_plugin_v1 = {CHAOS_STRUCT_SIZE,
                                            SYNCLINE_ABI_MAJOR,
                                            SYNCLINE_ABI_DRAFT,
                                            0,
                                            SYNCLINE_STR(CHAOS_CODE_MANIFEST),
                                            get_table,
                                            create,
                                            init,
                                            start,
                                            stop,
                                            posted,
                                            destroy};
#else
extern "C" SYNCLINE_EXPORT const syncline_plugin other_symbol;
const syncline_plugin other_symbol = {CHAOS_STRUCT_SIZE,
                                      SYNCLINE_ABI_MAJOR,
                                      SYNCLINE_ABI_DRAFT,
                                      0,
                                      SYNCLINE_STR(CHAOS_CODE_MANIFEST),
                                      get_table,
                                      create,
                                      init,
                                      start,
                                      stop,
                                      posted,
                                      destroy};
#endif
