// An instance in service: the bridge between the hub's C++ and a connector's C.
//
// What the connector holds are handles; what belongs to them is in tables here, and an entry leaves
// its table exactly once. So a completion that comes twice, late or from nowhere finds nothing, and
// one that the connector owes is made up for by the host.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "plugin/copy_in.hpp"
#include "plugin/gather.hpp"
#include "plugin/generation.hpp"
#include "plugin/handles.hpp"
#include "plugin/instance.hpp"
#include "plugin/log_gate.hpp"
#include "plugin/own_ids.hpp"
#include "syncline/check.h"
#include "syncline/discover.h"
#include "syncline/expr.h"
#include "syncline/fetch.h"
#include "syncline/hmac.h"
#include "syncline/host.h"
#include "syncline/log.h"
#include "syncline/periodic.h"
#include "syncline/read.h"
#include "syncline/secret.h"

namespace syncline::plugin {

inline constexpr std::size_t kOpenCallsMax = 4096;  // calls and write operations that wait or run
inline constexpr std::size_t kOpenExchangesMax = 1024;
inline constexpr std::size_t kPostsMax = 4096;
inline constexpr std::size_t kExpressionsMax = 1000;
inline constexpr std::size_t kExpressionBytesMax = 64 * 1024;
inline constexpr std::size_t kOpenAppendsMax = 1024;
inline constexpr std::size_t kSecretNameBytesMax = 64;
inline constexpr std::size_t kAppendBytesMax = 64 * 1024 * 1024;
// Why nothing more goes out on behalf of an operation whose outcome was told.
inline constexpr const char* kNobodyWaits = "the operation was given up: nobody waits for it";

// Purpose: one account on one generation.
// Lifecycle: start, calls, stop; the generation keeps it alive in between.
// Concurrency: [any] unless said otherwise. [thread] means the generation's. The mutex is held
// neither while the
//   connector runs nor while a callback of the hub's does.
class LiveInstance final : public Instance,
                           public Resident,
                           public std::enable_shared_from_this<LiveInstance> {
  public:
    // Errors: `plugin.start_failed`. Not on the generation's thread: it waits for it. A blocking
    // connector's start, which may wait for a platform, is interrupted at the call limit and when a
    // stop is asked for.
    static Result<std::shared_ptr<LiveInstance>> start(std::shared_ptr<Generation> generation,
                                                       InstanceOptions options,
                                                       const std::stop_token& stop = {},
                                                       Duty duty = Duty::kAll);

    const Manifest& manifest() const override { return generation_->manifest(); }
    void handshake(WebhookRequest request,
                   std::function<void(Failure, WebhookReply)> done) override;
    void translate(std::vector<std::shared_ptr<const WebhookRequest>> requests,
                   std::function<void(std::vector<Translation>)> done) override;
    void write(WriteBatch batch, std::function<void(WriteResult)> done) override;
    void fetch(FetchBatch batch, std::function<void(std::vector<FetchResult>)> done) override;
    void read(ReadRequest request, std::function<void(ReadResult)> done) override;
    void check(std::chrono::milliseconds timeout, std::function<void(Failure)> done) override;
    void discover(std::chrono::milliseconds timeout,
                  std::function<void(Failure, std::string)> done) override;
    void work(std::optional<std::int64_t> due_ns, std::chrono::milliseconds timeout,
              std::function<void(WorkResult)> done) override;
    void save_state(std::function<void(SavedState)> done) override;
    void verify(WebhookRequest request, core::Secret secret,
                std::function<void(Failure)> done) override;
    void answer(WebhookRequest request, Answer outcome,
                std::function<void(Failure, WebhookReply)> done) override;
    void stop(std::chrono::milliseconds deadline, std::function<void()> stopped) override;
    void evict() override;

    // ---- What the connector asks of the host; the functions of host_tables.cpp end here ----
    bool is_own_thread() const { return worker_->is_own_thread(); }
    const core::Clock& clock() const { return *generation_->options().clock; }
    const InstanceOptions& options() const { return options_; }
    void log(syncline_severity severity, syncline_str message, const syncline_pair* fields,
             std::uint32_t count);
    syncline_status post(std::uint64_t user_id);  // [thread]
    void stopped();                               // [thread]
    syncline_status send(const syncline_http_request* request, std::uint64_t user_id,
                         syncline_http_handle* handle, syncline_error* error);  // [thread]
    void cancel_exchange(syncline_http_handle handle);
    syncline_status fetch_now(const syncline_http_request* request,
                              const syncline_http_result** result,
                              syncline_error* error);  // [thread]
    syncline_status outcome(syncline_write_handle operation, std::uint32_t index,
                            const syncline_outcome* outcome);  // [thread]
    syncline_status fetched(syncline_fetch_handle operation, std::uint32_t index,
                            const syncline_fetch_result* result);  // [thread]
    syncline_status page_record(syncline_read_handle operation,
                                const syncline_record* record);  // [thread]
    syncline_status page_end(syncline_read_handle operation,
                             const syncline_page_end* end);  // [thread]
    syncline_status checked(syncline_check_handle operation,
                            const syncline_error* error);  // [thread]
    syncline_status discovered(syncline_discover_handle operation, const syncline_str& streams,
                               const syncline_error* error);  // [thread]
    syncline_status worked(syncline_periodic_handle operation, std::int64_t next_due_ns,
                           const syncline_error* error);  // [thread]
    syncline_status complete(std::uint64_t operation);    // [thread]
    syncline_status hmac(syncline_secret_handle secret, syncline_digest algorithm,
                         syncline_str bytes, std::uint8_t* digest);  // [thread]
    syncline_status find_secret(const syncline_str& name, syncline_secret_handle* secret,
                                syncline_error* error);  // [thread]
    syncline_status show_secret(syncline_secret_handle handle, const syncline_text_sink* sink,
                                syncline_error* error);  // [thread]
    syncline_status get_ids(syncline_str name_space, const syncline_str* keys, std::uint32_t count,
                            std::uint64_t user_id, syncline_error* error);  // [thread]
    syncline_status put_id(syncline_write_handle operation, syncline_str name_space,
                           syncline_str key, syncline_str value,
                           syncline_error* error);  // [thread]
    syncline_status compile(const syncline_str& text, syncline_expr_handle* expression,
                            syncline_error* error);  // [thread]
    syncline_status evaluate(syncline_expr_handle expression, const syncline_str& input,
                             const syncline_text_sink* sink, syncline_error* error);  // [thread]
    syncline_status append(const syncline_str& path, const syncline_str& bytes,
                           std::uint64_t user_id, syncline_error* error);  // [thread]

    // The connector broke a rule of the ABI: logged, counted, survived.
    void misbehaved(std::string_view rule);
    std::uint64_t misbehaviours() const override { return misbehaviours_; }
    std::uint64_t overdue() const override { return overdue_; }

  private:
    enum class State {
        kStarting,
        kRunning,
        kStopping,
        kOver,  // destroyed, or left behind
    };
    struct Operation;  // one that is open, of any kind
    struct Write;
    struct Fetch;
    struct Read;
    struct Question;
    struct Check;
    struct Discovery;
    struct Turn;
    struct QuestionAnswer;
    struct Exchange {
        std::uint64_t user_id = 0;
        std::uint64_t operation = 0;     // on whose behalf it was sent, 0 for none
        std::uint64_t transport_id = 0;  // 0 while it is being sent
        std::string request;             // method and URL, when it is on behalf of one
    };
    struct OpenAppend {
        std::uint64_t user_id = 0;
        std::uint64_t operation = 0;  // on whose behalf it was begun, 0 for none
    };
    using Calls = HandleTable<std::function<void(Failure)>>;

    LiveInstance(std::shared_ptr<Generation> generation, InstanceOptions options, Duty duty);

    // live_instance.cpp
    Failure start_up();  // [thread]
    bool interrupt_start(Gather<Failure>& outcome, const std::stop_token& stop);
    void clear_failed_start();               // [thread]
    std::optional<Failure> refusal() const;  // locked
    void enqueue(std::function<void(std::uint64_t call)> begin,
                 std::function<void(Failure)> abandon);
    bool is_open(std::uint64_t call);
    bool finish(std::uint64_t call);
    bool is_stopping();
    void begin_stop();                   // [thread]
    bool has_work_open() const;          // locked: what the connector is still told of
    void destroy_if_idle();              // locked
    void destroy();                      // [thread]
    void give_up(std::string_view why);  // [thread]
    void leave_behind(const Failure& failure);

    // Purpose: while it lives, the connector works on behalf of an operation (0: of none).
    // Concurrency: [thread].
    class OnBehalf {
      public:
        OnBehalf(LiveInstance& instance, std::uint64_t operation);
        OnBehalf(const OnBehalf&) = delete;
        OnBehalf& operator=(const OnBehalf&) = delete;
        ~OnBehalf() { instance_.current_operation_ = 0; }

      private:
        LiveInstance& instance_;
    };

    // live_calls.cpp
    void run_handshake(std::uint64_t call, const WebhookRequest& request,
                       const std::function<void(Failure, WebhookReply)>& done);  // [thread]
    Translation translate_one(const WebhookRequest& request);                    // [thread]
    void run_answer(std::uint64_t call, const WebhookRequest& request, const Answer& outcome,
                    const std::function<void(Failure, WebhookReply)>& done);  // [thread]
    void run_verify(std::uint64_t call, const WebhookRequest& request, const core::Secret& secret,
                    const std::function<void(Failure)>& done);  // [thread]

    template <class Run, class Done>
    void run_reply(const char* name, std::uint64_t call, const Run& run,
                   const Done& done);  // [thread]

    // live_operation.cpp
    void open(std::shared_ptr<Operation> operation);
    void begin(std::uint64_t handle);  // [thread]
    void on_timeout(std::uint64_t handle);
    void cancel(std::uint64_t handle);  // [thread]
    void interrupt(std::optional<std::uint64_t> operation);
    void abandon(std::uint64_t handle);  // [thread]
    bool works_for_nobody();             // [thread], locked: the hub has told what came of it
    bool is_interrupted();               // [thread], locked: it was told to end
    std::function<void()> report(Operation& operation, const Failure& failure);  // locked
    template <class Kind>
    Kind* find_operation(std::uint64_t handle);  // locked

    // live_read.cpp
    template <class Change>
    syncline_status change_page(syncline_read_handle handle, const Change& change);  // [thread]

    // live_questions.cpp
    template <class Kind>
    syncline_status answer_question(std::uint64_t handle, Problem problem,
                                    QuestionAnswer answer);  // [thread]

    // live_ids.cpp
    void found_ids(std::uint64_t user_id, const std::vector<std::string>& keys,
                   Result<std::vector<std::string>> values);  // [thread]
    static void forget_ids(OwnIds& own, const std::vector<IdMapping>& ids);

    // live_http.cpp
    struct ReplyView;
    void deliver(std::uint64_t handle, const std::shared_ptr<const HttpReply>& reply);  // [thread]
    std::optional<Exchange> take_exchange(std::uint64_t handle,
                                          const std::shared_ptr<const HttpReply>& reply);
    void cancel_exchanges(std::optional<std::uint64_t> operation);

    // live_secret.cpp
    const core::Secret* found_secret(syncline_secret_handle handle) const;  // [thread]

    // live_sign.cpp
    Failure sign(HttpRequest& request);  // [thread]

    // live_state.cpp
    void run_save(std::uint64_t call, const std::function<void(SavedState)>& done);  // [thread]
    syncline_status restore_state(syncline_error& error);                            // [thread]

    // live_file.cpp
    bool is_granted(std::string_view path) const;
    void deliver_append(std::uint64_t handle, const Result<void>& result);  // [thread]

    const std::shared_ptr<Generation> generation_;
    const std::shared_ptr<Worker> worker_;
    InstanceOptions options_;  // its settings are gone when the connector has them
    const std::vector<std::string> granted_files_;
    const std::string channel_;
    std::uint64_t host_handle_ = 0;
    syncline_host host_{};
    LogGate log_gate_;
    std::atomic<std::uint64_t> misbehaviours_{0};
    std::atomic<std::uint64_t> overdue_{0};

    // Touched by the generation's thread alone.
    syncline_instance* instance_ = nullptr;
    std::uint64_t current_operation_ = 0;       // the connector works on its behalf
    std::shared_ptr<const ReplyView> fetched_;  // what the last fetch() of a blocking one gave
    bool is_signing_ = false;                   // sign() is running: nothing is sent meanwhile
    // What verify() may use, while it runs.
    std::uint64_t secret_handle_ = 0;
    const core::Secret* secret_ = nullptr;
    std::map<std::string, syncline_secret_handle> secret_handles_;  // that were found, by name
    HandleTable<Expressions::Program> expressions_;

    std::mutex mutex_;
    State state_ = State::kStarting;
    Calls calls_;
    HandleTable<std::shared_ptr<Operation>> operations_;
    HandleTable<Exchange> exchanges_;
    HandleTable<OpenAppend> appends_;
    std::vector<std::shared_ptr<Operation>> left_behind_;  // their batches may still be read
    std::vector<std::function<void()>> stop_callbacks_;
    std::size_t open_posts_ = 0;
    std::size_t open_lookups_ = 0;  // of ids
    bool has_reported_stopped_ = false;
    bool is_destroy_posted_ = false;
    bool is_all_interrupted_ = false;  // a blocking connector waits for nothing more
};

// Finds the instance of a host handle; null when it is stale. [any]
std::shared_ptr<LiveInstance> find_instance(syncline_host_handle handle);
void register_instance(std::uint64_t handle, std::weak_ptr<LiveInstance> instance);
void unregister_instance(std::uint64_t handle);

// The tables that every connector gets; they live for ever.
syncline_host make_host_table(syncline_host_handle handle);

}  // namespace syncline::plugin
