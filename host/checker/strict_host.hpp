// A host that drives one instance of a connector through the C interface and checks every call that
// comes back. It forgives nothing and repairs nothing, so that a test sees what the hub would have
// to tolerate; a call that breaks a rule is refused and noted.
//
// Purpose: what the tests of this module drive connectors with.
// Lifecycle: begin(), then calls, then end(). What a connector never gives back stays open.
// Concurrency: one thread; the connector may call from others, which is noted.
// Limits: kStepsMax completions in one operation; kViolationsMax violations are kept.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "checker/loaded.hpp"
#include "checker/loan.hpp"
#include "checker/subject.hpp"
#include "checker/violation.hpp"
#include "core/error.hpp"
#include "core/redact.hpp"
#include "plugin/manifest.hpp"
#include "plugin/services.hpp"
#include "syncline/syncline.h"

namespace syncline::checker {

inline constexpr std::size_t kStepsMax = 10'000;
inline constexpr std::size_t kViolationsMax = 1000;

// How a call ended.
struct Ending {
    syncline_status status = SYNCLINE_OK;
    std::string message;
    bool is_ok() const { return status == SYNCLINE_OK; }
};

// What the platform answers.
using Responder = std::function<plugin::HttpReply(const plugin::HttpRequest&)>;

struct WritePlan {
    std::string stream;
    std::vector<plugin::WriteRecord> records{};
    Responder respond{};
    std::optional<std::size_t> cancel_after{};  // so many completions
    syncline_body_format body_format = SYNCLINE_BODY_JSON;
};

struct WriteRun {
    Ending begun;
    bool is_complete = false;
    std::size_t steps = 0;  // completions that the connector waited for
    std::vector<std::optional<plugin::Outcome>> outcomes{};
    std::vector<plugin::HttpRequest> requests{};
};

// What is asked of an account that is no record.
enum class Question { kCheck, kDiscover, kWork };

struct QuestionPlan {
    Question question;
    Responder respond{};
    std::optional<std::size_t> cancel_after{};  // so many completions
};

struct QuestionRun {
    Ending begun;
    bool is_complete = false;
    bool was_sent = false;                     // the platform was asked something
    std::optional<plugin::Failure> outcome{};  // kNone: it went well
};

struct TranslateRun {
    Ending ending;
    std::vector<record::Record> records{};
    std::size_t after_stop = 0;  // records that came although the sink had said STOP
};

struct ReplyRun {
    Ending ending;
    std::vector<plugin::WebhookReply> replies{};
};

class StrictHost {
  public:
    struct Options {
        Lending lending = Lending::kKept;
        std::uint32_t abi_minor = SYNCLINE_ABI_MINOR;
        std::size_t growth_bytes = 0;  // of each table: a later host's are longer
        bool has_tables = true;
    };
    StrictHost(const Subject& subject, const Loaded& loaded) : StrictHost(subject, loaded, {}) {}
    StrictHost(const Subject& subject, const Loaded& loaded, Options options);
    StrictHost(const StrictHost&) = delete;
    StrictHost& operator=(const StrictHost&) = delete;
    ~StrictHost();

    // ---- The instance's life, call by call
    bool create();
    Ending init(std::string_view settings_json);
    Ending start();
    void stop();
    // What is open is cancelled, what is due is delivered. True: the connector said stopped().
    bool drain();
    void destroy();

    // All of the beginning, with the subject's settings. Errors: `checker.not_applicable`.
    Result<void> begin();
    // All of the end; destroys only what has stopped. False: it did not.
    bool end();

    // ---- Capabilities
    WriteRun write(const WritePlan& plan);
    // Begins a batch and lets nothing come of it.
    Ending begin_write(const WritePlan& plan);
    bool has_open_operation() const { return operation_ != nullptr; }
    QuestionRun ask(const QuestionPlan& plan);
    // What the instance hands over; none when it says so.
    std::optional<plugin::HandedState> save();
    // Between init() and start().
    Ending restore(const plugin::HandedState& state);
    // `stop_after`: the sink says STOP at the so manieth record.
    TranslateRun translate(const plugin::WebhookRequest& request,
                           std::optional<std::size_t> stop_after = std::nullopt);
    ReplyRun handshake(const plugin::WebhookRequest& request);
    Ending verify(const plugin::WebhookRequest& request);

    std::vector<Violation> violations() const;

    // For the host's functions, which are in host_functions.cpp.
    class Functions;

  private:
    enum class State { kNone, kCreating, kCreated, kInit, kRunning, kStopping, kStopped, kOver };
    struct Exchange {
        std::uint64_t user_id;
        plugin::HttpRequest request;
        bool is_cancelled;
    };
    // What the connector is told next, in order.
    struct Due {
        enum class Kind { kPosted, kAppended, kFound } kind;
        std::uint64_t user_id;
        std::vector<std::string> values;
    };
    struct Operation {
        std::uint64_t handle;
        std::unique_ptr<Loan> loan;
        std::size_t record_count;
        bool is_inside;  // the call that begins it has not returned
        WriteRun run;
        std::optional<Question> question;  // none: it is a write
        std::optional<plugin::Failure> outcome;
        std::map<std::string, bool> sent;  // request -> whether it failed
    };

    void fill_host();
    template <class Call>
    void call(const Call& call);
    void note(Rule rule, std::string what);
    Ending ended(syncline_status status, const syncline_error& error, const char* function);
    bool check_error(const syncline_error* error, const std::string& where);
    void check_words(std::string_view text, const char* where);

    bool step(const Responder& respond);
    void deliver_due();
    void deliver(std::uint64_t handle, const plugin::HttpReply& reply);
    void cancel_operation();
    void open_operation(std::size_t record_count, Responder respond);
    // Goes on until the operation is complete or nothing comes any more; the completions.
    std::size_t run_operation(const Responder& respond, std::optional<std::size_t> cancel_after);
    void close_operation(const Responder& respond);
    Ending begin_question(Question question);
    const syncline_write_batch* lend_batch(Loan& loan, const WritePlan& plan);
    const syncline_webhook_request* lend_request(Loan& loan, const plugin::WebhookRequest& request);
    void lend_result(Loan& loan, const plugin::HttpReply& reply, syncline_http_result& result);

    // Asks a connector that signs; the headers that it gives go into the request.
    syncline_status sign(plugin::HttpRequest& request, syncline_error* error);
    bool is_granted_host(std::string_view url) const;
    bool is_granted_file(std::string_view path) const;
    std::uint64_t next_handle();

    const Subject& subject_;
    const Loaded& loaded_;
    const Options options_;
    const plugin::Manifest& manifest_;
    const syncline_plugin& plugin_;
    boost::json::object settings_;
    const std::thread::id thread_;
    Loan life_;
    syncline_host* host_ = nullptr;
    std::map<std::string, const void*, std::less<>> tables_;
    syncline_instance* instance_ = nullptr;

    mutable std::mutex mutex_;  // guards the violations alone; all else is touched by one thread
    std::vector<Violation> violations_;

    State state_ = State::kNone;
    bool is_inside_stop_ = false;
    bool is_translating_ = false;
    bool is_signing_ = false;
    std::uint64_t handles_ = 0;
    std::map<std::uint64_t, Exchange> exchanges_;
    std::deque<Due> due_;
    std::unique_ptr<Operation> operation_;
    std::set<std::uint64_t> over_;  // operations that are complete
    Responder respond_;             // of the operation, for those who wait
    std::map<std::uint64_t, plugin::Expressions::Program> expressions_;
    std::map<std::string, std::string> secrets_;
    std::map<std::uint64_t, std::string> found_secrets_;
    std::map<std::string, std::string> ids_;
    std::vector<std::string> canaries_;
    std::vector<core::Watch> watches_;
    TranslateRun* translation_ = nullptr;
    std::optional<std::size_t> stop_after_;
    ReplyRun* reply_ = nullptr;
    std::unique_ptr<Loan> fetched_;
};

}  // namespace syncline::checker
