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
// fail_appends() says otherwise. Ids that the connector maps are in `ids`. Secrets that it reads
// are given in `Services`.
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
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "syncline/failure.hpp"
#include "syncline/syncline.h"
#include "syncline/testing/ask.hpp"
#include "syncline/testing/http.hpp"
#include "syncline/testing/ids.hpp"
#include "syncline/testing/instance.hpp"
#include "syncline/testing/read.hpp"
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
        : instance_{plugin},
          expressions_(std::move(services.evaluate), handles_),
          secrets_(std::move(services.secrets), instance_, handles_, violations) {
        fill_tables();
        instance_.self = plugin.create(&host_);
        if (instance_.self == nullptr) throw std::runtime_error("create() returned NULL");
        syncline_error error = detail::empty_error();
        if (plugin.init(instance_.self, borrow(settings_json), &error) == SYNCLINE_OK &&
            restore(services.state, error) && plugin.start(instance_.self, &error) == SYNCLINE_OK) {
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

    // The same with what an account is asked that is no record.
    std::shared_ptr<Asked> check() {
        auto asked = checks_.begin();
        deliver_posts();
        return asked;
    }
    std::shared_ptr<Asked> discover() {
        auto asked = discoveries_.begin();
        deliver_posts();
        return asked;
    }

    // A turn of periodic work; `due_ns` as the turn before has said, or the first turn.
    std::shared_ptr<Asked> work(std::int64_t due_ns = SYNCLINE_NO_TIME) {
        auto asked = turns_.begin(due_ns);
        deliver_posts();
        return asked;
    }
    // Sets the clock to when the turn said that the next one is due, and begins that.
    std::shared_ptr<Asked> work_after(const Asked& turn) {
        now_ns = turn.next_due_ns;
        return work(turn.next_due_ns);
    }

    // What the connector hands to its next version; throws the Failure of one that has nothing.
    // `Services` takes what an older version has given.
    State save() {
        std::optional<State> saved;
        const syncline_state_sink sink{
            sizeof sink, 0, &saved, [](void* context, const syncline_state* state) {
                *static_cast<std::optional<State>*>(context) = detail::from_c(*state);
            }};
        syncline_error error = detail::empty_error();
        const auto& table = instance_.table<syncline_plugin_state>(SYNCLINE_STATE_ID);
        if (table.save(instance_.self, &sink, &error) != SYNCLINE_OK) throw detail::from_c(error);
        if (saved) return *saved;
        violations.push_back("save() gave no state");
        return {};
    }

    // The same with a page: host.read({"profiles"}), then host.read({"profiles", next_cursor}).
    std::shared_ptr<PageRead> read(PageToRead wanted) {
        auto page = pages_.begin(std::move(wanted));
        deliver_posts();
        return page;
    }
    void cancel_reads() {
        pages_.cancel();
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
        pages_.cancel();
        checks_.cancel();
        discoveries_.cancel();
        turns_.cancel();
        deliver_cancelled();
        if (!is_stopped_) violations.push_back("the connector did not report stopped");
    }

    bool is_stopped() const { return is_stopped_; }
    std::size_t open_operations() const {
        return writes_.size() + pages_.size() + checks_.size() + discoveries_.size() +
               turns_.size();
    }

    std::int64_t now_ns = 1'700'000'000'000'000'000;
    std::map<std::string, std::string> files = {};  // what was appended, by path
    FakeIds ids = {};
    std::vector<std::string> log_lines = {};
    std::vector<std::string> violations = {};

  private:
    template <class Part, class Result, class... Args>
    static Part owner_of(Result (Part::*function)(Args...));

    // A function of a table: that of the part which serves it, or of what the part is derived from.
    template <auto part, auto function, typename... Args>
    static auto serve(syncline_host_handle handle, Args... args) {
        using Owner = decltype(owner_of(function));
        Owner& owner = fake::from_handle<FakeHost>(handle).*part;
        return (owner.*function)(args...);
    }

    void fill_tables() {
        using fake::Exchanges, fake::Expressions, fake::Fetches, fake::Files, fake::Pages,
            fake::Secrets, fake::Writes;
        host_ = {sizeof host_, SYNCLINE_ABI_MINOR, fake::to_handle(this), &get_table, &post,
                 &stopped};
        log_ = {sizeof log_, 0, &log};
        clock_ = {sizeof clock_, 0, &now, &now};
        http_ = {sizeof http_, 0, &serve<&FakeHost::exchanges_, &Exchanges::send>,
                 &serve<&FakeHost::exchanges_, &Exchanges::cancel>,
                 &serve<&FakeHost::fetches_, &Fetches::fetch>};
        write_ = {sizeof write_, 0, &serve<&FakeHost::writes_, &Writes::outcome>,
                  &serve<&FakeHost::writes_, &Writes::complete>};
        read_ = {sizeof read_, 0, &serve<&FakeHost::pages_, &Pages::record>,
                 &serve<&FakeHost::pages_, &Pages::end>,
                 &serve<&FakeHost::pages_, &Pages::complete>};
        check_ = {sizeof check_, 0, &serve<&FakeHost::checks_, &fake::Checks::outcome>,
                  &serve<&FakeHost::checks_, &fake::Checks::complete>};
        periodic_ = {sizeof periodic_, 0, &serve<&FakeHost::turns_, &fake::Turns::outcome>,
                     &serve<&FakeHost::turns_, &fake::Turns::complete>};
        discover_ = {sizeof discover_, 0,
                     &serve<&FakeHost::discoveries_, &fake::Discoveries::outcome>,
                     &serve<&FakeHost::discoveries_, &fake::Discoveries::complete>};
        expr_ = {sizeof expr_, 0, &serve<&FakeHost::expressions_, &Expressions::compile>,
                 &serve<&FakeHost::expressions_, &Expressions::evaluate>};
        file_ = {sizeof file_, 0, &serve<&FakeHost::file_appends_, &Files::append>};
        hmac_ = {sizeof hmac_, 0, &hmac};
        ids_ = {sizeof ids_, 0, &get_ids, &serve<&FakeHost::writes_, &Writes::put_id>};
        secret_ = {sizeof secret_, 0, &serve<&FakeHost::secrets_, &Secrets::find>,
                   &serve<&FakeHost::secrets_, &Secrets::show>};
    }

    // As the real host does: a state that is not known is none.
    bool restore(const std::optional<State>& state, syncline_error& error) {
        if (!state) return true;
        const syncline_state raw = detail::to_c(*state);
        const auto& table = instance_.table<syncline_plugin_state>(SYNCLINE_STATE_ID);
        const syncline_status status = table.restore(instance_.self, &raw, &error);
        return status == SYNCLINE_OK || status == SYNCLINE_E_UNSUPPORTED;
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
        if (wanted == SYNCLINE_SECRET_ID) return &self.secret_;
        if (wanted == SYNCLINE_READ_ID) return &self.read_;
        if (wanted == SYNCLINE_CHECK_ID) return &self.check_;
        if (wanted == SYNCLINE_DISCOVER_ID) return &self.discover_;
        if (wanted == SYNCLINE_PERIODIC_ID) return &self.periodic_;
        if (wanted == SYNCLINE_HMAC_ID) return &self.hmac_;
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
    // No real digest: the algorithm, the secret's name, and the bytes, so that a test can tell.
    static syncline_status hmac(syncline_host_handle handle, syncline_secret_handle secret,
                                syncline_digest algorithm, syncline_str bytes,
                                std::uint8_t* digest) {
        FakeHost& self = fake::from_handle<FakeHost>(handle);
        return self.secrets_.hmac(secret, algorithm, bytes, digest);
    }
    static std::int64_t now(syncline_host_handle handle) {
        return fake::from_handle<FakeHost>(handle).now_ns;
    }

    fake::Instance instance_;
    fake::Handles handles_;
    fake::Webhook webhook_{instance_};
    fake::Writes writes_{instance_, handles_, ids, violations};
    fake::Pages pages_{instance_, handles_, violations};
    fake::Checks checks_{instance_, handles_, violations};
    fake::Turns turns_{instance_, handles_, violations};
    fake::Discoveries discoveries_{instance_, handles_, violations};
    fake::Exchanges exchanges_{instance_, handles_};
    fake::Fetches fetches_{instance_, fetched};
    fake::Expressions expressions_;
    fake::Secrets secrets_;
    fake::Files file_appends_{instance_, files};
    std::deque<std::uint64_t> posts_;
    syncline_host host_{};
    syncline_host_log log_{};
    syncline_host_clock clock_{};
    syncline_host_http http_{};
    syncline_host_write write_{};
    syncline_host_read read_{};
    syncline_host_check check_{};
    syncline_host_periodic periodic_{};
    syncline_host_hmac hmac_{};
    syncline_host_discover discover_{};
    syncline_host_expr expr_{};
    syncline_host_file file_{};
    syncline_host_idmap ids_{};
    syncline_host_secret secret_{};
    bool is_stopping_ = false;
    bool is_stopped_ = false;
};

// The settings as the connector migrates them; throws its Failure.
inline std::string migrate(const syncline_plugin& plugin, std::string_view settings_json) {
    const auto* table =
        static_cast<const syncline_plugin_migrate*>(plugin.get_table(borrow(SYNCLINE_MIGRATE_ID)));
    if (table == nullptr) throw std::runtime_error("the connector migrates no settings");
    std::string migrated;
    const syncline_text_sink sink{sizeof sink, 0, &migrated, [](void* context, syncline_str text) {
                                      *static_cast<std::string*>(context) = view(text);
                                  }};
    syncline_error error = detail::empty_error();
    if (table->migrate(borrow(settings_json), &sink, &error) != SYNCLINE_OK)
        throw detail::from_c(error);
    return migrated;
}

}  // namespace syncline::testing

#endif
