// The journal: facts, durable in the order in which they were appended.
//
// Purpose: an acknowledgement costs one sequential write and one flush, shared by everyone who
// waits at that moment
//   (group commit without a timer: the previous flush is the timer).
// Lifecycle: open() reads what there is; replay() gives it; begin() starts a new epoch and the
// threads; append() any time
//   after that; the destructor writes what was appended before it.
// Concurrency: open, replay and begin by one thread; append and truncate are [any]. Callbacks run
// on the journal's thread
//   and must be short.
// Limits: events are refused while there is no prepared segment in reserve (disk full); results and
// commands use that
//   reserve, so that a backlog can drain (rule 10).
// A failed flush is final: nothing of its batch is acknowledged and `on_fatal` is called; the
// process has to end.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/error.hpp"
#include "core/metrics.hpp"
#include "store/fact.hpp"
#include "store/hold.hpp"
#include "store/segment.hpp"

namespace syncline::store {

// What one caller appends together: consecutive positions, all durable or none.
struct Append {
    std::vector<Fact> facts;
    // Called once, with the position of the first fact, when all are durable; or with an error,
    // when they are not and will not be. May be empty. [journal]
    std::function<void(Result<Position>)> on_durable;
    // Called once when the last of the facts is durable and applied, with the reason when it is a
    // command that was turned down. Not called when the hub stops before. May be empty. [state]
    std::function<void(std::optional<Error>)> on_applied;
    // Whoever sent it can send it again: given back with store.disk_full instead of waiting for
    // room.
    bool is_refusable = false;
};

struct DurableBatch {
    std::vector<NumberedFact> facts;
    std::vector<std::pair<Position, std::function<void(std::optional<Error>)>>>
        on_applied;  // by the last fact they wait for
    std::size_t bytes = 0;
};

// What the journal costs since its start. [any]
struct JournalMetrics {
    core::Histogram flush{core::kShortTimes};
    core::Counter bytes;  // written, with what fills up blocks
};

// The thread that senders wait for, for those who place threads on cores. [any]
struct JournalThread {
    std::atomic<pid_t> id{0};          // 0 before it runs
    std::atomic<clockid_t> clock{-1};  // its processor time
};

// A file of the journal, for those who read it while the hub runs.
struct JournalFile {
    std::filesystem::path path;
    std::uint64_t number = 0;
    Position last;  // of the facts in it; the greatest position there is while it is being written
};

// What stands behind `before` does not depend on what is damaged.
struct JournalDamage {
    Error error;
    Position before;
};

class Journal {
  public:
    struct Options {
        std::filesystem::path directory;
        std::uint64_t segment_bytes = 16 * 1024 * 1024;
        // What the state has for good. Files that hold nothing behind it are history, which open()
        // does not read and replay() does not give.
        Position applied;
        // History that is kept for those who ask what happened; it goes first when room is short.
        std::uint64_t history_bytes_max = 0;
        // Reads past damage instead of refusing; changes nothing in the directory, and is not
        // begun.
        bool salvage = false;
        std::function<void(DurableBatch)> on_batch;  // [journal] the state's inlet
        std::function<void(const Error&)> on_fatal;  // [journal]
    };

    // Errors: store.journal_damaged (file and offset), store.io_failed.
    static Result<std::unique_ptr<Journal>> open(Options options);
    ~Journal();

    // The last durable position found by open(); 0 when the journal is empty.
    Position last() const { return last_; }

    // The position before the oldest fact that is still here: a state older than it can't be
    // brought up to date.
    Position before_first() const { return before_first_; }

    // With `salvage`: what would have been refused, in the order of the files.
    const std::vector<JournalDamage>& damage() const { return damage_; }

    // Every fact after `after`, in order. `visit` may stop with an error.
    Result<void> replay(Position after,
                        const std::function<Result<void>(NumberedFact)>& visit) const;

    // Starts an epoch above every one seen and above `at_least`, and makes its first fact durable.
    Result<NumberedFact> begin(std::uint64_t at_least, EpochBegan fact);

    // [any]
    void append(Append append);

    const JournalMetrics& metrics() const { return metrics_; }
    const JournalThread& thread() const { return thread_; }

    // False while the disk has no room for new events.
    bool has_room() const;

    // Everything up to `position` is in the state for good: its segments are history. [any]
    void truncate(Position position);

    // Gives the room of the history back; false when there is none. [any]
    bool drop_history();

    // The files that hold facts, oldest first. After begin() each may be gone, or used again under
    // another number, by the time that it is looked at, unless it is held. [any]
    std::vector<JournalFile> files() const;

    // Every fact up to here is durable; the end of a batch. [any]
    Position durable() const;

    // From now on the facts behind what the state has for good stay where they are, until the hold
    // is over. One at a time: another takes its place. [any]
    std::shared_ptr<Hold> hold(const HoldLimits& limits);

    // Appends everything that was given before, then ends the threads; later appends fail with
    // store.stopping.
    void stop();

  private:
    class Writer;

    struct Segment {
        std::filesystem::path file;
        std::uint64_t number = 0;
        Position last;
        Position previous_last;  // as its header has it
        std::uint64_t bytes = 0;
        std::uint64_t filled = 0;  // of these by batches, when open() has read it
    };

    explicit Journal(Options options);
    Result<void> scan();
    Result<std::size_t> set_history_aside(const std::vector<std::uint64_t>& numbers);
    Result<void> scan_file(std::uint64_t number, const std::filesystem::path& file);
    void set_spare_aside(std::uint64_t number, const std::filesystem::path& file,
                         const SegmentScan& scan);
    Result<void> refuse(Error error, Position before);
    Result<void> make_durable() const;

    const Options options_;
    std::vector<JournalDamage> damage_;
    std::vector<Segment> history_;  // oldest first; these three are handed to the writer by begin()
    std::vector<Segment> used_;     // oldest first
    std::vector<Segment> spares_;   // prepared, lowest number first
    std::uint64_t last_number_ = 0;
    Position before_first_;
    Position last_;
    JournalMetrics metrics_;
    JournalThread thread_;
    std::unique_ptr<Writer> writer_;
};

}  // namespace syncline::store
