// The store: the journal and the state that follows it, with their threads.
//
// Purpose: whoever appends a fact learns when it is durable; whoever delivers looks at the state,
// on the state's thread. Lifecycle: open() recovers; start() names the observer and opens the
// doors; stop() writes everything and closes cleanly;
//   killed at any moment instead, the next open() finds everything that was acknowledged.
// Concurrency: append, append_event, ask, wake and status are [any]; callbacks name their thread.
// Limits: unapplied bytes, pending bytes, room on the disk: past any of them append_event() refuses
// (rule 10). Results and
//   commands are always taken: their number is bounded by what is in flight.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "store/backup.hpp"
#include "store/bodies.hpp"
#include "store/data_dir.hpp"
#include "store/journal.hpp"
#include "store/outcome_waiters.hpp"
#include "store/state.hpp"

namespace syncline::store {

struct StoreStatus {
    Position applied, committed;
    std::uint64_t pending_bytes = 0;
    std::uint64_t unapplied_bytes = 0;
    std::uint64_t altered_repeats = 0;  // since the start: an id that came with another body
    bool has_room = true;
};

class Store {
  public:
    struct Options {
        std::filesystem::path data_dir;
        const core::Clock* clock = nullptr;
        std::string version;
        bool allow_unsafe_filesystem = false;
        std::uint64_t segment_bytes = 8 * 1024 * 1024;
        std::uint64_t map_bytes = std::uint64_t{64} << 30;
        std::uint64_t commit_bytes = 8 * 1024 * 1024;  // of changes in memory
        std::chrono::milliseconds commit_interval{1000};
        std::uint64_t unapplied_bytes_max = 64 * 1024 * 1024;
        std::uint64_t pending_bytes_max = std::uint64_t{8} << 30;
        std::uint64_t history_bytes_max = 64 * 1024 * 1024;  // of the journal, behind the state
        // The disk failed or the state is damaged: nothing more is acknowledged and the process has
        // to end. Called once, on one of the store's threads.
        std::function<void(const Error&)> on_fatal;
    };

    // Delivery's way to the state.
    struct Observer {
        virtual ~Observer() = default;
        // After every change and every wake(). Returns when it wants to be called again at the
        // latest. An error ends the process. [state]
        virtual Result<std::optional<std::chrono::nanoseconds>> on_state(State& state) = 0;
    };

    // Errors: those of DataDir::open, store.journal_damaged, store.state_damaged,
    // store.state_ahead, store.newer_format.
    static Result<std::unique_ptr<Store>> open(Options options);
    // The same in a directory that the caller has locked, and goes on using beside it.
    static Result<std::unique_ptr<Store>> open(Options options, DataDir directory);
    ~Store();

    // Begins the epoch and the threads. The observer must outlive stop(). Errors: store.disk_full,
    // store.io_failed.
    Result<void> start(Observer* observer);

    // Is there room for what may grow without end? Errors: store.busy, store.quota,
    // store.disk_full, store.stopping. [any]
    Result<void> check_room() const;

    // Takes an event, or refuses it as check_room() does. The body is at most
    // kInlineBodyBytesMax, or came from bodies().keep(). `on_durable` as in Append. [any]
    Result<void> append_event(Received event, std::function<void(Result<Position>)> on_durable);

    // Results, commands and the like: always taken. [any]
    void append(Append append);

    // Runs on the state's thread; false (and not run) after stop() or a failure. What was asked
    // before a failure may be destroyed without having run. [any]
    bool ask(std::function<void(State&)> question);
    void wake();

    // Where read_history() finds what happened; after start(). [any]
    std::vector<JournalFile> journal_files() const { return journal_->files(); }
    // Tells the outcome of an event that is durable, once it is known; never after the ticket was
    // forgotten. False when nobody will be told: after stop() or a failure. [any]
    bool await_outcome(OutcomeQuestion question);
    void forget_outcome(std::uint64_t ticket);

    // A copy of the data directory in a new folder, see make_backup(); one at a time, also before
    // start(). Blocks for as long as it takes; the store must outlive it, and stop() does not wait
    // for it. Errors: those of make_backup(), store.backup_running. [any]
    Result<BackupManifest> back_up(const BackupOptions& options);

    Bodies& bodies() { return bodies_; }
    StoreStatus status() const;
    // After open().
    const JournalMetrics& journal_metrics() const { return journal_->metrics(); }
    const JournalThread& journal_thread() const { return journal_->thread(); }
    std::uint64_t hash_seed() const { return hash_seed_; }

    // The names that open() found, for giving stable numbers to routes and connections. Before
    // start().
    const State& recovered() const { return state_; }

    // Ends the threads after everything that was appended before is durable, applied and committed.
    void stop();

  private:
    Store(Options options, DataDir directory, std::unique_ptr<Database> database);
    Result<void> recover();
    Result<void> commit_here();
    void run_state();
    void run_commits();
    bool apply_batch(DurableBatch& batch);
    void report_altered_repeat(RouteId route);
    bool needs_commit();
    void begin_commit();
    Result<void> grow_map();
    Result<void> finish_commit();
    void fail(const Error& error);
    void publish();

    const Options options_;
    DataDir directory_;
    Bodies bodies_;
    std::unique_ptr<Database> database_;
    State state_;  // [state] after start()
    std::unique_ptr<Journal> journal_;
    Observer* observer_ = nullptr;
    std::uint64_t hash_seed_ = 0;

    std::atomic<std::uint64_t> unapplied_bytes_{0}, pending_bytes_{0}, overlay_bytes_{0};
    std::atomic<std::uint64_t> applied_{0}, committed_{0};
    std::atomic<std::uint64_t> altered_repeats_{0};
    std::atomic<bool> has_failed_{false};
    std::atomic<bool> is_backing_up_{false};

    std::mutex inbox_mutex_;
    std::condition_variable inbox_filled_;
    std::vector<DurableBatch> batches_;
    std::vector<std::function<void(State&)>> questions_;
    bool is_woken_ = false;
    bool is_stopping_ = false;
    std::optional<Result<void>> commit_result_;

    std::mutex commit_mutex_;
    std::condition_variable commit_asked_;
    std::shared_ptr<const Overlay::Layer> to_commit_;
    std::shared_ptr<const Overlay::Layer> to_free_;  // rows by the thousand: not on [state]
    bool commits_stopping_ = false;

    // The state thread's own.
    std::chrono::nanoseconds last_commit_{0};
    std::optional<std::chrono::nanoseconds> altered_reported_;
    Position committing_;
    std::vector<std::string> dropping_;
    OutcomeWaiters waiters_;

    std::thread state_thread_, commits_thread_;
};

}  // namespace syncline::store
