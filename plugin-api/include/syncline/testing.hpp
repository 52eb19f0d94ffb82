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
#include "syncline/testing/http.hpp"
#include "syncline/testing/ids.hpp"
#include "syncline/testing/instance.hpp"
#include "syncline/testing/services.hpp"
#include "syncline/testing/values.hpp"
#include "syncline/testing/webhook.hpp"
#include "syncline/testing/write.hpp"

namespace syncline::testing {

class FakeHost {
  public:
    // Creates, initialises and starts an instance; throws std::runtime_error with the connector's
    // message if that fails.
    explicit FakeHost(const syncline_plugin& plugin, std::string_view settings_json = "{}",
                      Services services = {})
        : instance_{plugin}, expressions_(std::move(services.evaluate), handles_) {
        fill_tables();
        instance_.self = plugin.create(&host_);
        if (instance_.self == nullptr) throw std::runtime_error("create() returned NULL");
        syncline_error error = detail::empty_error();
        if (plugin.init(instance_.self, borrow(settings_json), &error) == SYNCLINE_OK &&
            plugin.start(instance_.self, &error) == SYNCLINE_OK) {
            return;
        }
        plugin.destroy(instance_.self);
        throw std::runtime_error(detail::from_c(error).message);
    }
    FakeHost(const FakeHost&) = delete;
    FakeHost& operator=(const FakeHost&) = delete;
    ~FakeHost() {
        stop();
        instance_.plugin.destroy(instance_.self);
    }

    Reply handshake(const Request& request) { return webhook_.handshake(request); }
    Reply answer(const Request& request, const std::vector<AnswerRecord>& records) {
        return webhook_.answer(request, records);
    }
    Translation translate(const Request& request) { return webhook_.translate(request); }

    // Begins to write and delivers what the connector posted meanwhile.
    std::shared_ptr<Write> write(std::string stream, std::vector<RecordToWrite> records) {
        auto write = writes_.begin(std::move(stream), std::move(records));
        deliver_posts();
        return write;
    }

    // Cancels every open operation and delivers the results of the exchanges that the connector
    // cancelled.
    void cancel_writes() {
        writes_.cancel();
        deliver_cancelled();
    }

    // The open exchanges, oldest first.
    std::vector<Exchange> exchanges() const { return exchanges_.all(); }

    // Answers the oldest open exchange.
    void respond(int status, std::string_view body, const Headers& headers = {}) {
        exchanges_.respond(status, body, headers);
        deliver_posts();
    }

    // Ends the oldest open exchange without a response.
    void fail(const Failure& failure, bool may_have_been_processed) {
        exchanges_.fail(failure, may_have_been_processed);
        deliver_posts();
    }

    // What the next fetch() of a blocking connector gets; several wait in line. Without one it gets
    // SYNCLINE_E_TRANSIENT.
    void will_respond(int status, std::string body) {
        fetches_.will_respond(status, std::move(body));
    }
    // The requests of a blocking connector, in their order.
    std::vector<Exchange> fetched = {};

    // From now on every append fails like that, after it was begun. SYNCLINE_OK: none does.
    void fail_appends(Failure failure) { file_appends_.fail_appends(std::move(failure)); }

    // From now on every send() is refused, as for a host that is not granted; nothing undoes it.
    void refuse_sends(Failure failure) { exchanges_.refuse_sends(std::move(failure)); }

    // Stops as the real host does: stop(), cancel everything, deliver everything. Idempotent.
    void stop() {
        if (is_stopping_) return;
        is_stopping_ = true;
        exchanges_.close();
        file_appends_.close();
        instance_.plugin.stop(instance_.self);
        exchanges_.cancel_all();
        writes_.cancel();
        deliver_cancelled();
        if (!is_stopped_) violations.push_back("the connector did not report stopped");
    }

    bool is_stopped() const { return is_stopped_; }
    std::size_t open_operations() const { return writes_.size(); }

    std::int64_t now_ns = 1'700'000'000'000'000'000;
    std::map<std::string, std::string> files = {};  // what was appended, by path
    FakeIds ids = {};
    std::vector<std::string> log_lines = {};
    std::vector<std::string> violations = {};

  private:
    // A function of a table: that of the part which serves it.
    template <auto part, auto function, typename... Args>
    static auto serve(syncline_host_handle handle, Args... args) {
        return (fake::from_handle<FakeHost>(handle).*part.*function)(args...);
    }

    void fill_tables() {
        using fake::Exchanges, fake::Expressions, fake::Fetches, fake::Files, fake::Writes;
        host_ = {sizeof host_, SYNCLINE_ABI_MINOR, fake::to_handle(this), &get_table, &post,
                 &stopped};
        log_ = {sizeof log_, 0, &log};
        clock_ = {sizeof clock_, 0, &now, &now};
        http_ = {sizeof http_, 0, &serve<&FakeHost::exchanges_, &Exchanges::send>,
                 &serve<&FakeHost::exchanges_, &Exchanges::cancel>,
                 &serve<&FakeHost::fetches_, &Fetches::fetch>};
        write_ = {sizeof write_, 0, &serve<&FakeHost::writes_, &Writes::outcome>,
                  &serve<&FakeHost::writes_, &Writes::complete>};
        expr_ = {sizeof expr_, 0, &serve<&FakeHost::expressions_, &Expressions::compile>,
                 &serve<&FakeHost::expressions_, &Expressions::evaluate>};
        file_ = {sizeof file_, 0, &serve<&FakeHost::file_appends_, &Files::append>};
        ids_ = {sizeof ids_, 0, &get_ids, &serve<&FakeHost::writes_, &Writes::put_id>};
    }

    // Posts, what was looked up, and the ends of appends.
    void deliver_posts() {
        while (!posts_.empty() || ids.is_waiting() || file_appends_.is_append_open()) {
            if (!posts_.empty()) {
                const std::uint64_t user_id = posts_.front();
                posts_.pop_front();
                instance_.plugin.posted(instance_.self, user_id);
            } else if (ids.is_waiting()) {
                ids.answer(instance_.table<syncline_plugin_idmap>(SYNCLINE_IDMAP_ID),
                           instance_.self);
            } else {
                file_appends_.finish();
            }
        }
    }
    void deliver_cancelled() {
        deliver_posts();
        exchanges_.finish_cancelled([this] { deliver_posts(); });
    }

    // What the connector calls.
    static const void* get_table(syncline_host_handle handle, syncline_str id) {
        FakeHost& self = fake::from_handle<FakeHost>(handle);
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
        FakeHost& self = fake::from_handle<FakeHost>(handle);
        if (self.is_stopped_) return SYNCLINE_E_STALE;
        self.posts_.push_back(user_id);
        return SYNCLINE_OK;
    }
    static void stopped(syncline_host_handle handle) {
        FakeHost& self = fake::from_handle<FakeHost>(handle);
        if (self.is_stopped_) self.violations.push_back("stopped was reported twice");
        if (self.open_operations() > 0 || !self.exchanges_.empty() || !self.posts_.empty() ||
            self.file_appends_.is_append_open() || self.ids.is_waiting()) {
            self.violations.push_back("stopped was reported while something is open");
        }
        self.is_stopped_ = true;
    }
    static void log(syncline_host_handle handle, syncline_severity severity, syncline_str message,
                    const syncline_pair* fields, std::uint32_t field_count) {
        FakeHost& self = fake::from_handle<FakeHost>(handle);
        std::string line{view(message)};
        for (std::uint32_t i = 0; i < field_count; ++i) {
            line.append(" ").append(view(fields[i].name)).append("=").append(view(fields[i].value));
        }
        if (severity >= SYNCLINE_LOG_HOST_MISBEHAVING) self.violations.push_back(line);
        self.log_lines.push_back(std::move(line));
    }
    static syncline_status get_ids(syncline_host_handle handle, syncline_str name_space,
                                   const syncline_str* keys, std::uint32_t key_count,
                                   std::uint64_t user_id, syncline_error* error) {
        FakeHost& self = fake::from_handle<FakeHost>(handle);
        if (self.is_stopping_)
            return fake::refuse({SYNCLINE_E_CANCELLED, "it is being stopped"}, error);
        const Failure failure = self.ids.look_up(view(name_space), keys, key_count, user_id);
        if (failure.failure_class == SYNCLINE_OK) return SYNCLINE_OK;
        self.violations.push_back(failure.message);
        return fake::refuse(failure, error);
    }
    static std::int64_t now(syncline_host_handle handle) {
        return fake::from_handle<FakeHost>(handle).now_ns;
    }

    fake::Instance instance_;
    fake::Handles handles_;
    fake::Webhook webhook_{instance_};
    fake::Writes writes_{instance_, handles_, ids, violations};
    fake::Exchanges exchanges_{instance_, handles_};
    fake::Fetches fetches_{fetched};
    fake::Expressions expressions_;
    fake::Files file_appends_{instance_, files};
    std::deque<std::uint64_t> posts_;
    syncline_host host_{};
    syncline_host_log log_{};
    syncline_host_clock clock_{};
    syncline_host_http http_{};
    syncline_host_write write_{};
    syncline_host_expr expr_{};
    syncline_host_file file_{};
    syncline_host_idmap ids_{};
    bool is_stopping_ = false;
    bool is_stopped_ = false;
};

}  // namespace syncline::testing

#endif
