#include "checker/host_functions.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "core/hash.hpp"
#include "plugin/copy_in.hpp"

namespace syncline::checker {
namespace {

using plugin::FailureClass;
using plugin::Problem;

constexpr std::size_t kLogBytesMax = 64 * 1024;
constexpr std::int64_t kNoonNs = 1'790'000'000'000'000'000;  // of no particular day

// A registry that calls from any thread look into.
struct Registry {
    std::mutex mutex;
    std::map<std::uint64_t, StrictHost*> hosts, sinks;
    std::uint64_t next = 0x51c0;
};

Registry& registry() {
    static auto* made = new Registry;
    return *made;
}

// Whose call is going on.
std::atomic<StrictHost*> current_host{nullptr};

std::string_view view(const syncline_str& text) {
    return text.len == 0 ? std::string_view{} : std::string_view{text.ptr, text.len};
}

}  // namespace

syncline_host_handle StrictHost::Functions::enroll(StrictHost& host) {
    Registry& all = registry();
    const std::lock_guard lock{all.mutex};
    all.next += 0x10001;
    all.hosts[all.next] = &host;
    return all.next;
}

void StrictHost::Functions::forget(StrictHost& host) {
    Registry& all = registry();
    const std::lock_guard lock{all.mutex};
    std::erase_if(all.hosts, [&](const auto& entry) { return entry.second == &host; });
}

StrictHost::Functions::Current::Current(StrictHost& host) : before_(current_host.exchange(&host)) {}
StrictHost::Functions::Current::~Current() {
    current_host = before_;
}

StrictHost::Functions::Sink::Sink(StrictHost& host, syncline_sink_handle handle) : handle_(handle) {
    Registry& all = registry();
    const std::lock_guard lock{all.mutex};
    all.sinks[handle] = &host;
}
StrictHost::Functions::Sink::~Sink() {
    Registry& all = registry();
    const std::lock_guard lock{all.mutex};
    all.sinks.erase(handle_);
}

// The host of the handle, when it may be called like this; otherwise the rule is noted.
StrictHost* StrictHost::Functions::enter(syncline_host_handle handle, const char* function,
                                         Tag tag) {
    StrictHost* found = nullptr;
    {
        Registry& all = registry();
        const std::lock_guard lock{all.mutex};
        const auto entry = all.hosts.find(handle);
        if (entry != all.hosts.end()) found = entry->second;
    }
    StrictHost* const current = current_host;
    const std::string name = std::string{function} + "()";
    if (found == nullptr) {
        if (current != nullptr)
            current->note(Rule::kOwnHandles, name + " was called with a handle of no instance");
        return nullptr;
    }
    if (tag == Tag::kInstance && std::this_thread::get_id() != found->thread_) {
        found->note(Rule::kOwnThread, name + " was called on a thread of the connector's own");
        return nullptr;
    }
    if (current != nullptr && current != found) {
        current->note(Rule::kIsolated, name + " was called with another instance's handle");
        return nullptr;
    }
    if (found->state_ == State::kCreating || found->state_ == State::kCreated) {
        found->note(Rule::kQuietCreate, name + " was called from create()");
        return nullptr;
    }
    if (found->state_ == State::kStopped || found->state_ == State::kOver) {
        found->note(Rule::kLastWord, name + " was called after stopped()");
        return nullptr;
    }
    return found;
}

syncline_status StrictHost::Functions::refuse(StrictHost& host, Rule rule, std::string what,
                                              syncline_error* error, syncline_status status) {
    host.note(rule, what);
    return plugin::refuse(error, plugin::failure_class_of(status), std::move(what));
}

std::string StrictHost::Functions::identity(const plugin::HttpRequest& request) {
    return request.method + ' ' + request.url + '\n' + request.body;
}

const std::map<std::string, const void*>& StrictHost::Functions::tables() {
    static constexpr syncline_host_log kLog{sizeof(syncline_host_log), 0, log};
    static constexpr syncline_host_clock kClock{sizeof(syncline_host_clock), 0, now_ns,
                                                monotonic_ns};
    static constexpr syncline_host_http kHttp{sizeof(syncline_host_http), 0, send, cancel, fetch};
    static constexpr syncline_host_write kWrite{sizeof(syncline_host_write), 0, outcome, complete};
    static constexpr syncline_host_check kCheck{sizeof(syncline_host_check), 0, checked,
                                                check_complete};
    static constexpr syncline_host_discover kDiscover{sizeof(syncline_host_discover), 0, discovered,
                                                      discover_complete};
    static constexpr syncline_host_periodic kPeriodic{sizeof(syncline_host_periodic), 0, worked,
                                                      work_complete};
    static constexpr syncline_host_file kFile{sizeof(syncline_host_file), 0, append};
    static constexpr syncline_host_expr kExpr{sizeof(syncline_host_expr), 0, compile, evaluate};
    static constexpr syncline_host_secret kSecret{sizeof(syncline_host_secret), 0, find_secret,
                                                  show_secret};
    static constexpr syncline_host_hmac kHmac{sizeof(syncline_host_hmac), 0, hmac};
    static constexpr syncline_host_idmap kIds{sizeof(syncline_host_idmap), 0, get_ids, put_id};
    static const auto* all = new std::map<std::string, const void*>{
        {SYNCLINE_PERIODIC_ID, &kPeriodic}, {SYNCLINE_CHECK_ID, &kCheck},
        {SYNCLINE_DISCOVER_ID, &kDiscover}, {SYNCLINE_LOG_ID, &kLog},
        {SYNCLINE_CLOCK_ID, &kClock},       {SYNCLINE_HTTP_ID, &kHttp},
        {SYNCLINE_WRITE_ID, &kWrite},       {SYNCLINE_FILE_ID, &kFile},
        {SYNCLINE_EXPR_ID, &kExpr},         {SYNCLINE_SECRET_ID, &kSecret},
        {SYNCLINE_HMAC_ID, &kHmac},         {SYNCLINE_IDMAP_ID, &kIds}};
    return *all;
}

// ---- The host itself ----------------------------------------------------------------------------

const void* StrictHost::Functions::get_table(syncline_host_handle handle, syncline_str id) {
    StrictHost* host = enter(handle, "get_table", Tag::kAny);
    if (host == nullptr) return nullptr;
    const auto found = host->tables_.find(view(id));
    return found == host->tables_.end() ? nullptr : found->second;
}

syncline_status StrictHost::Functions::post(syncline_host_handle handle, std::uint64_t user_id) {
    StrictHost* host = enter(handle, "post");
    if (host == nullptr) return SYNCLINE_E_STALE;
    if (host->is_translating_) {
        host->note(Rule::kPureTranslation, "post() was called while a webhook was translated");
    }
    host->due_.push_back({Due::Kind::kPosted, user_id, {}});
    return SYNCLINE_OK;
}

void StrictHost::Functions::stopped(syncline_host_handle handle) {
    {
        Registry& all = registry();
        const std::lock_guard lock{all.mutex};
        const auto entry = all.hosts.find(handle);
        if (entry != all.hosts.end() && entry->second->state_ == State::kStopped) {
            entry->second->note(Rule::kStopOnce, "stopped() was called a second time");
            return;
        }
    }
    StrictHost* host = enter(handle, "stopped");
    if (host == nullptr) return;
    if (host->state_ != State::kStopping) {
        host->note(Rule::kStopOnce, "stopped() was called by an instance that nobody stops");
        return;
    }
    if (host->is_inside_stop_) {
        host->note(Rule::kStopLater, "stopped() was called from inside stop()");
    }
    if (host->operation_ != nullptr && !host->operation_->run.is_complete) {
        host->note(Rule::kLastWord, "stopped() was called while a write was open");
    } else if (!host->exchanges_.empty()) {
        host->note(Rule::kLastWord, "stopped() was called while an exchange was open");
    }
    host->state_ = State::kStopped;
}

void StrictHost::Functions::log(syncline_host_handle handle, syncline_severity severity,
                                syncline_str message, const syncline_pair* fields,
                                std::uint32_t field_count) {
    StrictHost* host = enter(handle, "log", Tag::kAny);
    if (host == nullptr) return;
    std::string text;
    Problem problem = plugin::copy_text(message, kLogBytesMax, "a log message", text);
    if (problem.empty() &&
        (severity < SYNCLINE_LOG_DEBUG || severity > SYNCLINE_LOG_PLUGIN_MISBEHAVING)) {
        problem = "a log message has a severity that there is not";
    }
    if (problem.empty() && field_count != 0 && fields == nullptr)
        problem = "a log message has fields that are NULL";
    for (std::uint32_t i = 0; problem.empty() && i < field_count; ++i) {
        std::string name, value;
        problem = plugin::copy_text(fields[i].name, kLogBytesMax, "a field's name", name);
        if (problem.empty())
            problem = plugin::copy_text(fields[i].value, kLogBytesMax, "a field's value", value);
        text += ' ' + name + '=' + value;
    }
    if (!problem.empty()) return host->note(Rule::kWellFormed, problem);
    host->check_words(text, "a log message");
}

std::int64_t StrictHost::Functions::now_ns(syncline_host_handle handle) {
    return enter(handle, "now_ns", Tag::kAny) == nullptr ? 0 : kNoonNs;
}

std::int64_t StrictHost::Functions::monotonic_ns(syncline_host_handle handle) {
    static std::atomic<std::int64_t> now{1'000'000'000};
    return enter(handle, "monotonic_ns", Tag::kAny) == nullptr ? 0 : now += 1'000'000;
}

// ---- Sinks --------------------------------------------------------------------------------------

namespace {

StrictHost* host_of_sink(syncline_sink_handle sink) {
    Registry& all = registry();
    const std::lock_guard lock{all.mutex};
    const auto entry = all.sinks.find(sink);
    return entry == all.sinks.end() ? nullptr : entry->second;
}

}  // namespace

syncline_sink_answer StrictHost::Functions::take_record(syncline_sink_handle sink,
                                                        const syncline_record* record) {
    StrictHost* host = host_of_sink(sink);
    if (host == nullptr || host->translation_ == nullptr) {
        if (StrictHost* current = current_host)
            current->note(Rule::kOwnHandles, "a record came into a sink that is over");
        return SYNCLINE_SINK_STOP;
    }
    TranslateRun& run = *host->translation_;
    if (host->stop_after_ && run.records.size() > *host->stop_after_) ++run.after_stop;
    record::Record copy;
    if (Problem problem = plugin::copy_record(record, host->manifest_, copy); !problem.empty()) {
        host->note(Rule::kWellFormed, std::move(problem));
        return SYNCLINE_SINK_STOP;
    }
    run.records.push_back(std::move(copy));
    const bool stops = host->stop_after_ && run.records.size() > *host->stop_after_;
    return stops ? SYNCLINE_SINK_STOP : SYNCLINE_SINK_GO_ON;
}

void StrictHost::Functions::take_reply(syncline_sink_handle sink,
                                       const syncline_webhook_reply* reply) {
    StrictHost* host = host_of_sink(sink);
    if (host == nullptr || host->reply_ == nullptr) return;
    plugin::WebhookReply copy;
    if (Problem problem = plugin::copy_reply(reply, copy); !problem.empty())
        return host->note(Rule::kWellFormed, std::move(problem));
    host->reply_->replies.push_back(std::move(copy));
}

// ---- HTTP ---------------------------------------------------------------------------------------

syncline_status StrictHost::Functions::admit(StrictHost& host, const syncline_http_request* request,
                                             plugin::HttpRequest& copy, syncline_error* error) {
    if (Problem problem = plugin::copy_request(request, copy); !problem.empty())
        return refuse(host, Rule::kWellFormed, problem, error, SYNCLINE_E_PLUGIN_BUG);
    if (host.is_translating_) {
        return refuse(host, Rule::kPureTranslation,
                      "a request was sent while a webhook was handled", error,
                      SYNCLINE_E_PLUGIN_BUG);
    }
    if (host.is_signing_) {
        return refuse(host, Rule::kPureSigning, "a request was sent from inside sign()", error,
                      SYNCLINE_E_PLUGIN_BUG);
    }
    if (!host.is_granted_host(copy.url)) {
        return refuse(host, Rule::kDeclaredHosts,
                      "a request went to " + copy.url + ", which allowed_hosts does not grant",
                      error, SYNCLINE_E_CONFIG);
    }
    if (host.state_ == State::kStopping)
        return plugin::refuse(error, FailureClass::kCancelled, "the instance is being stopped");
    if (const auto status = host.sign(copy, error); status != SYNCLINE_OK) return status;
    if (host.operation_ == nullptr) return SYNCLINE_OK;
    host.operation_->run.requests.push_back(copy);
    const auto [entry, is_new] = host.operation_->sent.try_emplace(identity(copy), false);
    if (!is_new && entry->second) {
        host.note(Rule::kNoRetries,
                  "a request that had failed was sent again: " + copy.method + ' ' + copy.url);
    }
    return SYNCLINE_OK;
}

syncline_status StrictHost::Functions::send(syncline_host_handle handle,
                                            const syncline_http_request* request,
                                            std::uint64_t user_id, syncline_http_handle* exchange,
                                            syncline_error* error) {
    StrictHost* host = enter(handle, "send");
    if (host == nullptr) return SYNCLINE_E_STALE;
    if (exchange == nullptr) {
        return refuse(*host, Rule::kWellFormed, "send() was called without a place for the handle",
                      error, SYNCLINE_E_PLUGIN_BUG);
    }
    if (host->loaded_.find(SYNCLINE_HTTP_ID) == nullptr) {
        return refuse(*host, Rule::kDeclaredTables,
                      "send() was called by a connector that has no table " SYNCLINE_HTTP_ID, error,
                      SYNCLINE_E_PLUGIN_BUG);
    }
    plugin::HttpRequest copy;
    if (const auto status = admit(*host, request, copy, error); status != SYNCLINE_OK)
        return status;
    *exchange = host->next_handle();
    host->exchanges_[*exchange] = {user_id, std::move(copy), false};
    return SYNCLINE_OK;
}

void StrictHost::Functions::cancel(syncline_host_handle handle, syncline_http_handle exchange) {
    StrictHost* host = enter(handle, "cancel", Tag::kAny);
    if (host == nullptr) return;
    const auto found = host->exchanges_.find(exchange);
    if (found != host->exchanges_.end()) found->second.is_cancelled = true;
}

syncline_status StrictHost::Functions::fetch(syncline_host_handle handle,
                                             const syncline_http_request* request,
                                             const syncline_http_result** result,
                                             syncline_error* error) {
    StrictHost* host = enter(handle, "fetch");
    if (host == nullptr) return SYNCLINE_E_STALE;
    if (result == nullptr) {
        return refuse(*host, Rule::kWellFormed, "fetch() was called without a place for the result",
                      error, SYNCLINE_E_PLUGIN_BUG);
    }
    *result = nullptr;
    if (!host->manifest_.is_blocking) {
        return refuse(*host, Rule::kNoWaiting, "an asynchronous connector waited for a response",
                      error, SYNCLINE_E_PLUGIN_BUG);
    }
    plugin::HttpRequest copy;
    if (const auto status = admit(*host, request, copy, error); status != SYNCLINE_OK)
        return status;
    plugin::HttpReply reply;
    reply.failure = {FailureClass::kTransient, "nobody answers", "", -1};
    if (host->respond_) reply = host->respond_(copy);
    if (host->operation_ != nullptr && (!reply.has_response || reply.status >= 400))
        host->operation_->sent[identity(copy)] = true;
    host->fetched_ = std::make_unique<Loan>(host->options_.lending);
    auto* lent = host->fetched_->array<syncline_http_result>(1);
    host->lend_result(*host->fetched_, reply, *lent);
    *result = lent;
    return SYNCLINE_OK;
}

// ---- Operations ---------------------------------------------------------------------------------

StrictHost::Operation* StrictHost::Functions::find_operation(StrictHost& host,
                                                             std::uint64_t operation,
                                                             const Caller& caller) {
    const std::string function = std::string{caller.function} + "()";
    if (!caller.is_declared) {
        host.note(Rule::kDeclaredTables, function + " of " + caller.table +
                                             " was called by a connector that does not promise it");
        return nullptr;
    }
    Operation* open = host.operation_.get();
    if (open != nullptr && open->handle == operation) return open;
    if (!host.over_.contains(operation))
        host.note(Rule::kOwnHandles,
                  function + " was called for an operation that there never was");
    return nullptr;
}

StrictHost::Operation* StrictHost::Functions::find_write(StrictHost& host, std::uint64_t operation,
                                                         const char* function) {
    return find_operation(host, operation, {SYNCLINE_WRITE_ID, host.manifest_.can_write, function});
}

syncline_status StrictHost::Functions::complete_operation(StrictHost& host, std::uint64_t operation,
                                                          const Caller& caller) {
    Operation* open = find_operation(host, operation, caller);
    if (host.over_.contains(operation) || (open != nullptr && open->run.is_complete)) {
        host.note(Rule::kCompleteOnce, "an operation was completed a second time");
        return SYNCLINE_E_STALE;
    }
    if (open == nullptr) return SYNCLINE_E_STALE;
    if (open->is_inside) {
        host.note(Rule::kCompleteLater,
                  "complete() was called from inside the call that began the operation");
    }
    open->run.is_complete = true;
    // What belongs to it is no longer lent.
    open->loan->end();
    return SYNCLINE_OK;
}

// ---- Writing ------------------------------------------------------------------------------------

syncline_status StrictHost::Functions::outcome(syncline_host_handle handle,
                                               syncline_write_handle operation,
                                               std::uint32_t record_index,
                                               const syncline_outcome* outcome) {
    StrictHost* host = enter(handle, "outcome");
    if (host == nullptr) return SYNCLINE_E_STALE;
    Operation* open = find_write(*host, operation, "outcome");
    if (open == nullptr) return SYNCLINE_E_STALE;
    const bool is_sized = outcome != nullptr && outcome->struct_size >= SYNCLINE_OUTCOME_SIZE_1_0;
    if (is_sized && (outcome->kind == SYNCLINE_FAILED || outcome->error != nullptr) &&
        !host->check_error(outcome->error, "an outcome")) {
        return SYNCLINE_E_PLUGIN_BUG;
    }
    plugin::Outcome copy;
    if (Problem problem = plugin::copy_outcome(outcome, copy); !problem.empty()) {
        host->note(Rule::kWellFormed, std::move(problem));
        return SYNCLINE_E_PLUGIN_BUG;
    }
    if (record_index >= open->record_count || open->run.outcomes[record_index] ||
        open->run.is_complete) {
        host->note(Rule::kOutcomeOnce,
                   "the record " + std::to_string(record_index) +
                       (record_index >= open->record_count ? " got an outcome and does not exist"
                        : open->run.is_complete ? " got an outcome after the operation's end"
                                                : " got a second outcome"));
        return SYNCLINE_E_PLUGIN_BUG;
    }
    open->run.outcomes[record_index] = std::move(copy);
    return SYNCLINE_OK;
}

syncline_status StrictHost::Functions::complete(syncline_host_handle handle,
                                                syncline_write_handle operation) {
    StrictHost* host = enter(handle, "complete");
    if (host == nullptr) return SYNCLINE_E_STALE;
    return complete_operation(*host, operation,
                              {SYNCLINE_WRITE_ID, host->manifest_.can_write, "complete"});
}

// ---- Services -----------------------------------------------------------------------------------

syncline_status StrictHost::Functions::append(syncline_host_handle handle, syncline_str path,
                                              syncline_str bytes, std::uint64_t user_id,
                                              syncline_error* error) {
    StrictHost* host = enter(handle, "append");
    if (host == nullptr) return SYNCLINE_E_STALE;
    std::string file, content;
    Problem problem = plugin::copy_text(path, 4096, "a file's path", file);
    if (problem.empty()) {
        problem =
            plugin::copy_bytes(bytes, plugin::kRequestBytesMax, "the bytes of a file", content);
    }
    if (!problem.empty())
        return refuse(*host, Rule::kWellFormed, problem, error, SYNCLINE_E_PLUGIN_BUG);
    if (host->loaded_.find(SYNCLINE_FILE_ID) == nullptr) {
        return refuse(*host, Rule::kDeclaredTables,
                      "append() was called by a connector that has no table " SYNCLINE_FILE_ID,
                      error, SYNCLINE_E_PLUGIN_BUG);
    }
    if (host->is_translating_) {
        return refuse(*host, Rule::kPureTranslation,
                      "a file was appended to while a webhook was handled", error,
                      SYNCLINE_E_PLUGIN_BUG);
    }
    if (!host->is_granted_file(file)) {
        return refuse(*host, Rule::kDeclaredFiles,
                      "the file " + file + " was appended to, which allowed_files does not grant",
                      error, SYNCLINE_E_CONFIG);
    }
    if (host->state_ == State::kStopping)
        return plugin::refuse(error, FailureClass::kCancelled, "the instance is being stopped");
    host->due_.push_back({Due::Kind::kAppended, user_id, {}});
    return SYNCLINE_OK;
}

syncline_status StrictHost::Functions::compile(syncline_host_handle handle, syncline_str text,
                                               syncline_expr_handle* expression,
                                               syncline_error* error) {
    StrictHost* host = enter(handle, "compile");
    if (host == nullptr) return SYNCLINE_E_STALE;
    std::string copy;
    Problem problem = plugin::copy_text(text, 64 * 1024, "an expression", copy);
    if (expression == nullptr) problem = "compile() was called without a place for the handle";
    if (!problem.empty())
        return refuse(*host, Rule::kWellFormed, problem, error, SYNCLINE_E_PLUGIN_BUG);
    auto program = host->subject_.expressions->compile(copy);
    if (!program) return plugin::refuse(error, FailureClass::kConfig, program.error().what());
    *expression = host->next_handle();
    host->expressions_[*expression] = std::move(*program);
    return SYNCLINE_OK;
}

syncline_status StrictHost::Functions::evaluate(syncline_host_handle handle,
                                                syncline_expr_handle expression,
                                                syncline_str input_json,
                                                const syncline_text_sink* sink,
                                                syncline_error* error) {
    StrictHost* host = enter(handle, "evaluate");
    if (host == nullptr) return SYNCLINE_E_STALE;
    if (sink == nullptr || sink->struct_size < SYNCLINE_TEXT_SINK_SIZE_1_0 ||
        sink->text == nullptr || (input_json.len != 0 && input_json.ptr == nullptr)) {
        return refuse(*host, Rule::kWellFormed, "evaluate() was called without a sink or an input",
                      error, SYNCLINE_E_PLUGIN_BUG);
    }
    const auto program = host->expressions_.find(expression);
    if (program == host->expressions_.end()) {
        return refuse(*host, Rule::kOwnHandles, "evaluate() was called for no expression", error,
                      SYNCLINE_E_STALE);
    }
    const auto result = program->second(view(input_json));
    if (!result) return plugin::refuse(error, FailureClass::kPermanent, result.error().what());
    Loan loan{host->options_.lending};
    sink->text(sink->context, loan.text(*result));
    return SYNCLINE_OK;
}

syncline_status StrictHost::Functions::find_secret(syncline_host_handle handle, syncline_str name,
                                                   syncline_secret_handle* secret,
                                                   syncline_error* error) {
    StrictHost* host = enter(handle, "find");
    if (host == nullptr) return SYNCLINE_E_STALE;
    std::string wanted;
    Problem problem = plugin::copy_text(name, 256, "a secret's name", wanted);
    if (secret == nullptr) problem = "find() was called without a place for the handle";
    if (!problem.empty())
        return refuse(*host, Rule::kWellFormed, problem, error, SYNCLINE_E_PLUGIN_BUG);
    const auto found = host->secrets_.find(wanted);
    if (found == host->secrets_.end()) {
        return refuse(
            *host, Rule::kDeclaredSecrets,
            "the secret " + wanted + " was asked for, which the manifest does not declare", error,
            SYNCLINE_E_PLUGIN_BUG);
    }
    *secret = host->next_handle();
    host->found_secrets_[*secret] = found->second;
    return SYNCLINE_OK;
}

syncline_status StrictHost::Functions::show_secret(syncline_host_handle handle,
                                                   syncline_secret_handle secret,
                                                   const syncline_text_sink* sink,
                                                   syncline_error* error) {
    StrictHost* host = enter(handle, "show");
    if (host == nullptr) return SYNCLINE_E_STALE;
    // constant-time: a handle is looked for.
    const auto found = host->found_secrets_.find(secret);
    if (found == host->found_secrets_.end()) {
        return refuse(*host, Rule::kOwnHandles, "show() was called for no secret", error,
                      SYNCLINE_E_STALE);
    }
    if (sink == nullptr || sink->text == nullptr) {
        return refuse(*host, Rule::kWellFormed, "show() was called without a sink", error,
                      SYNCLINE_E_PLUGIN_BUG);
    }
    Loan loan{host->options_.lending};
    sink->text(sink->context, loan.text(found->second));
    return SYNCLINE_OK;
}

syncline_status StrictHost::Functions::hmac(syncline_host_handle handle,
                                            syncline_secret_handle secret,
                                            syncline_digest algorithm, syncline_str bytes,
                                            std::uint8_t* digest) {
    StrictHost* host = enter(handle, "hmac");
    if (host == nullptr) return SYNCLINE_E_STALE;
    if (digest == nullptr || (bytes.len != 0 && bytes.ptr == nullptr)) {
        host->note(Rule::kWellFormed, "hmac() was called without bytes or room for the digest");
        return SYNCLINE_E_PLUGIN_BUG;
    }
    // constant-time: a handle is looked for.
    const auto found = host->found_secrets_.find(secret);
    if (found == host->found_secrets_.end()) return SYNCLINE_E_STALE;
    if (algorithm < SYNCLINE_SHA1 || algorithm > SYNCLINE_SHA512) return SYNCLINE_E_UNSUPPORTED;
    const std::string made = core::hmac(static_cast<core::HmacDigest>(algorithm - SYNCLINE_SHA1),
                                        found->second, view(bytes));
    std::memcpy(digest, made.data(), made.size());
    return SYNCLINE_OK;
}

syncline_status StrictHost::Functions::get_ids(syncline_host_handle handle, syncline_str name_space,
                                               const syncline_str* keys, std::uint32_t key_count,
                                               std::uint64_t user_id, syncline_error* error) {
    StrictHost* host = enter(handle, "get");
    if (host == nullptr) return SYNCLINE_E_STALE;
    if (host->loaded_.find(SYNCLINE_IDMAP_ID) == nullptr) {
        return refuse(*host, Rule::kDeclaredTables,
                      "get() was called by a connector that has no table " SYNCLINE_IDMAP_ID, error,
                      SYNCLINE_E_PLUGIN_BUG);
    }
    std::string space;
    Problem problem = plugin::copy_text(name_space, 64, "a namespace of ids", space);
    if (key_count > 1000 || (key_count != 0 && keys == nullptr))
        problem = "get() was called for more than 1,000 keys, or for NULL";
    std::vector<std::string> values;
    for (std::uint32_t i = 0; problem.empty() && i < key_count; ++i) {
        std::string key;
        problem = plugin::copy_text(keys[i], 240, "a key of ids", key);
        values.push_back(host->ids_[space + '\n' + key]);
    }
    if (!problem.empty())
        return refuse(*host, Rule::kWellFormed, problem, error, SYNCLINE_E_PLUGIN_BUG);
    host->due_.push_back({Due::Kind::kFound, user_id, std::move(values)});
    return SYNCLINE_OK;
}

syncline_status StrictHost::Functions::put_id(syncline_host_handle handle,
                                              syncline_write_handle operation,
                                              syncline_str name_space, syncline_str key,
                                              syncline_str value, syncline_error* error) {
    StrictHost* host = enter(handle, "put");
    if (host == nullptr) return SYNCLINE_E_STALE;
    if (find_write(*host, operation, "put") == nullptr)
        return plugin::refuse(error, FailureClass::kStale, "no such write is open");
    std::string space, name, copy;
    Problem problem = plugin::copy_text(name_space, 64, "a namespace of ids", space);
    if (problem.empty()) problem = plugin::copy_text(key, 240, "a key of ids", name);
    if (problem.empty()) problem = plugin::copy_text(value, 1024, "a value of ids", copy);
    if (!problem.empty())
        return refuse(*host, Rule::kWellFormed, problem, error, SYNCLINE_E_PLUGIN_BUG);
    host->ids_[space + '\n' + name] = copy;
    return SYNCLINE_OK;
}

}  // namespace syncline::checker
