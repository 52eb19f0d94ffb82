// A host for tests: drives a connector in the test's own process, through the same C interface as
// the real one.
//
//     syncline::testing::FakeHost host{syncline_plugin_v1, R"({"base_url": "https://x.example"})"};
//     auto write = host.write("profiles", {{SYNCLINE_UPSERT, "k1", R"({"name": "A"})"}});
//     host.respond(200, R"({"id": "7"})");           // answers the one open exchange
//     write->outcomes[0].kind == SYNCLINE_DONE;
//
// Expressions: the host knows paths (".", ".a.b"); a test whose connector needs more says in
// `Services` what an expression means. Files are texts in `files`, and appends succeed unless
// fail_appends() says otherwise. Ids that the connector maps are in `ids`.
//
// What the connector does against the rules (a second outcome, a completion from inside write) is
// collected in `violations`.
#ifndef SYNCLINE_TESTING_HPP
#define SYNCLINE_TESTING_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "syncline/failure.hpp"
#include "syncline/fake_ids.hpp"
#include "syncline/syncline.h"

namespace syncline::testing {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
    std::string method, path, query, body;
    Headers headers = {};
};

struct Reply {
    syncline_status status = SYNCLINE_OK;
    Failure failure = {};
    int http_status = 0;
    std::string content_type, body;
};

struct TranslatedRecord {
    std::string stream;
    syncline_operation operation = 0;
    std::string key, body;
    std::int64_t occurred_ns = SYNCLINE_NO_TIME;
    std::string parent_stream = {}, parent_key = {};
};

struct Translation {
    syncline_status status = SYNCLINE_OK;
    Failure failure = {};
    std::vector<TranslatedRecord> records = {};
};

struct RecordToWrite {
    syncline_operation operation = SYNCLINE_UPSERT;
    std::string key, body;
    std::string destination_key = {};
    bool was_delivered = false;
    std::string parent_key = {};
    bool is_complete = true;
    std::vector<std::string> changed_fields = {}, unset_fields = {};
};

struct Outcome {
    syncline_outcome_kind kind = 0;  // 0: none was given
    Failure failure = {};
    std::string destination_key, reply;
};

// What became of a record, for a sender who waits.
struct AnswerRecord {
    syncline_answer_kind kind = SYNCLINE_ANSWER_DELIVERED;
    std::string stream, key;
    std::string destination_key = {}, reply = {};
    Failure failure = {};  // for SYNCLINE_ANSWER_FAILED
};

// What expressions mean: the result, JSON, or a thrown Failure. Compiling evaluates over null
// once; only a Failure of class SYNCLINE_E_CONFIG refuses the expression then.
using Evaluate = std::function<std::string(std::string_view expression, std::string_view input)>;

// A path: ".", ".a", ".a.b".
inline std::string evaluate_path(std::string_view expression, std::string_view input) {
    if (!expression.starts_with('.'))
        throw Failure{SYNCLINE_E_CONFIG, "the fake host knows paths alone"};
    const json::Parsed parsed = json::parse(input);
    if (!parsed) throw Failure{SYNCLINE_E_PERMANENT, "the input is not JSON"};
    std::string pointer{expression == "." ? "" : expression};
    for (char& c : pointer) c = c == '.' ? '/' : c;
    const json::Value* found = parsed.value->at(pointer);
    return found != nullptr ? json::write(*found) : "null";
}

struct Services {
    Evaluate evaluate = evaluate_path;
};

struct Write {
    syncline_status status = SYNCLINE_OK;  // of the call that began it
    Failure failure = {};
    bool is_complete = false;
    std::vector<Outcome> outcomes = {};
};

// A request that the connector has sent and that has no result yet.
struct Exchange {
    std::string method, url, body;
    Headers headers;
    bool is_cancelled = false;
};

class FakeHost {
  public:
    // Creates, initialises and starts an instance; throws std::runtime_error with the connector's
    // message if that fails.
    explicit FakeHost(const syncline_plugin& plugin, std::string_view settings_json = "{}",
                      Services services = {})
        : plugin_(plugin), services_(std::move(services)) {
        fill_tables();
        instance_ = plugin_.create(&host_);
        if (instance_ == nullptr) throw std::runtime_error("create() returned NULL");
        syncline_error error = detail::empty_error();
        if (plugin_.init(instance_, borrow(settings_json), &error) == SYNCLINE_OK &&
            plugin_.start(instance_, &error) == SYNCLINE_OK) {
            return;
        }
        plugin_.destroy(instance_);
        throw std::runtime_error(detail::from_c(error).message);
    }
    FakeHost(const FakeHost&) = delete;
    FakeHost& operator=(const FakeHost&) = delete;
    ~FakeHost() {
        stop();
        plugin_.destroy(instance_);
    }

    Reply handshake(const Request& request) {
        const RawRequest raw{request};
        Reply reply;
        const syncline_reply_sink sink{sizeof(syncline_reply_sink), 0, to_handle(&reply),
                                       &on_reply};
        syncline_error error = detail::empty_error();
        reply.status = webhook().handshake(instance_, &raw.request, &sink, &error);
        if (reply.status != SYNCLINE_OK) reply.failure = detail::from_c(error);
        return reply;
    }

    Reply answer(const Request& request, const std::vector<AnswerRecord>& records) {
        const RawRequest raw{request};
        std::vector<syncline_answer_record> made(records.size());
        std::vector<syncline_error> errors(records.size());
        std::vector<const syncline_answer_record*> pointers;
        for (std::size_t i = 0; i < records.size(); ++i) {
            errors[i] = detail::to_c(records[i].failure);
            const bool is_failed = records[i].kind == SYNCLINE_ANSWER_FAILED;
            made[i] = {sizeof made[i],
                       records[i].kind,
                       borrow(records[i].stream),
                       borrow(records[i].key),
                       borrow(records[i].destination_key),
                       borrow(records[i].reply),
                       is_failed ? &errors[i] : nullptr};
            pointers.push_back(&made[i]);
        }
        const syncline_answer answer{sizeof answer, static_cast<std::uint32_t>(made.size()),
                                     borrow("event-1"), pointers.data()};
        Reply reply;
        const syncline_reply_sink sink{sizeof(syncline_reply_sink), 0, to_handle(&reply),
                                       &on_reply};
        syncline_error error = detail::empty_error();
        reply.status = webhook().answer(instance_, &raw.request, &answer, &sink, &error);
        if (reply.status != SYNCLINE_OK) reply.failure = detail::from_c(error);
        return reply;
    }

    Translation translate(const Request& request) {
        const RawRequest raw{request};
        Translation result;
        const syncline_record_sink sink{sizeof(syncline_record_sink), 0, to_handle(&result),
                                        &on_record};
        syncline_error error = detail::empty_error();
        result.status = webhook().translate(instance_, &raw.request, &sink, &error);
        if (result.status == SYNCLINE_OK) return result;
        result.failure = detail::from_c(error);
        result.records.clear();
        return result;
    }

    // Begins to write and delivers what the connector posted meanwhile.
    std::shared_ptr<Write> write(std::string stream, std::vector<RecordToWrite> records) {
        const syncline_write_handle handle = next_++;
        auto operation = std::make_shared<Operation>(std::move(stream), std::move(records));
        operations_[handle] = operation;
        syncline_error error = detail::empty_error();
        operation->is_beginning = true;
        operation->write->status = table<syncline_plugin_write>(SYNCLINE_WRITE_ID)
                                       .write(instance_, handle, &operation->batch, &error);
        operation->is_beginning = false;
        if (operation->write->status != SYNCLINE_OK) {
            operation->write->failure = detail::from_c(error);
            operations_.erase(handle);
        }
        deliver_posts();
        return operation->write;
    }

    // Cancels every open operation and delivers the results of the exchanges that the connector
    // cancelled.
    void cancel_writes() {
        cancel_open_operations();
        deliver_cancelled();
    }

    // The open exchanges, oldest first.
    std::vector<Exchange> exchanges() const {
        std::vector<Exchange> open;
        for (const auto& [handle, pending] : exchanges_) open.push_back(pending.exchange);
        return open;
    }

    // Answers the oldest open exchange.
    void respond(int status, std::string_view body, const Headers& headers = {}) {
        std::vector<syncline_pair> pairs;
        for (const auto& [name, value] : headers) pairs.push_back({borrow(name), borrow(value)});
        syncline_http_result result{};
        result.struct_size = sizeof result;
        result.has_response = 1;
        result.status = status;
        result.header_count = static_cast<std::uint32_t>(pairs.size());
        result.headers = pairs.data();
        result.body = borrow(body);
        finish(oldest(), result);
    }

    // Ends the oldest open exchange without a response.
    void fail(const Failure& failure, bool may_have_been_processed) {
        finish(oldest(), failure, may_have_been_processed);
    }

    // What the next fetch() of a blocking connector gets; several wait in line. Without one it gets
    // SYNCLINE_E_TRANSIENT.
    void will_respond(int status, std::string body) {
        responses_.emplace_back(status, std::move(body));
    }
    // The requests of a blocking connector, in their order.
    std::vector<Exchange> fetched = {};

    // From now on every append fails like that, after it was begun. SYNCLINE_OK: none does.
    void fail_appends(Failure failure) { append_failure_ = std::move(failure); }

    // From now on every send() is refused, as for a host that is not granted; nothing undoes it.
    void refuse_sends(Failure failure) { refusal_ = std::make_unique<Failure>(std::move(failure)); }

    // Stops as the real host does: stop(), cancel everything, deliver everything. Idempotent.
    void stop() {
        if (is_stopping_) return;
        is_stopping_ = true;
        plugin_.stop(instance_);
        for (auto& [handle, pending] : exchanges_) pending.exchange.is_cancelled = true;
        cancel_open_operations();
        deliver_cancelled();
        if (!is_stopped_) violations.push_back("the connector did not report stopped");
    }

    bool is_stopped() const { return is_stopped_; }
    std::size_t open_operations() const { return operations_.size(); }

    std::int64_t now_ns = 1'700'000'000'000'000'000;
    std::map<std::string, std::string> files = {};  // what was appended, by path
    FakeIds ids = {};
    std::vector<std::string> log_lines = {};
    std::vector<std::string> violations = {};

  private:
    struct RawRequest {
        explicit RawRequest(const Request& from) {
            for (const auto& [name, value] : from.headers)
                headers.push_back({borrow(name), borrow(value)});
            request.struct_size = sizeof request;
            request.header_count = static_cast<std::uint32_t>(headers.size());
            request.method = borrow(from.method);
            request.path = borrow(from.path);
            request.query = borrow(from.query);
            request.headers = headers.data();
            request.body = borrow(from.body);
        }
        std::vector<syncline_pair> headers;
        syncline_webhook_request request{};
    };

    struct Operation {
        Operation(std::string stream_name, std::vector<RecordToWrite> given)
            : stream(std::move(stream_name)), records(std::move(given)) {
            for (const RecordToWrite& record : records) {
                syncline_write_record& to = raw.emplace_back();
                to.struct_size = sizeof to;
                to.operation = record.operation;
                to.key = borrow(record.key);
                to.body = borrow(record.body);
                to.destination_key = borrow(record.destination_key);
                to.body_format = SYNCLINE_BODY_JSON;
                to.was_delivered = record.was_delivered ? 1 : 0;
                to.parent_key = borrow(record.parent_key);
                to.is_complete = record.is_complete ? 1 : 0;
                to.idempotency_key = borrow(record.key);
                auto& names = field_names.emplace_back();
                for (const std::string& name : record.changed_fields) names.push_back(borrow(name));
                for (const std::string& name : record.unset_fields) names.push_back(borrow(name));
                to.changed_count = static_cast<std::uint32_t>(record.changed_fields.size());
                to.unset_count = static_cast<std::uint32_t>(record.unset_fields.size());
                to.changed_fields = names.data();
                to.unset_fields = names.data() + to.changed_count;
            }
            for (const syncline_write_record& record : raw) pointers.push_back(&record);
            batch = {sizeof batch, static_cast<std::uint32_t>(raw.size()), borrow(stream),
                     pointers.data(), 60'000};
            write->outcomes.resize(raw.size());
        }
        std::string stream;
        std::vector<RecordToWrite> records;
        std::vector<syncline_write_record> raw;
        std::deque<std::vector<syncline_str>> field_names;
        std::vector<const syncline_write_record*> pointers;
        syncline_write_batch batch{};
        bool is_beginning = false;
        std::shared_ptr<Write> write = std::make_shared<Write>();
    };

    struct Pending {
        std::uint64_t user_id = 0;
        Exchange exchange;
    };

    // In one process a handle may simply be an address.
    static std::uint64_t to_handle(void* object) {
        return reinterpret_cast<std::uintptr_t>(object);
    }
    template <typename Type>
    static Type& from_handle(std::uint64_t handle) {
        return *reinterpret_cast<Type*>(static_cast<std::uintptr_t>(handle));
    }

    template <typename Table>
    const Table& table(std::string_view id) const {
        const void* found = plugin_.get_table(borrow(id));
        if (found == nullptr)
            throw std::runtime_error("the connector has no table " + std::string{id});
        return *static_cast<const Table*>(found);
    }
    const syncline_plugin_webhook& webhook() const {
        return table<syncline_plugin_webhook>(SYNCLINE_WEBHOOK_ID);
    }

    void fill_tables() {
        host_ = {sizeof host_, SYNCLINE_ABI_MINOR, to_handle(this), &get_table, &post, &stopped};
        log_ = {sizeof log_, 0, &log};
        clock_ = {sizeof clock_, 0, &now, &now};
        http_ = {sizeof http_, 0, &send, &cancel, &fetch};
        write_ = {sizeof write_, 0, &outcome, &complete};
        expr_ = {sizeof expr_, 0, &compile, &evaluate};
        file_ = {sizeof file_, 0, &append};
        ids_ = {sizeof ids_, 0, &get_ids, &put_id};
    }

    syncline_http_handle oldest() const {
        if (exchanges_.empty()) throw std::runtime_error("the connector has sent nothing");
        return exchanges_.begin()->first;
    }
    void finish(syncline_http_handle handle, const syncline_http_result& result) {
        const std::uint64_t user_id = exchanges_.at(handle).user_id;
        exchanges_.erase(handle);
        table<syncline_plugin_http>(SYNCLINE_HTTP_ID).done(instance_, user_id, &result);
        deliver_posts();
    }
    void finish(syncline_http_handle handle, const Failure& failure, bool may_have_been_processed) {
        const syncline_error error = detail::to_c(failure);
        syncline_http_result result{};
        result.struct_size = sizeof result;
        result.error = &error;
        result.may_have_been_processed = may_have_been_processed ? 1 : 0;
        finish(handle, result);
    }
    // Posts, what was looked up, and the ends of appends.
    void deliver_posts() {
        while (!posts_.empty() || !appends_.empty() || ids.is_waiting()) {
            if (!posts_.empty()) {
                const std::uint64_t user_id = posts_.front();
                posts_.pop_front();
                plugin_.posted(instance_, user_id);
                continue;
            }
            if (ids.is_waiting()) {
                ids.answer(table<syncline_plugin_idmap>(SYNCLINE_IDMAP_ID), instance_);
                continue;
            }
            const std::uint64_t user_id = appends_.front();
            appends_.pop_front();
            const syncline_error error = detail::to_c(append_failure_);
            const bool is_ok = append_failure_.failure_class == SYNCLINE_OK;
            table<syncline_plugin_file>(SYNCLINE_FILE_ID)
                .done(instance_, user_id, is_ok ? nullptr : &error);
        }
    }
    void deliver_cancelled() {
        deliver_posts();
        std::vector<syncline_http_handle> cancelled;
        for (const auto& [handle, pending] : exchanges_) {
            if (pending.exchange.is_cancelled) cancelled.push_back(handle);
        }
        for (const syncline_http_handle handle : cancelled) {
            finish(handle, Failure{SYNCLINE_E_CANCELLED, "the exchange was cancelled"}, true);
        }
    }
    void cancel_open_operations() {
        const auto open = operations_;
        for (const auto& [handle, operation] : open) {
            table<syncline_plugin_write>(SYNCLINE_WRITE_ID).cancel(instance_, handle);
        }
    }

    // What the connector calls.
    static const void* get_table(syncline_host_handle handle, syncline_str id) {
        FakeHost& self = from_handle<FakeHost>(handle);
        const std::string_view wanted = view(id);
        if (wanted == SYNCLINE_LOG_ID) return &self.log_;
        if (wanted == SYNCLINE_CLOCK_ID) return &self.clock_;
        if (wanted == SYNCLINE_HTTP_ID) return &self.http_;
        if (wanted == SYNCLINE_EXPR_ID) return &self.expr_;
        if (wanted == SYNCLINE_FILE_ID) return &self.file_;
        if (wanted == SYNCLINE_IDMAP_ID) return &self.ids_;
        return wanted == SYNCLINE_WRITE_ID ? &self.write_ : nullptr;
    }
    static syncline_status post(syncline_host_handle handle, std::uint64_t user_id) {
        FakeHost& self = from_handle<FakeHost>(handle);
        if (self.is_stopped_) return SYNCLINE_E_STALE;
        self.posts_.push_back(user_id);
        return SYNCLINE_OK;
    }
    static void stopped(syncline_host_handle handle) {
        FakeHost& self = from_handle<FakeHost>(handle);
        if (self.is_stopped_) self.violations.push_back("stopped was reported twice");
        if (!self.operations_.empty() || !self.exchanges_.empty() || !self.posts_.empty() ||
            !self.appends_.empty() || self.ids.is_waiting()) {
            self.violations.push_back("stopped was reported while something is open");
        }
        self.is_stopped_ = true;
    }
    static void log(syncline_host_handle handle, syncline_severity severity, syncline_str message,
                    const syncline_pair* fields, std::uint32_t field_count) {
        FakeHost& self = from_handle<FakeHost>(handle);
        std::string line{view(message)};
        for (std::uint32_t i = 0; i < field_count; ++i) {
            line.append(" ").append(view(fields[i].name)).append("=").append(view(fields[i].value));
        }
        if (severity >= SYNCLINE_LOG_HOST_MISBEHAVING) self.violations.push_back(line);
        self.log_lines.push_back(std::move(line));
    }
    static std::int64_t now(syncline_host_handle handle) {
        return from_handle<FakeHost>(handle).now_ns;
    }

    static syncline_status send(syncline_host_handle handle, const syncline_http_request* request,
                                std::uint64_t user_id, syncline_http_handle* exchange,
                                syncline_error* error) {
        FakeHost& self = from_handle<FakeHost>(handle);
        if (self.refusal_ || self.is_stopping_) {
            *error =
                detail::to_c(self.refusal_ ? *self.refusal_
                                           : Failure{SYNCLINE_E_CANCELLED, "it is being stopped"});
            return error->failure_class;
        }
        Pending pending;
        pending.user_id = user_id;
        pending.exchange.method = view(request->method);
        pending.exchange.url = view(request->url);
        pending.exchange.body = view(request->body);
        for (std::uint32_t i = 0; i < request->header_count; ++i) {
            pending.exchange.headers.emplace_back(view(request->headers[i].name),
                                                  view(request->headers[i].value));
        }
        *exchange = self.next_++;
        self.exchanges_.emplace(*exchange, std::move(pending));
        return SYNCLINE_OK;
    }
    static syncline_status fetch(syncline_host_handle handle, const syncline_http_request* request,
                                 const syncline_http_result** result, syncline_error* error) {
        FakeHost& self = from_handle<FakeHost>(handle);
        self.fetched.push_back({std::string{view(request->method)},
                                std::string{view(request->url)},
                                std::string{view(request->body)},
                                {}});
        if (self.responses_.empty()) {
            *error = detail::to_c({SYNCLINE_E_TRANSIENT, "no response was prepared"});
            return error->failure_class;
        }
        self.response_ = std::move(self.responses_.front());
        self.responses_.pop_front();
        self.result_ = {};
        self.result_.struct_size = sizeof self.result_;
        self.result_.has_response = 1;
        self.result_.status = self.response_.first;
        self.result_.body = borrow(self.response_.second);
        *result = &self.result_;
        return SYNCLINE_OK;
    }
    static void cancel(syncline_host_handle handle, syncline_http_handle exchange) {
        FakeHost& self = from_handle<FakeHost>(handle);
        const auto found = self.exchanges_.find(exchange);
        if (found != self.exchanges_.end()) found->second.exchange.is_cancelled = true;
    }

    static syncline_status outcome(syncline_host_handle handle, syncline_write_handle operation,
                                   std::uint32_t index, const syncline_outcome* raw) {
        FakeHost& self = from_handle<FakeHost>(handle);
        const auto found = self.operations_.find(operation);
        if (found == self.operations_.end()) {
            self.violations.push_back("an outcome of an operation that is over");
            return SYNCLINE_E_STALE;
        }
        std::vector<Outcome>& outcomes = found->second->write->outcomes;
        if (index >= outcomes.size() || outcomes[index].kind != 0) {
            self.violations.push_back("a second outcome, or of no record");
            return SYNCLINE_E_PLUGIN_BUG;
        }
        outcomes[index] = {
            raw->kind,
            raw->error != nullptr ? detail::from_c(*raw->error) : Failure{SYNCLINE_OK, ""},
            std::string{view(raw->destination_key)}, std::string{view(raw->reply)}};
        return SYNCLINE_OK;
    }
    static syncline_status complete(syncline_host_handle handle, syncline_write_handle operation) {
        FakeHost& self = from_handle<FakeHost>(handle);
        const auto found = self.operations_.find(operation);
        if (found == self.operations_.end() || found->second->is_beginning) {
            self.violations.push_back("a completion of an operation that is over or beginning");
            return found == self.operations_.end() ? SYNCLINE_E_STALE : SYNCLINE_E_PLUGIN_BUG;
        }
        const std::vector<Outcome>& outcomes = found->second->write->outcomes;
        self.ids.settle(
            operation, std::any_of(outcomes.begin(), outcomes.end(),
                                   [](const Outcome& each) { return each.kind == SYNCLINE_DONE; }));
        found->second->write->is_complete = true;
        self.operations_.erase(found);
        return SYNCLINE_OK;
    }

    static syncline_status refuse(const Failure& failure, syncline_error* error) {
        *error = detail::to_c(failure);
        return error->failure_class;
    }
    static syncline_status compile(syncline_host_handle handle, syncline_str text,
                                   syncline_expr_handle* expression, syncline_error* error) {
        FakeHost& self = from_handle<FakeHost>(handle);
        try {
            self.services_.evaluate(view(text), "null");
        } catch (const Failure& failure) {
            if (failure.failure_class == SYNCLINE_E_CONFIG) return refuse(failure, error);
        }
        *expression = self.next_++;
        self.expressions_.emplace(*expression, view(text));
        return SYNCLINE_OK;
    }
    static syncline_status evaluate(syncline_host_handle handle, syncline_expr_handle expression,
                                    syncline_str input, const syncline_text_sink* sink,
                                    syncline_error* error) {
        FakeHost& self = from_handle<FakeHost>(handle);
        const auto found = self.expressions_.find(expression);
        if (found == self.expressions_.end())
            return refuse({SYNCLINE_E_STALE, "there is no such expression"}, error);
        try {
            const std::string result = self.services_.evaluate(found->second, view(input));
            sink->text(sink->context, borrow(result));
            return SYNCLINE_OK;
        } catch (const Failure& failure) {
            return refuse(failure, error);
        }
    }
    static syncline_status append(syncline_host_handle handle, syncline_str path,
                                  syncline_str bytes, std::uint64_t user_id,
                                  syncline_error* error) {
        FakeHost& self = from_handle<FakeHost>(handle);
        if (self.is_stopping_) return refuse({SYNCLINE_E_CANCELLED, "it is being stopped"}, error);
        if (self.append_failure_.failure_class == SYNCLINE_OK)
            self.files[std::string{view(path)}] += view(bytes);
        self.appends_.push_back(user_id);
        return SYNCLINE_OK;
    }

    static syncline_status get_ids(syncline_host_handle handle, syncline_str name_space,
                                   const syncline_str* keys, std::uint32_t key_count,
                                   std::uint64_t user_id, syncline_error* error) {
        FakeHost& self = from_handle<FakeHost>(handle);
        if (self.is_stopping_) return refuse({SYNCLINE_E_CANCELLED, "it is being stopped"}, error);
        return self.check_ids(self.ids.look_up(view(name_space), keys, key_count, user_id), error);
    }
    static syncline_status put_id(syncline_host_handle handle, syncline_write_handle operation,
                                  syncline_str name_space, syncline_str key, syncline_str value,
                                  syncline_error* error) {
        FakeHost& self = from_handle<FakeHost>(handle);
        if (!self.operations_.contains(operation))
            return refuse({SYNCLINE_E_STALE, "the write operation is over"}, error);
        return self.check_ids(self.ids.put(operation, view(name_space), view(key), view(value)),
                              error);
    }
    syncline_status check_ids(const Failure& failure, syncline_error* error) {
        if (failure.failure_class == SYNCLINE_OK) return SYNCLINE_OK;
        violations.push_back(failure.message);
        return refuse(failure, error);
    }

    static void on_reply(syncline_sink_handle handle, const syncline_webhook_reply* raw) {
        Reply& reply = from_handle<Reply>(handle);
        reply.http_status = raw->status;
        reply.content_type = view(raw->content_type);
        reply.body = view(raw->body);
    }
    static syncline_sink_answer on_record(syncline_sink_handle handle, const syncline_record* raw) {
        from_handle<Translation>(handle).records.push_back(
            {std::string{view(raw->stream)}, raw->operation, std::string{view(raw->key)},
             std::string{view(raw->body)}, raw->occurred_ns, std::string{view(raw->parent_stream)},
             std::string{view(raw->parent_key)}});
        return SYNCLINE_SINK_GO_ON;
    }

    const syncline_plugin& plugin_;
    const Services services_;
    syncline_host host_{};
    syncline_host_log log_{};
    syncline_host_clock clock_{};
    syncline_host_http http_{};
    syncline_host_write write_{};
    syncline_host_expr expr_{};
    syncline_host_file file_{};
    syncline_host_idmap ids_{};
    syncline_instance* instance_ = nullptr;
    bool is_stopping_ = false;
    bool is_stopped_ = false;
    std::uint64_t next_ = 1;
    std::map<syncline_http_handle, Pending> exchanges_;
    std::map<syncline_write_handle, std::shared_ptr<Operation>> operations_;
    std::deque<std::uint64_t> posts_;
    std::unique_ptr<Failure> refusal_;
    std::deque<std::pair<int, std::string>> responses_;
    std::pair<int, std::string> response_;
    syncline_http_result result_{};
    std::map<syncline_expr_handle, std::string> expressions_;
    std::deque<std::uint64_t> appends_;
    Failure append_failure_{SYNCLINE_OK, ""};
};

}  // namespace syncline::testing

#endif
