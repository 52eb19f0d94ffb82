// A host for tests: drives a connector in the test's own process, through the same C interface as
// the real one.
//
//     syncline::testing::FakeHost host{syncline_plugin_v1, R"({"base_url": "https://x.example"})"};
//     auto write = host.write("profiles", {{SYNCLINE_UPSERT, "k1", R"({"name": "A"})"}});
//     host.respond(200, R"({"id": "7"})");           // answers the one open exchange
//     write->outcomes[0].kind == SYNCLINE_DONE;
//
// What the connector does against the rules (a second outcome, a completion from inside write) is
// collected in `violations`.
#ifndef SYNCLINE_TESTING_HPP
#define SYNCLINE_TESTING_HPP

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "syncline/failure.hpp"
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
};

struct Outcome {
    syncline_outcome_kind kind = 0;  // 0: none was given
    Failure failure = {};
    std::string destination_key, reply;
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
    explicit FakeHost(const syncline_plugin& plugin, std::string_view settings_json = "{}")
        : plugin_(plugin) {
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
                to.is_complete = 1;
                to.idempotency_key = borrow(record.key);
            }
            for (const syncline_write_record& record : raw) pointers.push_back(&record);
            batch = {sizeof batch, static_cast<std::uint32_t>(raw.size()), borrow(stream),
                     pointers.data(), 60'000};
            write->outcomes.resize(raw.size());
        }
        std::string stream;
        std::vector<RecordToWrite> records;
        std::vector<syncline_write_record> raw;
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
    void deliver_posts() {
        while (!posts_.empty()) {
            const std::uint64_t user_id = posts_.front();
            posts_.pop_front();
            plugin_.posted(instance_, user_id);
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
        if (!self.operations_.empty() || !self.exchanges_.empty() || !self.posts_.empty()) {
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
        found->second->write->is_complete = true;
        self.operations_.erase(found);
        return SYNCLINE_OK;
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
             std::string{view(raw->body)}, raw->occurred_ns});
        return SYNCLINE_SINK_GO_ON;
    }

    const syncline_plugin& plugin_;
    syncline_host host_{};
    syncline_host_log log_{};
    syncline_host_clock clock_{};
    syncline_host_http http_{};
    syncline_host_write write_{};
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
};

}  // namespace syncline::testing

#endif
