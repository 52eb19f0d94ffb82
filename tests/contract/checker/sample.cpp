// A connector that keeps every rule but one, see sample.hpp. It uses the C interface directly,
// since the C++ layer would not let it break one. (One file, because the sound part is the same for
// all.)
#include "sample.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <list>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "syncline/json.hpp"

namespace {

using sample::Broken;
using syncline::json::Value;

bool breaks(Broken rule) {
    return sample::broken == rule;
}

struct Operation {
    syncline_write_handle handle;
    std::vector<std::string> bodies;
    std::vector<syncline_http_handle> exchanges;  // 0: over
    std::vector<bool> is_repeated;
    std::size_t over_count;
};

enum class Asked { check, discover, work };

// A check, a discovery, or a turn of work.
struct Question {
    std::uint64_t handle;
    Asked asked;
    syncline_http_handle exchange;
};

// A request's user id: which record of which operation, or which question.
struct Exchange {
    Operation* operation;
    std::uint32_t index;
    Question* question = nullptr;
};

std::string_view view(const syncline_str& text) {
    return text.len == 0 ? std::string_view{} : std::string_view{text.ptr, text.len};
}

syncline_str text(std::string_view value) {
    return {value.data(), value.size()};
}

syncline_status fail(syncline_error* error, syncline_status status, const char* message) {
    error->failure_class = status;
    error->retry_after_ms = -1;
    error->provider_code[0] = '\0';
    std::strncpy(error->message, message, sizeof error->message - 1);
    return status;
}

void crash() {
    std::raise(SIGSEGV);
}

}  // namespace

struct syncline_instance {
    const syncline_host* host = nullptr;
    const syncline_host_http* http = nullptr;
    const syncline_host_write* write = nullptr;
    const syncline_host_log* log = nullptr;
    std::string url, token;
    syncline_str lent{};
    std::list<Operation> operations;
    std::list<Question> questions;
    unsigned open_posts = 0;
    bool is_stopping = false, has_failed = false;
};

namespace {

syncline_host_handle last_handle = 0;

template <class Table>
const Table* host_table(const syncline_instance* self, const char* id) {
    return static_cast<const Table*>(self->host->get_table(self->host->handle, text(id)));
}

void say(const syncline_instance* self, std::string_view message,
         syncline_severity severity = SYNCLINE_LOG_DEBUG) {
    const auto handle = breaks(Broken::life_isolated) ? last_handle : self->host->handle;
    self->log->log(handle, severity, text(message), nullptr, 0);
}

void post(syncline_instance* self, std::uint64_t user_id) {
    if (self->host->post(self->host->handle, user_id) == SYNCLINE_OK) ++self->open_posts;
}

void settle(syncline_instance* self) {
    if (!self->is_stopping || self->open_posts > 0 || !self->operations.empty() ||
        !self->questions.empty())
        return;
    self->is_stopping = false;
    self->host->stopped(self->host->handle);
    if (breaks(Broken::stop_once)) self->host->stopped(self->host->handle);
    if (breaks(Broken::stop_last)) say(self, "good night");
}

// ---- The life of an instance --------------------------------------------------------------------

}  // namespace

syncline_instance* sample::create(const syncline_host* host) {
    auto* self = new syncline_instance;
    self->host = host;
    last_handle = host->handle;
    if (breaks(Broken::life_thousand)) {
        void* volatile lost = std::malloc(64);
        (void)lost;
    }
    if (breaks(Broken::life_quiet_create))
        self->log = host_table<syncline_host_log>(self, SYNCLINE_LOG_ID);
    return self;
}

namespace {

bool read_text(const Value& settings, const char* name, std::string& to) {
    const std::string* found = settings.find_string(name);
    if (found == nullptr) return false;
    to = *found;
    return true;
}

syncline_status read_settings(syncline_instance* self, std::string_view given,
                              syncline_error* error) {
    if (breaks(Broken::fuzz_settings) &&
        std::any_of(given.begin(), given.end(), [](char c) { return c < 0; })) {
        crash();
    }
    const auto settings = syncline::json::parse(given);
    const bool is_object = settings && settings.value->object() != nullptr;
    const auto has = [&](const char* name) {
        return is_object && settings.value->find(name) != nullptr;
    };
    const bool is_whole = has("base_url") && has("token");
    const bool is_good = is_whole && read_text(*settings.value, "base_url", self->url) &&
                         read_text(*settings.value, "token", self->token);
    if (breaks(Broken::life_begins) && is_good)
        return fail(error, SYNCLINE_E_CONFIG, "the settings do not please");
    if (is_good) return SYNCLINE_OK;
    if (breaks(Broken::life_missing_settings) && is_object && !is_whole) return SYNCLINE_OK;
    if (breaks(Broken::life_invalid_settings) && (!is_object || is_whole)) return SYNCLINE_OK;
    return fail(error, SYNCLINE_E_CONFIG, "base_url and token are needed");
}

}  // namespace

syncline_status sample::init(syncline_instance* self, syncline_str settings_json,
                             syncline_error* error) {
    self->http = host_table<syncline_host_http>(self, SYNCLINE_HTTP_ID);
    self->write = host_table<syncline_host_write>(self, SYNCLINE_WRITE_ID);
    self->log = host_table<syncline_host_log>(self, SYNCLINE_LOG_ID);
    const auto* secrets = host_table<syncline_host_secret>(self, SYNCLINE_SECRET_ID);
    if (!breaks(Broken::life_without_tables) && (self->http == nullptr || self->write == nullptr ||
                                                 self->log == nullptr || secrets == nullptr)) {
        return fail(error, SYNCLINE_E_UNSUPPORTED, "the host lacks a table");
    }
    if (breaks(Broken::life_later_host) && self->host->abi_minor != SYNCLINE_ABI_MINOR)
        return fail(error, SYNCLINE_E_UNSUPPORTED, "this host is another one");
    say(self, "hello");
    const syncline_status status = read_settings(self, view(settings_json), error);
    self->has_failed = status != SYNCLINE_OK;
    if (self->has_failed) return status;
    self->lent = settings_json;
    syncline_secret_handle secret = 0;
    if (breaks(Broken::reach_secrets)) {
        syncline_error ignored{};
        secrets->find(self->host->handle, text("another"), &secret, &ignored);
    }
    if (breaks(Broken::secrets_stay)) say(self, "the token is " + self->token);
    if (breaks(Broken::calls_well_formed)) say(self, "very important", 77);
    return secrets->find(self->host->handle, text("key"), &secret, error);
}

syncline_status sample::start(syncline_instance*, syncline_error*) {
    if (breaks(Broken::process_threads)) {
        // It runs nothing of this library, which may go away under it.
        pthread_t thread{};
        ::pthread_create(&thread, nullptr, std::bit_cast<void* (*)(void*)>(&::pause), nullptr);
    }
    if (breaks(Broken::process_signals)) std::signal(SIGUSR1, SIG_IGN);
    if (breaks(Broken::process_surroundings)) ::setenv("SYNCLINE_SAMPLE", "was here", 1);
    return SYNCLINE_OK;
}

void sample::stop(syncline_instance* self) {
    self->is_stopping = true;
    if (breaks(Broken::life_stops)) return;
    if (breaks(Broken::life_stops_with_work) && !self->operations.empty())
        self->is_stopping = false;
    if (breaks(Broken::stop_later) && self->operations.empty() && self->open_posts == 0)
        return settle(self);
    post(self, 0);
}

void sample::destroy(syncline_instance* self) {
    if (breaks(Broken::life_failed_init) && self->has_failed) crash();
    delete self;
}

namespace {

// ---- Writing ------------------------------------------------------------------------------------

void tell(syncline_instance* self, const Operation& of, std::uint32_t index,
          syncline_outcome_kind kind, const syncline_error* error = nullptr) {
    syncline_outcome outcome{};
    outcome.struct_size = sizeof outcome;
    outcome.kind = kind;
    outcome.error = error;
    self->write->outcome(self->host->handle, of.handle, index, &outcome);
    if (breaks(Broken::write_one_outcome))
        self->write->outcome(self->host->handle, of.handle, index, &outcome);
    if (breaks(Broken::calls_own_handles))
        self->write->outcome(self->host->handle, of.handle + 1, index, &outcome);
}

void complete(syncline_instance* self, Operation* done) {
    const syncline_write_handle handle = done->handle;
    self->operations.remove_if([&](const Operation& each) { return &each == done; });
    self->write->complete(self->host->handle, handle);
    if (breaks(Broken::write_completes_once)) self->write->complete(self->host->handle, handle);
}

bool send(syncline_instance* self, Operation* of, std::uint32_t index, std::string_view url) {
    static constexpr syncline_pair kHeaders[] = {
        {SYNCLINE_STR("Content-Type"), SYNCLINE_STR("application/json")}};
    syncline_http_request request{};
    request.struct_size = sizeof request;
    request.header_count = 1;
    request.headers = kHeaders;
    request.method = text("POST");
    request.url = text(url);
    request.body = text(of->bodies[index]);
    syncline_error error{};
    error.struct_size = sizeof error;
    auto* id = new Exchange{of, index};
    if (self->http->send(self->host->handle, &request, reinterpret_cast<std::uintptr_t>(id),
                         &of->exchanges[index], &error) == SYNCLINE_OK) {
        return true;
    }
    delete id;
    return false;
}

std::string body_of(const syncline_write_record& record) {
    if (breaks(Broken::write_strange_keys))
        return "{\"key\":\"" + std::string{view(record.key)} + "\"}";
    // A text of the interface does not end with NUL.
    const std::string_view key = breaks(Broken::memory_text_ends)
                                     ? std::string_view{record.key.ptr, std::strlen(record.key.ptr)}
                                     : view(record.key);
    syncline::json::Writer body;
    return body.begin_object().member("key", key).end_object().take();
}

// Calls that have no business in a write.
void misbehave(syncline_instance* self, Operation* of) {
    const auto host = self->host->handle;
    syncline_error error{};
    error.struct_size = sizeof error;
    if (breaks(Broken::life_isolated)) say(self, "writing");
    if (breaks(Broken::process_descriptors)) (void)::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (breaks(Broken::calls_own_thread))
        std::thread{[&] { self->host->post(self->host->handle, 0); }}.join();
    if (breaks(Broken::memory_borrowed)) say(self, std::string{view(self->lent)}.substr(0, 1));
    if (breaks(Broken::reach_hosts)) send(self, of, 0, "http://elsewhere.example/");
    if (breaks(Broken::reach_files)) {
        const auto* file = host_table<syncline_host_file>(self, SYNCLINE_FILE_ID);
        file->append(host, text("/elsewhere"), text("x"), 0, &error);
    }
    if (breaks(Broken::reach_tables)) {
        const auto* ids = host_table<syncline_host_idmap>(self, SYNCLINE_IDMAP_ID);
        ids->get(host, text("things"), nullptr, 0, 0, &error);
    }
    if (breaks(Broken::calls_do_not_wait)) {
        const syncline_http_result* result = nullptr;
        syncline_http_request request{};
        request.struct_size = sizeof request;
        request.method = text("GET");
        request.url = text(self->url);
        self->http->fetch(host, &request, &result, &error);
    }
}

syncline_status refuse(const syncline_write_batch& batch, syncline_error* error) {
    if (!breaks(Broken::write_unknown_stream) && view(batch.stream) != "things")
        return fail(error, SYNCLINE_E_UNSUPPORTED, "there is no such stream");
    if (breaks(Broken::write_full_batch) && batch.record_count > 5)
        return fail(error, SYNCLINE_E_PERMANENT, "that is too much at once");
    if (!breaks(Broken::write_unknown_format) &&
        batch.records[0]->body_format != SYNCLINE_BODY_JSON) {
        return fail(error, SYNCLINE_E_UNSUPPORTED, "the bodies are in an unknown format");
    }
    return SYNCLINE_OK;
}

syncline_status begin_write(syncline_instance* self, syncline_write_handle handle,
                            const syncline_write_batch* batch, syncline_error* error) {
    if (const auto status = refuse(*batch, error); status != SYNCLINE_OK) return status;
    const std::uint32_t count = batch->record_count;
    self->operations.push_back({handle, {}, {}, {}, 0});
    Operation* of = &self->operations.back();
    of->exchanges.resize(count);
    of->is_repeated.resize(count);
    for (std::uint32_t i = 0; i < count; ++i) of->bodies.push_back(body_of(*batch->records[i]));
    misbehave(self, of);
    if (breaks(Broken::write_completes_later)) {
        for (std::uint32_t i = 0; i < count; ++i) tell(self, *of, i, SYNCLINE_DONE);
        complete(self, of);
        return SYNCLINE_OK;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        const bool is_dropped = breaks(Broken::write_deletes) && batch->records[i]->body.len == 0;
        if (!is_dropped && send(self, of, i, self->url)) continue;
        ++of->over_count;
        if (is_dropped) continue;
        syncline_error refused{};
        refused.struct_size = sizeof refused;
        fail(&refused, SYNCLINE_E_TRANSIENT, "it could not be sent");
        tell(self, *of, i, SYNCLINE_NOT_ATTEMPTED, &refused);
    }
    if (of->over_count == count) post(self, reinterpret_cast<std::uintptr_t>(of));
    return SYNCLINE_OK;
}

void cancel(syncline_instance* self, syncline_write_handle handle) {
    for (const Operation& each : self->operations) {
        if (each.handle != handle) continue;
        if (breaks(Broken::cancel_completes) && each.over_count == 0) return;
        if (breaks(Broken::cancel_everywhere) && each.over_count > 0) return;
        for (const syncline_http_handle exchange : each.exchanges) {
            if (exchange != 0) self->http->cancel(self->host->handle, exchange);
        }
    }
}

}  // namespace

void sample::posted(syncline_instance* self, std::uint64_t user_id) {
    if (self->open_posts > 0) --self->open_posts;
    if (user_id != 0) complete(self, reinterpret_cast<Operation*>(user_id));
    settle(self);
}

namespace {

std::int64_t retry_after_ms(const syncline_http_result& result) {
    for (std::uint32_t i = 0; i < result.header_count; ++i) {
        if (view(result.headers[i].name) != "retry-after") continue;
        return 1000 * std::strtoll(std::string{view(result.headers[i].value)}.c_str(), nullptr, 10);
    }
    return -1;
}

void judge_lost(syncline_instance* self, const Operation& of, std::uint32_t index,
                const syncline_http_result& result) {
    const bool may = result.may_have_been_processed != 0;
    const syncline_status why = result.error->failure_class;
    syncline_outcome_kind kind = may ? SYNCLINE_UNKNOWN : SYNCLINE_NOT_ATTEMPTED;
    if (breaks(Broken::fault_reset) && may && why == SYNCLINE_E_TRANSIENT) kind = SYNCLINE_DONE;
    if (breaks(Broken::fault_not_sent) && !may) kind = SYNCLINE_DONE;
    if (breaks(Broken::fault_deadline) && why == SYNCLINE_E_DEADLINE) kind = SYNCLINE_FAILED;
    tell(self, of, index, kind, kind == SYNCLINE_DONE ? nullptr : result.error);
}

void judge_status(syncline_instance* self, const Operation& of, std::uint32_t index,
                  const syncline_http_result& result) {
    const int status = result.status;
    syncline_error error{};
    error.struct_size = sizeof error;
    if (status >= 200 && status < 300) {
        const bool is_last = index + 1 == of.bodies.size();
        if (breaks(Broken::write_outcomes) && is_last) return;
        if (breaks(Broken::fault_truncated_answer) && result.body.len != 0 &&
            !syncline::json::parse(view(result.body))) {
            return;
        }
        return tell(self, of, index, SYNCLINE_DONE);
    }
    if (breaks(Broken::fuzz_answers) && status == 418) crash();
    if (status == 429) {
        fail(&error,
             breaks(Broken::fault_rate_limited) ? SYNCLINE_E_TRANSIENT : SYNCLINE_E_RATE_LIMITED,
             "later, says the platform");
        if (!breaks(Broken::fault_retry_after)) error.retry_after_ms = retry_after_ms(result);
    } else if (status >= 500) {
        fail(&error,
             breaks(Broken::fault_server_error) ? SYNCLINE_E_PERMANENT : SYNCLINE_E_TRANSIENT,
             "the platform failed");
    } else {
        fail(&error, SYNCLINE_E_PERMANENT,
             breaks(Broken::errors_say_why) ? "" : "the platform refused the record");
    }
    tell(self, of, index, SYNCLINE_FAILED, &error);
}

// ---- Questions ----------------------------------------------------------------------------------

template <class Table>
void end_question(syncline_instance* self, Question* asked, const Table* table) {
    const std::uint64_t handle = asked->handle;
    self->questions.remove_if([&](const Question& each) { return &each == asked; });
    table->complete(self->host->handle, handle);
}

syncline_status ask_platform(syncline_instance* self, std::uint64_t handle, Asked asked,
                             syncline_error* error) {
    syncline_http_request request{};
    request.struct_size = sizeof request;
    request.method = text("GET");
    request.url = text(self->url);
    self->questions.push_back({handle, asked, 0});
    auto* id = new Exchange{nullptr, 0, &self->questions.back()};
    const syncline_status status =
        self->http->send(self->host->handle, &request, reinterpret_cast<std::uintptr_t>(id),
                         &self->questions.back().exchange, error);
    if (status == SYNCLINE_OK) return status;
    self->questions.pop_back();
    delete id;
    return status;
}

syncline_status check(syncline_instance* self, syncline_check_handle handle, std::int64_t,
                      syncline_error* error) {
    return ask_platform(self, handle, Asked::check, error);
}

syncline_status discover(syncline_instance* self, syncline_discover_handle handle, std::int64_t,
                         syncline_error* error) {
    return ask_platform(self, handle, Asked::discover, error);
}

syncline_status work(syncline_instance* self, syncline_periodic_handle handle, std::int64_t,
                     std::int64_t, syncline_error* error) {
    return ask_platform(self, handle, Asked::work, error);
}

void cancel_question(syncline_instance* self, std::uint64_t handle) {
    for (const Question& each : self->questions) {
        const bool is_forgotten =
            breaks(each.asked == Asked::check      ? Broken::check_cancelled
                   : each.asked == Asked::discover ? Broken::discover_cancelled
                                                   : Broken::work_cancelled);
        if (each.handle == handle && !is_forgotten)
            self->http->cancel(self->host->handle, each.exchange);
    }
}

// The platform has answered, or has not.
void judge_question(syncline_instance* self, Question* asked, const syncline_http_result& result) {
    syncline_error error{};
    error.struct_size = sizeof error;
    const bool is_refused =
        result.has_response != 0 && (result.status == 401 || result.status == 403);
    const bool is_good = result.has_response != 0 && result.status < 400;
    if (is_refused)
        fail(&error, SYNCLINE_E_AUTH_DENIED, "the platform refused the token");
    else if (!is_good)
        fail(&error, SYNCLINE_E_TRANSIENT, "the platform can't be asked");
    const bool is_told_good = is_good || (breaks(Broken::check_denied) && is_refused);
    const syncline_error* outcome = is_told_good ? nullptr : &error;
    if (asked->asked == Asked::work) {
        const auto* table = host_table<syncline_host_periodic>(self, SYNCLINE_PERIODIC_ID);
        if (!breaks(Broken::work_completes))
            table->outcome(self->host->handle, asked->handle, SYNCLINE_NO_TIME, outcome);
        return end_question(self, asked, table);
    }
    if (asked->asked == Asked::check) {
        const auto* table = host_table<syncline_host_check>(self, SYNCLINE_CHECK_ID);
        if (!breaks(Broken::check_completes))
            table->outcome(self->host->handle, asked->handle, outcome);
        return end_question(self, asked, table);
    }
    const auto* table = host_table<syncline_host_discover>(self, SYNCLINE_DISCOVER_ID);
    if (!breaks(Broken::discover_completes))
        table->outcome(self->host->handle, asked->handle, text(R"([{"name": "things"}])"), outcome);
    end_question(self, asked, table);
}

void done(syncline_instance* self, std::uint64_t user_id, const syncline_http_result* result) {
    const Exchange exchange = *reinterpret_cast<Exchange*>(user_id);
    delete reinterpret_cast<Exchange*>(user_id);
    if (exchange.question != nullptr) {
        judge_question(self, exchange.question, *result);
        return settle(self);
    }
    Operation* of = exchange.operation;
    of->exchanges[exchange.index] = 0;
    if (breaks(Broken::fault_no_retries) && result->status == 500 &&
        !of->is_repeated[exchange.index]) {
        of->is_repeated[exchange.index] = true;
        if (send(self, of, exchange.index, self->url)) return;
    }
    if (result->has_response != 0) {
        judge_status(self, *of, exchange.index, *result);
    } else {
        judge_lost(self, *of, exchange.index, *result);
    }
    const bool is_over = ++of->over_count == of->bodies.size();
    if (is_over && !(breaks(Broken::write_completes) && result->has_response != 0))
        complete(self, of);
    settle(self);
}

// ---- Webhooks -----------------------------------------------------------------------------------

syncline_status handshake(syncline_instance*, const syncline_webhook_request*,
                          const syncline_reply_sink* sink, syncline_error*) {
    syncline_webhook_reply reply{};
    reply.struct_size = sizeof reply;
    reply.status = 200;
    sink->reply(sink->handle, &reply);
    if (breaks(Broken::webhook_handshakes)) sink->reply(sink->handle, &reply);
    return SYNCLINE_OK;
}

bool give(const syncline_record_sink* sink, const Value& value) {
    static int count = 0;
    const std::string* id = value.find_string("id");
    if (id == nullptr) return true;
    const std::string body = syncline::json::write(value);
    const std::string key =
        breaks(Broken::webhook_deterministic) ? *id + std::to_string(++count) : *id;
    syncline_record record{};
    record.struct_size = sizeof record;
    record.operation = SYNCLINE_UPSERT;
    record.stream = text("things");
    record.key = text(key);
    record.body = text(body);
    record.body_format = SYNCLINE_BODY_JSON;
    record.occurred_ns = SYNCLINE_NO_TIME;
    return sink->record(sink->handle, &record) == SYNCLINE_SINK_GO_ON ||
           breaks(Broken::webhook_stop);
}

syncline_status translate(syncline_instance* self, const syncline_webhook_request* request,
                          const syncline_record_sink* sink, syncline_error* error) {
    if (breaks(Broken::webhook_pure)) post(self, 0);
    if (breaks(Broken::fuzz_webhooks) && request->path.len > 8) crash();
    const auto body = syncline::json::parse(view(request->body));
    if (!body) return fail(error, SYNCLINE_E_PERMANENT, "the body is no JSON");
    if (body.value->array() == nullptr) {
        give(sink, *body.value);
        return SYNCLINE_OK;
    }
    for (const Value& each : *body.value->array()) {
        if (!give(sink, each)) break;
    }
    return SYNCLINE_OK;
}

syncline_status verify(syncline_instance*, const syncline_webhook_request*, syncline_secret_handle,
                       syncline_error* error) {
    if (breaks(Broken::webhook_verifies)) return SYNCLINE_OK;
    return fail(error, SYNCLINE_E_AUTH_DENIED, "the request has no signature");
}

// ---- What is handed over, and signed ------------------------------------------------------------

syncline_status migrate(syncline_str given, const syncline_text_sink* sink, syncline_error* error) {
    static int count = 0;
    const auto settings = syncline::json::parse(view(given));
    const std::string* url = settings ? settings.value->find_string("base_url") : nullptr;
    const std::string* token = settings ? settings.value->find_string("token") : nullptr;
    if (url == nullptr || token == nullptr)
        return fail(error, SYNCLINE_E_CONFIG, "base_url and token are needed");
    const std::string suffix = breaks(Broken::migrate_same) ? std::to_string(++count) : "";
    syncline::json::Writer migrated;
    migrated.begin_object().member("base_url", *url).member("token", *token + suffix);
    if (breaks(Broken::migrate_fits)) migrated.member("of_old", 1);
    const std::string text_of = migrated.end_object().take();
    sink->text(sink->context, text(text_of));
    return SYNCLINE_OK;
}

constexpr std::string_view kForm = "sample.state";
constexpr std::string_view kState = "all is well";

syncline_status save(syncline_instance*, const syncline_state_sink* sink, syncline_error*) {
    const syncline_state state{sizeof state, 1, text(kForm), text(kState)};
    sink->state(sink->context, &state);
    return SYNCLINE_OK;
}

syncline_status restore(syncline_instance*, const syncline_state* state, syncline_error* error) {
    if (breaks(Broken::state_garbage)) return SYNCLINE_OK;
    if (view(state->schema_id) != kForm || state->version != 1)
        return fail(error, SYNCLINE_E_UNSUPPORTED, "the state is of another form");
    if (view(state->bytes) != kState || breaks(Broken::state_restores))
        return fail(error, SYNCLINE_E_PLUGIN_BUG, "the state is garbled");
    return SYNCLINE_OK;
}

syncline_status sign(syncline_instance* self, const syncline_http_request* request,
                     const syncline_header_sink* sink, syncline_error* error) {
    if (breaks(Broken::sign_succeeds) && view(request->method) == "GET")
        return fail(error, SYNCLINE_E_UNSUPPORTED, "it has nothing to sign");
    if (breaks(Broken::sign_pure)) {
        syncline_http_handle exchange = 0;
        syncline_error ignored{};
        ignored.struct_size = sizeof ignored;
        self->http->send(self->host->handle, request, 0, &exchange, &ignored);
    }
    sink->header(sink->context, text("X-Sample-Signature"), text("signed"));
    return SYNCLINE_OK;
}

// ---- The tables ---------------------------------------------------------------------------------

constexpr syncline_plugin_webhook kWebhook{sizeof kWebhook, 0,      handshake,
                                           translate,       verify, nullptr};
constexpr syncline_plugin_write kWrite{sizeof kWrite, 0, begin_write, cancel};
constexpr syncline_plugin_check kCheck{sizeof kCheck, 0, check, cancel_question};
constexpr syncline_plugin_discover kDiscover{sizeof kDiscover, 0, discover, cancel_question};
constexpr syncline_plugin_periodic kPeriodic{sizeof kPeriodic, 0, work, cancel_question};
constexpr syncline_plugin_migrate kMigrate{sizeof kMigrate, 0, migrate};
constexpr syncline_plugin_state kKeep{sizeof kKeep, 0, save, restore};
constexpr syncline_plugin_sign kSign{sizeof kSign, 0, sign};
constexpr syncline_plugin_http kHttp{sizeof kHttp, 0, done};
constexpr syncline_plugin_http kHttpOfNoSize{4, 0, done};
constexpr syncline_plugin_file kFile{
    sizeof kFile, 0, [](syncline_instance*, std::uint64_t, const syncline_error*) {}};

}  // namespace

const void* sample::get_table(syncline_str id) {
    const auto is = [name = view(id)](std::string_view known) {
        return breaks(Broken::scan_table_id) ? name.starts_with(known) : name == known;
    };
    if (is(SYNCLINE_WEBHOOK_ID) && !breaks(Broken::scan_promised_tables)) return &kWebhook;
    if (is(SYNCLINE_WRITE_ID)) return &kWrite;
    if (is(SYNCLINE_HTTP_ID)) return breaks(Broken::scan_tables) ? &kHttpOfNoSize : &kHttp;
    if (is(SYNCLINE_CHECK_ID)) return &kCheck;
    if (is(SYNCLINE_DISCOVER_ID)) return &kDiscover;
    if (is(SYNCLINE_PERIODIC_ID)) return &kPeriodic;
    if (is(SYNCLINE_MIGRATE_ID)) return &kMigrate;
    if (is(SYNCLINE_STATE_ID)) return &kKeep;
    if (is(SYNCLINE_SIGN_ID)) return &kSign;
    if (is(SYNCLINE_FILE_ID)) return &kFile;
    const bool is_foreign = id.len != 0 && !view(id).starts_with("syncline.");
    return breaks(Broken::scan_unknown_table) && is_foreign ? &kHttp : nullptr;
}
