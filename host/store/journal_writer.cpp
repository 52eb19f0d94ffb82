#include "store/journal_writer.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <limits>
#include <random>
#include <utility>

#include "core/assert.hpp"
#include "core/fault.hpp"
#include "core/log.hpp"
#include "core/thread_name.hpp"
#include "store/errc.hpp"

namespace syncline::store {
namespace {

// One is in use next, one is the reserve that results and commands may use when the disk is full.
constexpr std::size_t kSparesKept = 2;
constexpr std::size_t kGroupBytesMax = 4 * 1024 * 1024;
// From so many events in a flush on the next one waits for their senders, so long for each of them:
// about what a sender and the server need for a request.
constexpr std::size_t kGatherFrom = 8;
constexpr std::chrono::microseconds kGatherForEach{12};
constexpr std::chrono::microseconds kGatherMax{1000};
constexpr std::chrono::seconds kRetryPrepareAfter{1};
constexpr int kPatienceAtStop = 5;  // times kRetryPrepareAfter
constexpr std::chrono::seconds kTellFullEvery{10};
// A short file counts as this part of a whole one: a start reads the header of each.
constexpr std::uint64_t kShortFilesForOne = 32;

// Of a file in which nothing is written any more: history keeps it, and a start reads it to the
// end. A file that is full enough stays as it is, for it can be used again. True when it is done.
bool cut_empty_end(const std::filesystem::path& file, std::uint64_t filled, std::uint64_t bytes) {
    return filled < bytes / 2 && ::truncate(file.c_str(), static_cast<off_t>(filled)) == 0;
}

std::size_t bytes_of(const Append& append) {
    std::size_t bytes = 0;
    for (const Fact& fact : append.facts) bytes += size_of(fact);
    return bytes;
}

}  // namespace

Journal::Writer::Writer(Start start)
    : directory_(std::move(start.directory)),
      segment_bytes_(start.segment_bytes),
      history_bytes_max_(start.history_bytes_max),
      on_batch_(std::move(start.on_batch)),
      on_fatal_(std::move(start.on_fatal)),
      metrics_(start.metrics),
      thread_(start.thread),
      previous_last_(start.previous_last),
      next_(start.next),
      used_(start.used.begin(), start.used.end()),
      spares_(start.spares.begin(), start.spares.end()),
      last_number_(start.last_number),
      truncate_to_(start.applied) {}

Result<std::unique_ptr<Journal::Writer>> Journal::Writer::start(Start start) {
    std::unique_ptr<Writer> writer{new Writer{std::move(start)}};
    while (writer->spares_.empty()) {
        // Reserved, not yet written: a start must not wait for megabytes of zeros.
        Result<Segment> first = writer->prepare(writer->segment_bytes_, false);
        if (first.has_error() && first.error().is(kDiskFull) && writer->give_back_oldest())
            continue;
        if (first.has_error()) return first.error();
        writer->spares_.push_back(*std::move(first));
        SYNCLINE_CHECK(sync_directory(writer->directory_));
    }
    return writer;
}

Result<void> Journal::Writer::write_first(const NumberedFact& first) {
    payload_.clear();
    encode(first.fact, payload_);
    SYNCLINE_CHECK(make_room());
    SYNCLINE_CHECK(write(first.position, 1));
    next_ = first.position.next();
    durable_ = first.position.value;
    const std::uint64_t of_last_run = used_.empty() ? 0 : used_.back().number;
    commits_thread_ = std::thread{[this] { run_commits(); }};
    files_thread_ = std::thread{[this, of_last_run] { run_files(of_last_run); }};
    return {};
}

void Journal::Writer::append(Append append) {
    SYNCLINE_ASSERT(!append.facts.empty());
    {
        std::lock_guard lock{queue_mutex_};
        if (!is_stopping_ && !has_failed_) {
            if (core::is_planted(core::PlantedBug::kAckBeforeDurable) && append.on_durable) {
                append.on_durable(next_);
                append.on_durable = nullptr;
            }
            if (append.is_refusable) ++queued_events_;
            queue_.push_back(std::move(append));
            if (queue_.size() == 1 || queued_events_ == awaited_events_) queue_filled_.notify_one();
            return;
        }
    }
    if (append.on_durable) append.on_durable(Error{kStopping, "the hub is stopping"});
}

void Journal::Writer::run_commits() {
    core::name_this_thread("journal");
    clockid_t clock = -1;
    ::pthread_getcpuclockid(::pthread_self(), &clock);
    thread_.clock = clock;
    thread_.id = ::gettid();
    const std::size_t group_bytes_max = std::min<std::size_t>(kGroupBytesMax, segment_bytes_ / 2);
    std::size_t events = 0;  // of the last flush
    std::vector<Append> taken;
    std::vector<Append> group;
    for (;;) {
        {
            std::unique_lock lock{queue_mutex_};
            if (events >= kGatherFrom) gather(lock, events);
            if (queue_.empty() || events < kGatherFrom) {
                lock.unlock();
                hand_on_written();
                lock.lock();
            }
            // The wait has no deadline of its own: stop() ends it.
            queue_filled_.wait(lock, [this] { return !queue_.empty() || is_stopping_; });
            if (queue_.empty()) return;
            taken.swap(queue_);
            events = std::exchange(queued_events_, 0);
        }
        if (core::is_planted(core::PlantedBug::kAckBeforeDurable)) core::planted_delay();
        std::size_t at = 0;
        while (at < taken.size()) {
            group.clear();
            for (std::size_t bytes = 0; at < taken.size() && bytes < group_bytes_max; ++at) {
                bytes += bytes_of(taken[at]);
                group.push_back(std::move(taken[at]));
            }
            Result<void> committed = commit(group);
            if (!committed.has_value()) {
                std::move(taken.begin() + static_cast<std::ptrdiff_t>(at), taken.end(),
                          std::back_inserter(group));
                return fail(group, committed.error());
            }
        }
        taken.clear();
    }
}

// Under load a moment's wait makes one flush carry what two would, and wakes the threads behind it
// once. Whoever was just answered is expected to send again: with all of them there the wait is
// over.
void Journal::Writer::gather(std::unique_lock<std::mutex>& lock, std::size_t answered) {
    awaited_events_ = queued_events_ + answered;
    const auto wait_max =
        std::min<std::chrono::microseconds>(kGatherForEach * answered, kGatherMax);
    queue_filled_.wait_for(lock, wait_max,
                           [this] { return queued_events_ >= awaited_events_ || is_stopping_; });
    awaited_events_ = 0;
}

Result<void> Journal::Writer::commit(std::vector<Append>& group) {
    payload_.clear();
    std::uint32_t count = 0;
    for (const Append& append : group) {
        for (const Fact& fact : append.facts) encode(fact, payload_);
        count += static_cast<std::uint32_t>(append.facts.size());
    }
    may_give_up_ = std::any_of(group.begin(), group.end(),
                               [](const Append& append) { return append.is_refusable; });
    Position first = next_;
    bool is_early = core::is_planted(core::PlantedBug::kLaneMovesBeforeDurable) ||
                    core::is_planted(core::PlantedBug::kStatePastJournal);
    if (is_early) {
        on_batch_(batch_of(group, first, false));
        core::planted_delay();
    }
    core::fail_point("journal.before-write");
    if (Result<void> room = make_room(); !room.has_value()) {
        if (!room.error().is(kDiskFull) || !may_give_up_) return room;
        refuse(group, room.error());
        return group.empty() ? Result<void>{} : commit(group);
    }
    SYNCLINE_CHECK(write(first, count));
    core::fail_point("journal.after-sync");
    next_ = Position{next_.value + count};
    durable_ = next_.value - 1;  // before anyone learns of it: a backup has what was acknowledged
    acknowledge(group, first);
    if (!is_early) written_ = batch_of(group, first, true);
    core::fail_point("journal.after-acknowledge");
    return {};
}

// Nothing of the group is written yet: what must not be lost goes without what can come again.
void Journal::Writer::refuse(std::vector<Append>& group, const Error& error) {
    std::vector<Append> kept;
    for (Append& append : group) {
        if (!append.is_refusable) {
            kept.push_back(std::move(append));
        } else if (append.on_durable) {
            append.on_durable(error);
        }
    }
    group = std::move(kept);
}

Result<void> Journal::Writer::write(Position first, std::uint32_t count) {
    build_batch(current_->header().salt, first, count, payload_, block_);
    SYNCLINE_CHECK(current_->append(block_));
    metrics_.bytes.add(block_.size());
    hand_on_written();
    core::fail_point("journal.before-sync");
    const auto since = std::chrono::steady_clock::now();
    SYNCLINE_CHECK(current_->sync());
    metrics_.flush.observe(std::chrono::steady_clock::now() - since);
    return {};
}

// For the payload. Rolls to the next prepared file; the old one was flushed with its last batch.
Result<void> Journal::Writer::make_room() {
    const std::uint64_t bytes = batch_bytes(payload_.size());
    if (current_ && current_->room() >= bytes) return {};
    hand_on_written();  // what waits for room waits for what the state makes of it
    std::unique_lock lock{files_mutex_};
    Position last{next_.value - 1};
    if (current_) {
        used_.push_back(
            Segment{current_->path(), current_->header().number, last, {}, current_->bytes()});
        previous_last_ = last;
        current_.reset();
    }
    SYNCLINE_TRY(Segment spare, take_spare(lock, bytes));
    SegmentHeader header{spare.number, next_, previous_last_, std::random_device{}()};
    SYNCLINE_TRY(current_, SegmentWriter::begin(spare.file, header));
    has_files_work_ = true;
    files_changed_.notify_all();
    return {};
}

// Waits while the disk is full: what is waiting here are results and commands, which give room
// back. At the end of the hub not for ever, and not with an event that came when nobody knew yet.
Result<Journal::Segment> Journal::Writer::take_spare(std::unique_lock<std::mutex>& lock,
                                                     std::uint64_t bytes) {
    bool is_large = bytes + kBlockBytes > segment_bytes_;
    for (int waited = 0;; ++waited) {
        if (is_large) {
            // A batch larger than a file gets one of its own; it comes after the spares, which are
            // given up.
            for (const Segment& skipped : spares_) ::unlink(skipped.file.c_str());
            spares_.clear();
            Result<Segment> made = prepare(bytes + kBlockBytes, false);
            if (made.has_value()) SYNCLINE_CHECK(sync_directory(directory_));
            if (made.has_value() || !made.error().is(kDiskFull)) return made;
        } else if (!spares_.empty()) {
            Segment spare = std::move(spares_.front());
            spares_.pop_front();
            // The last one is for results and commands: events are refused from here on.
            if (is_full_ && spares_.empty()) has_room_ = false;
            return spare;
        }
        if ((is_ending_ && waited >= kPatienceAtStop) || (is_full_ && may_give_up_))
            return Error{kDiskFull, "no room for another journal file"};
        files_changed_.wait_for(lock, kRetryPrepareAfter);
    }
}

// Invariant 1: only now, behind the flush, may anyone learn that the facts are there.
void Journal::Writer::acknowledge(std::vector<Append>& group, Position first) {
    static std::atomic<unsigned> forgotten{0};
    Position position = first;
    for (Append& append : group) {
        bool is_forgotten =
            core::is_planted(core::PlantedBug::kLostWakeUp) && ++forgotten % 500 == 0;
        if (append.on_durable && !is_forgotten) append.on_durable(position);
        position = Position{position.value + append.facts.size()};
    }
}

// The threads behind work while this one waits for the disk, instead of before the senders have
// their answers.
void Journal::Writer::hand_on_written() {
    if (written_) on_batch_(*std::exchange(written_, std::nullopt));
}

DurableBatch Journal::Writer::batch_of(std::vector<Append>& group, Position first,
                                       bool is_written) {
    DurableBatch batch;
    Position position = first;
    std::size_t count = 0;
    for (const Append& append : group) count += append.facts.size();
    batch.facts.reserve(count);
    for (Append& append : group) {
        for (Fact& fact : append.facts) {
            batch.bytes += size_of(fact);
            // A planted bug hands facts on before they are written: then they are still needed
            // here.
            batch.facts.push_back(
                NumberedFact{position, is_written ? Fact{std::move(fact)} : fact});
            position = position.next();
        }
        if (append.on_applied) {
            batch.on_applied.emplace_back(Position{position.value - 1},
                                          std::move(append.on_applied));
        }
    }
    return batch;
}

// Nothing of the group may be acknowledged, and nothing may be written behind a batch of unknown
// fate.
void Journal::Writer::fail(std::vector<Append>& group, const Error& error) {
    std::vector<Append> waiting;
    {
        std::lock_guard lock{queue_mutex_};
        has_failed_ = true;
        waiting.swap(queue_);
    }
    for (std::vector<Append>* appends : {&group, &waiting}) {
        for (Append& append : *appends) {
            if (append.on_durable) append.on_durable(error);
        }
    }
    on_fatal_(error);
}

void Journal::Writer::run_files(std::uint64_t of_last_run) {
    core::name_this_thread("journal-files");
    std::unique_lock lock{files_mutex_};
    trim(of_last_run);
    while (!files_stopping_) {
        look_after_hold();
        while (history_bytes() > history_bytes_max_ && give_back_oldest()) {
        }
        Result<void> prepared = prepare_spares(lock);
        const bool is_safe = keeps_reserve();
        if (prepared.has_value() && !is_safe)
            prepared = Error{kDiskFull, "no room for the state to work off what waits"};
        if (files_stopping_) return;
        is_full_ = prepared.has_error();
        if (is_full_) {
            tell_full(prepared.error());
        } else if (std::exchange(is_told_full_, false)) {
            core::log_info("store", "there is room again");
        }
        has_room_ = is_safe && (!is_full_ || !spares_.empty());
        // What changed while the lock was not held must not wait for the next second.
        files_changed_.wait_for(lock, kRetryPrepareAfter,
                                [this] { return std::exchange(has_files_work_, false); });
    }
}

// A disk at its limit is full and not full many times a second.
void Journal::Writer::tell_full(const Error& error) {
    auto now = std::chrono::steady_clock::now();
    if (is_told_full_ || now - told_full_ < kTellFullEvery) return;
    is_told_full_ = true;
    told_full_ = now;
    core::log_error("store", error);
}

// Called with files_mutex_ held. The new epoch has sealed what the last run wrote, which was
// killed: else it would have done this itself. Without empty ends a hub that is often started keeps
// as much history as any other. Not while it starts: a file system may take ten milliseconds for
// it.
void Journal::Writer::trim(std::uint64_t of_last_run) {
    if (history_bytes_max_ == 0) return;
    const auto last = std::find_if(used_.begin(), used_.end(), [&](const Segment& segment) {
        return segment.number == of_last_run;
    });
    if (last == used_.end() || last->filled == 0) return;
    if (cut_empty_end(last->file, last->filled, last->bytes)) last->bytes = last->filled;
}

// Called with files_mutex_ held. What is in front and in the state for good. The newest full file
// is not of it: until the current one has its first flush, a power cut would leave a journal
// without any fact behind a state that has them.
std::uint64_t Journal::Writer::history_bytes() const {
    std::uint64_t bytes = 0;
    const std::size_t end = history_end();
    for (std::size_t i = 0; i < end; ++i)
        bytes += std::max(used_[i].bytes, segment_bytes_ / kShortFilesForOne);
    return bytes;
}

// Called with files_mutex_ held. How many files in front are history; what a hold keeps is none.
std::size_t Journal::Writer::history_end() const {
    const bool is_held = hold_ && !hold_->is_over();
    std::size_t end = 0;
    while (end + 1 < used_.size() && used_[end].last <= truncate_to_ &&
           !(is_held && used_[end].last >= hold_->from()))
        ++end;
    return end;
}

// Called with files_mutex_ held.
void Journal::Writer::look_after_hold() {
    if (!hold_) return;
    std::uint64_t bytes = 0;
    for (std::size_t i = history_end(); i + 1 < used_.size() && used_[i].last <= truncate_to_; ++i)
        bytes += used_[i].bytes;
    hold_->check(bytes);
    if (hold_->is_over()) hold_.reset();
}

std::shared_ptr<Hold> Journal::Writer::hold(const HoldLimits& limits) {
    std::lock_guard lock{files_mutex_};
    hold_ = std::make_shared<Hold>(truncate_to_, limits);
    return hold_;
}

// Called with files_mutex_ held, or before the threads start. False when there is no history.
bool Journal::Writer::give_back_oldest() {
    if (history_bytes() == 0) return false;
    Segment oldest = std::move(used_.front());
    used_.pop_front();
    recycle(std::move(oldest));
    return true;
}

// Called with files_mutex_ held. A backup is given up before an event is refused.
bool Journal::Writer::give_back_for_room() {
    if (give_back_oldest()) return true;
    if (!hold_) return false;
    std::exchange(hold_, nullptr)->end("the disk of the data directory is filling up");
    return give_back_oldest();
}

// Called with files_mutex_ held. Gives history back for it; false when the room that is left is for
// draining alone.
bool Journal::Writer::keeps_reserve() {
    Room room = room_of(directory_);
    while (room.free < reserve_of(room) && give_back_for_room()) room = room_of(directory_);
    return room.free >= reserve_of(room) / 2;
}

bool Journal::Writer::drop_history() {
    std::lock_guard lock{files_mutex_};
    if (!give_back_for_room()) return false;
    while (give_back_oldest()) {
    }
    return true;
}

std::vector<JournalFile> Journal::Writer::files() const {
    std::vector<JournalFile> files;
    std::lock_guard lock{files_mutex_};
    for (const Segment& segment : used_)
        files.push_back(JournalFile{segment.file, segment.number, segment.last});
    if (current_) {
        files.push_back(JournalFile{current_->path(), current_->header().number,
                                    Position{std::numeric_limits<std::uint64_t>::max()}});
    }
    return files;
}

// Fills up the spares.
Result<void> Journal::Writer::prepare_spares(std::unique_lock<std::mutex>& lock) {
    while (spares_.size() < kSparesKept && !files_stopping_) {
        std::uint64_t number = ++last_number_;
        std::filesystem::path file = segment_path(directory_, number);
        lock.unlock();
        Result<void> made = Error{kDiskFull, "no room for another journal file"};
        Room room = room_of(directory_);
        if (room.free >= segment_bytes_ + reserve_of(room))
            made = prepare_segment(file, segment_bytes_, true);
        if (made.has_value()) made = sync_directory(directory_);
        lock.lock();
        if (made.has_error() && made.error().is(kDiskFull) && give_back_for_room()) continue;
        SYNCLINE_CHECK(std::move(made));
        if (number < last_number_) {  // a large batch took a later number meanwhile
            ::unlink(file.c_str());
            continue;
        }
        spares_.push_back(Segment{file, number, {}, {}, segment_bytes_});
        files_changed_.notify_all();
    }
    return {};
}

// Called with files_mutex_ held. A file that is full of old batches is as good as one full of
// zeros: the checksum covers the position.
void Journal::Writer::recycle(Segment segment) {
    std::error_code error;
    bool is_regular_size =
        std::filesystem::file_size(segment.file, error) == segment_bytes_ && !error;
    if (spares_.size() >= kSparesKept || !is_regular_size) {
        ::unlink(segment.file.c_str());
        return;
    }
    std::uint64_t number = ++last_number_;
    std::filesystem::path file = segment_path(directory_, number);
    if (::rename(segment.file.c_str(), file.c_str()) != 0) return;
    if (!sync_directory(directory_).has_value()) return;
    spares_.push_back(Segment{file, number, {}, {}, segment_bytes_});
    files_changed_.notify_all();
}

// Called with files_mutex_ held, or before the threads start.
Result<Journal::Segment> Journal::Writer::prepare(std::uint64_t bytes, bool is_zeroed) {
    std::uint64_t number = ++last_number_;
    std::filesystem::path file = segment_path(directory_, number);
    SYNCLINE_CHECK(prepare_segment(file, bytes, is_zeroed));
    return Segment{file, number, {}, {}, bytes};
}

void Journal::Writer::truncate(Position position) {
    std::lock_guard lock{files_mutex_};
    truncate_to_ = std::max(truncate_to_, position);
    // Each commit may eat of the reserve, and the thread of the files may be late to see it.
    if (!keeps_reserve()) has_room_ = false;
    has_files_work_ = true;
    files_changed_.notify_all();
}

void Journal::Writer::stop() {
    is_ending_ = true;
    {
        std::lock_guard lock{queue_mutex_};
        is_stopping_ = true;
    }
    queue_filled_.notify_all();
    if (commits_thread_.joinable()) commits_thread_.join();
    {
        std::lock_guard lock{files_mutex_};
        files_stopping_ = true;
        has_files_work_ = true;
    }
    files_changed_.notify_all();
    if (!files_thread_.joinable()) return;
    files_thread_.join();
    // What ends with the last flush tells the next start as much as with zeros behind it. Should
    // the flush of the new length fail, the next start makes up for it. A disk that is full may
    // have left no file to write to.
    if (current_ && !has_failed_ && history_bytes_max_ > 0 &&
        cut_empty_end(current_->path(), current_->filled(), current_->bytes()))
        (void)current_->sync();
}

}  // namespace syncline::store
