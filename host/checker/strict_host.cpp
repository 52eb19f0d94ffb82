#include "checker/strict_host.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "checker/errc.hpp"
#include "checker/host_functions.hpp"
#include "plugin/copy_in.hpp"
#include "record/json.hpp"

namespace syncline::checker {
namespace {

namespace json = boost::json;

// The texts that the manifest's schema calls secret.
void collect_secrets(const json::object& schema, const json::value& value,
                     std::vector<std::string>& secrets) {
    const json::value* write_only = schema.if_contains("writeOnly");
    if (write_only != nullptr && *write_only == json::value(true) && value.is_string())
        secrets.emplace_back(value.as_string());
    const json::value* properties = schema.if_contains("properties");
    if (properties == nullptr || !properties->is_object() || !value.is_object()) return;
    for (const auto& [name, member] : value.as_object()) {
        const json::value* property = properties->as_object().if_contains(name);
        if (property != nullptr && property->is_object())
            collect_secrets(property->as_object(), member, secrets);
    }
}

bool is_known_class(syncline_status status) {
    return status > SYNCLINE_OK && status <= SYNCLINE_E_STALE;
}

}  // namespace

StrictHost::StrictHost(const Subject& subject, const Loaded& loaded, Options options)
    : subject_(subject),
      loaded_(loaded),
      options_(options),
      manifest_(*subject.manifest),
      plugin_(loaded.plugin()),
      thread_(std::this_thread::get_id()),
      life_(options.lending) {
    if (auto settings = record::parse_json(subject.settings); settings && settings->is_object())
        settings_ = std::move(settings->as_object());
    collect_secrets(manifest_.settings_schema, json::value(settings_), canaries_);
    for (const plugin::SecretNeed& need : manifest_.secrets) {
        secrets_[need.name] = "checker-secret-" + need.name;
        canaries_.push_back(secrets_[need.name]);
    }
    for (const std::string& canary : canaries_) watches_.emplace_back(canary);
    fill_host();
}

StrictHost::~StrictHost() {
    Functions::forget(*this);
}

// The host as the connector sees it, with tables that may be longer than this version's.
void StrictHost::fill_host() {
    const auto lend = [this](const void* table) -> void* {
        std::uint32_t size = 0;
        std::memcpy(&size, table, sizeof size);
        auto* copy = life_.array<char>(size + options_.growth_bytes);
        std::memcpy(copy, table, size);
        size += static_cast<std::uint32_t>(options_.growth_bytes);
        std::memcpy(copy, &size, sizeof size);
        return copy;
    };
    const syncline_host host{sizeof(syncline_host), options_.abi_minor, Functions::enroll(*this),
                             Functions::get_table,  Functions::post,    Functions::stopped};
    host_ = static_cast<syncline_host*>(lend(&host));
    if (!options_.has_tables) return;
    for (const auto& [id, table] : Functions::tables()) {
        if (std::string_view{id} == SYNCLINE_EXPR_ID && subject_.expressions == nullptr) continue;
        tables_[id] = lend(table);
    }
}

void StrictHost::note(Rule rule, std::string what) {
    const std::lock_guard lock{mutex_};
    // What happens again and again is noted once.
    if (violations_.size() >= kViolationsMax) return;
    for (const Violation& known : violations_) {
        if (known.rule == rule && known.what == what) return;
    }
    violations_.push_back({rule, std::move(what)});
}

std::vector<Violation> StrictHost::violations() const {
    const std::lock_guard lock{mutex_};
    return violations_;
}

std::uint64_t StrictHost::next_handle() {
    // Numbers that nobody takes for an index.
    return (++handles_ << 20) + 0xb0a7;
}

// Every call into the connector is made by this: while it lasts, the host may be called.
template <class Call>
void StrictHost::call(const Call& call) {
    const Functions::Current current{*this};
    call();
}

Ending StrictHost::ended(syncline_status status, const syncline_error& error,
                         const char* function) {
    Ending ending{status, {}};
    if (status == SYNCLINE_OK) return ending;
    syncline_error copy = error;
    copy.message[sizeof copy.message - 1] = '\0';
    ending.message = copy.message;
    const std::string where = std::string{"a failure of "} + function;
    if (error.failure_class != status) {
        note(Rule::kGoodErrors, where + " has another class in its error (" +
                                    std::to_string(error.failure_class) + ") than in its status (" +
                                    std::to_string(status) + ")");
    }
    copy.failure_class = status;
    check_error(&copy, where);
    return ending;
}

bool StrictHost::check_error(const syncline_error* error, const std::string& where) {
    if (error == nullptr) {
        note(Rule::kGoodErrors, where + " has no error");
        return false;
    }
    if (!is_known_class(error->failure_class)) {
        note(Rule::kGoodErrors, where + " has the class " + std::to_string(error->failure_class) +
                                    ", which there is not");
        return false;
    }
    const std::string_view message{error->message,
                                   ::strnlen(error->message, sizeof error->message)};
    if (message.empty() || message.size() == sizeof error->message) {
        note(Rule::kGoodErrors, where + " has no message");
        return false;
    }
    check_words(message, where.c_str());
    return true;
}

void StrictHost::check_words(std::string_view text, const char* where) {
    if (core::has_secret(text)) note(Rule::kSecretsStay, std::string{where} + " tells a secret");
}

// ---- The instance's life ------------------------------------------------------------------------

bool StrictHost::create() {
    state_ = State::kCreating;
    call([&] { instance_ = plugin_.create(host_); });
    state_ = State::kCreated;
    return instance_ != nullptr;
}

Ending StrictHost::init(std::string_view settings_json) {
    state_ = State::kInit;
    Loan loan{options_.lending};
    syncline_error error = plugin::empty_error();
    syncline_status status = SYNCLINE_OK;
    const syncline_str settings = loan.text(settings_json);
    call([&] { status = plugin_.init(instance_, settings, &error); });
    return ended(status, error, "init()");
}

Ending StrictHost::start() {
    state_ = State::kRunning;
    syncline_error error = plugin::empty_error();
    syncline_status status = SYNCLINE_OK;
    call([&] { status = plugin_.start(instance_, &error); });
    return ended(status, error, "start()");
}

void StrictHost::stop() {
    state_ = State::kStopping;
    is_inside_stop_ = true;
    call([&] { plugin_.stop(instance_); });
    is_inside_stop_ = false;
}

bool StrictHost::drain() {
    cancel_operation();
    for (auto& [handle, exchange] : exchanges_) exchange.is_cancelled = true;
    for (std::size_t i = 0; i < kStepsMax && step({}); ++i) {
    }
    return state_ == State::kStopped;
}

void StrictHost::destroy() {
    state_ = State::kOver;
    call([&] { plugin_.destroy(instance_); });
    instance_ = nullptr;
    life_.end();
}

Result<void> StrictHost::begin() {
    const auto* webhook = loaded_.table<syncline_plugin_webhook>(SYNCLINE_WEBHOOK_ID);
    const auto* write = loaded_.table<syncline_plugin_write>(SYNCLINE_WRITE_ID);
    const auto* check = loaded_.table<syncline_plugin_check>(SYNCLINE_CHECK_ID);
    const auto* discover = loaded_.table<syncline_plugin_discover>(SYNCLINE_DISCOVER_ID);
    const auto* periodic = loaded_.table<syncline_plugin_periodic>(SYNCLINE_PERIODIC_ID);
    const auto* state = loaded_.table<syncline_plugin_state>(SYNCLINE_STATE_ID);
    if ((manifest_.can_webhook && webhook == nullptr) ||
        (manifest_.can_write && write == nullptr) || (manifest_.can_check && check == nullptr) ||
        (manifest_.can_discover && discover == nullptr) ||
        (manifest_.can_work && periodic == nullptr) ||
        (manifest_.can_keep_state && state == nullptr))
        return Error{kNotApplicable, "a table is missing; see `scan-promised-tables`"};
    if (!create()) return Error{kNotApplicable, "create() returned NULL; see `life-begins`"};
    Ending ending = init(subject_.settings);
    if (ending.is_ok()) ending = start();
    if (!ending.is_ok()) {
        return Error{kNotApplicable,
                     "the account does not start (" + ending.message + "); see `life-begins`"};
    }
    for (std::size_t i = 0; i < kStepsMax && !due_.empty(); ++i) deliver_due();
    return {};
}

bool StrictHost::end() {
    stop();
    if (!drain()) return false;
    destroy();
    return true;
}

// ---- What comes back ----------------------------------------------------------------------------

// Delivers one completion that is due: what needs no platform first, then cancelled exchanges, then
// the oldest one. False when there is none.
bool StrictHost::step(const Responder& respond) {
    if (state_ == State::kStopped) return false;
    if (!due_.empty()) {
        deliver_due();
        return true;
    }
    for (const auto& [handle, exchange] : exchanges_) {
        if (!exchange.is_cancelled) continue;
        plugin::HttpReply reply;
        reply.failure = {plugin::FailureClass::kCancelled, "the request was cancelled", "", -1};
        reply.may_have_been_processed = true;
        deliver(handle, reply);
        return true;
    }
    if (exchanges_.empty() || !respond) return false;
    const auto& [handle, exchange] = *exchanges_.begin();
    deliver(handle, respond(exchange.request));
    return true;
}

void StrictHost::deliver_due() {
    const Due due = std::move(due_.front());
    due_.pop_front();
    Loan loan{options_.lending};
    switch (due.kind) {
        case Due::Kind::kPosted:
            call([&] { plugin_.posted(instance_, due.user_id); });
            return;
        case Due::Kind::kAppended: {
            const auto* table = loaded_.table<syncline_plugin_file>(SYNCLINE_FILE_ID);
            call([&] { table->done(instance_, due.user_id, nullptr); });
            return;
        }
        case Due::Kind::kFound: {
            const auto* table = loaded_.table<syncline_plugin_idmap>(SYNCLINE_IDMAP_ID);
            auto* values = loan.array<syncline_str>(due.values.size());
            for (std::size_t i = 0; i < due.values.size(); ++i)
                values[i] = loan.text(due.values[i]);
            call([&] {
                table->found(instance_, due.user_id, values,
                             static_cast<std::uint32_t>(due.values.size()), nullptr);
            });
            return;
        }
    }
}

void StrictHost::lend_result(Loan& loan, const plugin::HttpReply& reply,
                             syncline_http_result& result) {
    result.struct_size = sizeof result;
    result.may_have_been_processed = reply.may_have_been_processed ? 1 : 0;
    if (!reply.has_response) {
        auto* error = loan.array<syncline_error>(1);
        *error = plugin::to_error(reply.failure);
        result.error = error;
        return;
    }
    auto* headers = loan.array<syncline_pair>(reply.headers.size());
    for (std::size_t i = 0; i < reply.headers.size(); ++i) {
        headers[i] = {loan.text(reply.headers[i].first), loan.text(reply.headers[i].second)};
    }
    result.has_response = 1;
    result.status = reply.status;
    result.header_count = static_cast<std::uint32_t>(reply.headers.size());
    result.headers = headers;
    result.body = loan.text(reply.body);
}

void StrictHost::deliver(std::uint64_t handle, const plugin::HttpReply& reply) {
    const auto found = exchanges_.find(handle);
    const Exchange exchange = std::move(found->second);
    exchanges_.erase(found);
    if (operation_ != nullptr && (!reply.has_response || reply.status >= 400))
        operation_->sent[Functions::identity(exchange.request)] = true;
    Loan loan{options_.lending};
    auto* result = loan.array<syncline_http_result>(1);
    lend_result(loan, reply, *result);
    const auto* table = loaded_.table<syncline_plugin_http>(SYNCLINE_HTTP_ID);
    call([&] { table->done(instance_, exchange.user_id, result); });
}

// ---- Webhooks -----------------------------------------------------------------------------------

const syncline_webhook_request* StrictHost::lend_request(Loan& loan,
                                                         const plugin::WebhookRequest& request) {
    auto* lent = loan.array<syncline_webhook_request>(1);
    auto* headers = loan.array<syncline_pair>(request.headers.size());
    for (std::size_t i = 0; i < request.headers.size(); ++i) {
        headers[i] = {loan.text(request.headers[i].first), loan.text(request.headers[i].second)};
    }
    lent->struct_size = sizeof *lent;
    lent->header_count = static_cast<std::uint32_t>(request.headers.size());
    lent->method = loan.text(request.method);
    lent->path = loan.text(request.path);
    lent->query = loan.text(request.query);
    lent->headers = headers;
    lent->body = loan.text(request.body);
    lent->received_ns = request.received_ns;
    return lent;
}

TranslateRun StrictHost::translate(const plugin::WebhookRequest& request,
                                   std::optional<std::size_t> stop_after) {
    TranslateRun run;
    Loan loan{options_.lending};
    const auto* table = loaded_.table<syncline_plugin_webhook>(SYNCLINE_WEBHOOK_ID);
    auto* sink = loan.array<syncline_record_sink>(1);
    *sink = {sizeof *sink, 0, next_handle(), Functions::take_record};
    Functions::Sink open{*this, sink->handle};
    translation_ = &run;
    stop_after_ = stop_after;
    is_translating_ = true;
    syncline_error error = plugin::empty_error();
    syncline_status status = SYNCLINE_OK;
    const auto* lent = lend_request(loan, request);
    call([&] { status = table->translate(instance_, lent, sink, &error); });
    is_translating_ = false;
    translation_ = nullptr;
    run.ending = ended(status, error, "translate()");
    return run;
}

ReplyRun StrictHost::handshake(const plugin::WebhookRequest& request) {
    ReplyRun run;
    Loan loan{options_.lending};
    const auto* table = loaded_.table<syncline_plugin_webhook>(SYNCLINE_WEBHOOK_ID);
    auto* sink = loan.array<syncline_reply_sink>(1);
    *sink = {sizeof *sink, 0, next_handle(), Functions::take_reply};
    Functions::Sink open{*this, sink->handle};
    reply_ = &run;
    is_translating_ = true;
    syncline_error error = plugin::empty_error();
    syncline_status status = SYNCLINE_OK;
    const auto* lent = lend_request(loan, request);
    call([&] { status = table->handshake(instance_, lent, sink, &error); });
    is_translating_ = false;
    reply_ = nullptr;
    run.ending = ended(status, error, "handshake()");
    return run;
}

Ending StrictHost::verify(const plugin::WebhookRequest& request) {
    Loan loan{options_.lending};
    const auto* table = loaded_.table<syncline_plugin_webhook>(SYNCLINE_WEBHOOK_ID);
    const std::uint64_t secret = next_handle();
    found_secrets_[secret] = "checker-secret-of-verification";
    syncline_error error = plugin::empty_error();
    syncline_status status = SYNCLINE_OK;
    const auto* lent = lend_request(loan, request);
    is_translating_ = true;
    call([&] { status = table->verify(instance_, lent, secret, &error); });
    is_translating_ = false;
    return ended(status, error, "verify()");
}

// ---- Writing ------------------------------------------------------------------------------------

const syncline_write_batch* StrictHost::lend_batch(Loan& loan, const WritePlan& plan) {
    auto* batch = loan.array<syncline_write_batch>(1);
    auto** records = loan.array<const syncline_write_record*>(plan.records.size());
    for (std::size_t i = 0; i < plan.records.size(); ++i) {
        const plugin::WriteRecord& from = plan.records[i];
        auto* record = loan.array<syncline_write_record>(1);
        record->struct_size = sizeof *record;
        record->operation =
            from.operation == record::Operation::kDelete ? SYNCLINE_DELETE : SYNCLINE_UPSERT;
        record->key = loan.text(from.key);
        record->body = loan.text(from.body);
        record->destination_key = loan.text(from.destination_key);
        record->body_format = plan.body_format;
        record->was_delivered = from.was_delivered ? 1 : 0;
        record->is_complete = 1;
        record->is_unknown = from.is_unknown ? 1 : 0;
        record->parent_key = loan.text(from.parent_key);
        record->idempotency_key = loan.text(from.idempotency_key);
        records[i] = record;
    }
    batch->struct_size = sizeof *batch;
    batch->record_count = static_cast<std::uint32_t>(plan.records.size());
    batch->stream = loan.text(plan.stream);
    batch->records = records;
    batch->timeout_ms = 60'000;
    return batch;
}

// ---- Operations ---------------------------------------------------------------------------------

void StrictHost::open_operation(std::size_t record_count, Responder respond) {
    operation_ = std::make_unique<Operation>();
    operation_->handle = next_handle();
    operation_->loan = std::make_unique<Loan>(options_.lending);
    operation_->record_count = record_count;
    operation_->run.outcomes.resize(record_count);
    operation_->is_inside = true;
    respond_ = std::move(respond);
}

Ending StrictHost::begin_write(const WritePlan& plan) {
    open_operation(plan.records.size(), plan.respond);
    const auto* batch = lend_batch(*operation_->loan, plan);
    const auto* table = loaded_.table<syncline_plugin_write>(SYNCLINE_WRITE_ID);
    const std::uint64_t handle = operation_->handle;
    syncline_error error = plugin::empty_error();
    syncline_status status = SYNCLINE_OK;
    call([&] { status = table->write(instance_, handle, batch, &error); });
    const Ending ending = ended(status, error, "write()");
    if (operation_ != nullptr) operation_->is_inside = false;
    return ending;
}

void StrictHost::cancel_operation() {
    if (operation_ == nullptr) return;
    const std::uint64_t handle = operation_->handle;
    const auto cancel = [&](const auto* table) { call([&] { table->cancel(instance_, handle); }); };
    if (!operation_->question)
        return cancel(loaded_.table<syncline_plugin_write>(SYNCLINE_WRITE_ID));
    switch (*operation_->question) {
        case Question::kCheck:
            return cancel(loaded_.table<syncline_plugin_check>(SYNCLINE_CHECK_ID));
        case Question::kDiscover:
            return cancel(loaded_.table<syncline_plugin_discover>(SYNCLINE_DISCOVER_ID));
        case Question::kWork:
            return cancel(loaded_.table<syncline_plugin_periodic>(SYNCLINE_PERIODIC_ID));
    }
}

std::size_t StrictHost::run_operation(const Responder& respond,
                                      std::optional<std::size_t> cancel_after) {
    std::size_t steps = 0;
    bool is_cancelled = false;
    while (!operation_->run.is_complete && steps < kStepsMax) {
        if (!is_cancelled && cancel_after && steps >= *cancel_after) {
            is_cancelled = true;
            cancel_operation();
        }
        if (!step(is_cancelled ? Responder{} : respond)) break;
        ++steps;
    }
    return steps;
}

// What was not cancelled comes to its end all the same: the next operation begins with nothing
// open.
void StrictHost::close_operation(const Responder& respond) {
    for (std::size_t i = 0; i < kStepsMax && step(respond); ++i) {
    }
    over_.insert(operation_->handle);
    operation_->loan->end();
    operation_.reset();
    respond_ = {};
}

WriteRun StrictHost::write(const WritePlan& plan) {
    const Ending begun = begin_write(plan);
    const std::size_t steps = begun.is_ok() ? run_operation(plan.respond, plan.cancel_after) : 0;
    // A copy: what comes late goes to the operation and counts no more.
    WriteRun run = operation_->run;
    run.begun = begun;
    run.steps = steps;
    close_operation(plan.respond);
    return run;
}

Ending StrictHost::begin_question(Question question) {
    operation_->question = question;
    constexpr std::int64_t kTimeoutMs = 60'000;
    const std::uint64_t handle = operation_->handle;
    syncline_error error = plugin::empty_error();
    syncline_status status = SYNCLINE_OK;
    const char* function = "check()";
    call([&] {
        if (question == Question::kCheck) {
            const auto* table = loaded_.table<syncline_plugin_check>(SYNCLINE_CHECK_ID);
            status = table->check(instance_, handle, kTimeoutMs, &error);
        } else if (question == Question::kDiscover) {
            function = "discover()";
            const auto* table = loaded_.table<syncline_plugin_discover>(SYNCLINE_DISCOVER_ID);
            status = table->discover(instance_, handle, kTimeoutMs, &error);
        } else {
            function = "work()";
            const auto* table = loaded_.table<syncline_plugin_periodic>(SYNCLINE_PERIODIC_ID);
            status = table->work(instance_, handle, SYNCLINE_NO_TIME, kTimeoutMs, &error);
        }
    });
    operation_->is_inside = false;
    return ended(status, error, function);
}

QuestionRun StrictHost::ask(const QuestionPlan& plan) {
    QuestionRun run;
    open_operation(0, plan.respond);
    run.begun = begin_question(plan.question);
    if (run.begun.is_ok()) run_operation(plan.respond, plan.cancel_after);
    run.is_complete = operation_->run.is_complete;
    run.was_sent = !operation_->run.requests.empty();
    run.outcome = operation_->outcome;
    if (!run.begun.is_ok())
        run.outcome =
            plugin::Failure{plugin::failure_class_of(run.begun.status), run.begun.message, "", -1};
    close_operation(plan.respond);
    return run;
}

// ---- Hand-over ----------------------------------------------------------------------------------

std::optional<plugin::HandedState> StrictHost::save() {
    struct Taken {
        plugin::HandedState state;
        std::string problem = "save() gave no state";
    } taken;
    Loan loan{options_.lending};
    auto* sink = loan.array<syncline_state_sink>(1);
    *sink = {sizeof *sink, 0, &taken, [](void* context, const syncline_state* state) {
                 auto& to = *static_cast<Taken*>(context);
                 to.problem = plugin::copy_state(state, to.state);
             }};
    const auto* table = loaded_.table<syncline_plugin_state>(SYNCLINE_STATE_ID);
    syncline_error error = plugin::empty_error();
    syncline_status status = SYNCLINE_OK;
    call([&] { status = table->save(instance_, sink, &error); });
    if (!ended(status, error, "save()").is_ok()) return std::nullopt;
    if (!taken.problem.empty()) {
        note(Rule::kWellFormed, taken.problem);
        return std::nullopt;
    }
    return std::move(taken.state);
}

Ending StrictHost::restore(const plugin::HandedState& state) {
    Loan loan{options_.lending};
    auto* lent = loan.array<syncline_state>(1);
    *lent = {sizeof *lent, state.version, loan.text(state.schema_id), loan.text(state.bytes)};
    const auto* table = loaded_.table<syncline_plugin_state>(SYNCLINE_STATE_ID);
    syncline_error error = plugin::empty_error();
    syncline_status status = SYNCLINE_OK;
    call([&] { status = table->restore(instance_, lent, &error); });
    return ended(status, error, "restore()");
}

syncline_status StrictHost::sign(plugin::HttpRequest& request, syncline_error* error) {
    const auto* table = loaded_.table<syncline_plugin_sign>(SYNCLINE_SIGN_ID);
    if (!manifest_.signs_requests || table == nullptr) return SYNCLINE_OK;
    struct Taken {
        plugin::Headers headers;
        std::string problem;
    } taken;
    Loan loan{options_.lending};
    auto* sink = loan.array<syncline_header_sink>(1);
    *sink = {sizeof *sink, 0, &taken, [](void* context, syncline_str name, syncline_str value) {
                 auto& to = *static_cast<Taken*>(context);
                 auto& header = to.headers.emplace_back();
                 if (to.problem.empty()) to.problem = plugin::copy_header({name, value}, header);
             }};
    auto* headers = loan.array<syncline_pair>(request.headers.size());
    for (std::size_t i = 0; i < request.headers.size(); ++i)
        headers[i] = {loan.text(request.headers[i].first), loan.text(request.headers[i].second)};
    auto* lent = loan.array<syncline_http_request>(1);
    lent->struct_size = sizeof *lent;
    lent->header_count = static_cast<std::uint32_t>(request.headers.size());
    lent->method = loan.text(request.method);
    lent->url = loan.text(request.url);
    lent->headers = headers;
    lent->body = loan.text(request.body);
    is_signing_ = true;
    syncline_status status = SYNCLINE_OK;
    call([&] { status = table->sign(instance_, lent, sink, error); });
    is_signing_ = false;
    if (!taken.problem.empty()) note(Rule::kWellFormed, taken.problem);
    if (status != SYNCLINE_OK)
        note(Rule::kSigns, request.method + ' ' + request.url + " was not signed");
    request.headers.insert(request.headers.end(), taken.headers.begin(), taken.headers.end());
    return status;
}

}  // namespace syncline::checker
