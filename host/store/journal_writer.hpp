// The running half of the journal: group commit on one thread, files prepared and recycled on
// another. Internal to store.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "store/journal.hpp"
#include "store/segment.hpp"

namespace syncline::store {

std::filesystem::path segment_path(const std::filesystem::path& directory, std::uint64_t number);

class Journal::Writer {
  public:
    struct Start {
        std::filesystem::path directory;
        std::uint64_t segment_bytes;
        std::uint64_t history_bytes_max;
        std::function<void(DurableBatch)> on_batch;
        std::function<void(const Error&)> on_fatal;
        std::vector<Segment> used, spares;
        std::uint64_t last_number;
        Position applied;
        Position previous_last;
        Position next;
        JournalMetrics& metrics;
        JournalThread& thread;
    };

    static Result<std::unique_ptr<Writer>> start(Start start);
    ~Writer() { stop(); }

    // Writes the epoch's first fact and starts the threads.
    Result<void> write_first(const NumberedFact& fact);

    void append(Append append);                                                  // [any]
    bool has_room() const { return has_room_.load(std::memory_order_relaxed); }  // [any]
    void truncate(Position position);                                            // [any]
    bool drop_history();                                                         // [any]
    std::vector<JournalFile> files() const;                                      // [any]
    Position durable() const { return Position{durable_}; }                      // [any]
    std::shared_ptr<Hold> hold(const HoldLimits& limits);                        // [any]
    void stop();

  private:
    explicit Writer(Start start);

    void run_commits();  // [journal]
    void gather(std::unique_lock<std::mutex>& lock, std::size_t answered);
    Result<void> commit(std::vector<Append>& group);
    void refuse(std::vector<Append>& group, const Error& error);
    Result<void> write(Position first, std::uint32_t count);
    Result<void> make_room();
    Result<Segment> take_spare(std::unique_lock<std::mutex>& lock, std::uint64_t bytes);
    void acknowledge(std::vector<Append>& group, Position first);
    void hand_on_written();
    DurableBatch batch_of(std::vector<Append>& group, Position first, bool is_written);
    void fail(std::vector<Append>& group, const Error& error);

    void run_files(std::uint64_t of_last_run);  // the files' thread; the number of a segment
    void trim(std::uint64_t of_last_run);
    std::uint64_t history_bytes() const;
    std::size_t history_end() const;
    bool keeps_reserve();
    void look_after_hold();
    bool give_back_oldest();
    bool give_back_for_room();
    void recycle(Segment segment);
    void tell_full(const Error& error);
    Result<void> prepare_spares(std::unique_lock<std::mutex>& lock);
    Result<Segment> prepare(std::uint64_t bytes, bool is_zeroed);

    const std::filesystem::path directory_;
    const std::uint64_t segment_bytes_;
    const std::uint64_t history_bytes_max_;
    const std::function<void(DurableBatch)> on_batch_;
    const std::function<void(const Error&)> on_fatal_;
    JournalMetrics& metrics_;
    JournalThread& thread_;

    // The journal thread's own; it changes files while it holds files_mutex_.
    std::optional<SegmentWriter> current_;
    Position previous_last_;
    Position next_;
    std::string payload_, block_;
    bool may_give_up_ = false;             // the group has what may be refused
    std::optional<DurableBatch> written_;  // acknowledged, not yet handed on

    std::atomic<bool> has_room_{true};
    std::atomic<std::uint64_t> durable_{0};  // the last position that may be acknowledged
    std::atomic<bool> is_ending_{false};     // stop() was called

    std::mutex queue_mutex_;
    std::condition_variable queue_filled_;
    std::vector<Append> queue_;
    std::size_t queued_events_ = 0;   // of the queue
    std::size_t awaited_events_ = 0;  // with so many a wait for company is over; 0 outside of one
    bool is_stopping_ = false;
    bool has_failed_ = false;

    mutable std::mutex files_mutex_;
    std::condition_variable files_changed_;
    std::deque<Segment> used_;  // oldest first; history is what stands in front
    std::deque<Segment> spares_;
    std::uint64_t last_number_;
    Position truncate_to_;
    std::shared_ptr<Hold> hold_;
    bool files_stopping_ = false;
    bool has_files_work_ = false;
    bool is_full_ = false;  // no file could be prepared, or the reserve is going
    bool is_told_full_ = false;
    std::chrono::steady_clock::time_point told_full_;

    std::thread commits_thread_, files_thread_;
};

}  // namespace syncline::store
