#include "store/store.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "core/assert.hpp"
#include "core/fault.hpp"
#include "core/log.hpp"
#include "core/thread_name.hpp"
#include "store/check.hpp"
#include "store/committer.hpp"
#include "store/errc.hpp"
#include "store/file.hpp"

namespace syncline::store {
namespace {

constexpr std::chrono::seconds kRetryCommitAfter{1};
constexpr std::chrono::nanoseconds kSweepEvery = std::chrono::minutes{1};
constexpr std::chrono::nanoseconds kCheckReadersEvery = std::chrono::seconds{30};
constexpr std::chrono::nanoseconds kReportAlteredEvery = std::chrono::minutes{1};

// 0 for facts of another kind.
RouteId route_of(const Fact& fact) {
    const auto* received = std::get_if<Received>(&fact);
    return received == nullptr ? 0 : received->route;
}

std::uint64_t random_seed() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

}  // namespace

Store::Store(Options options, DataDir directory, std::unique_ptr<Database> database)
    : options_(std::move(options)),
      directory_(std::move(directory)),
      bodies_(directory_.bodies()),
      database_(std::move(database)),
      state_(*database_) {}

Result<std::unique_ptr<Store>> Store::open(Options options) {
    SYNCLINE_TRY(DataDir directory,
                 DataDir::open(options.data_dir, options.allow_unsafe_filesystem));
    return open(std::move(options), std::move(directory));
}

Result<std::unique_ptr<Store>> Store::open(Options options, DataDir directory) {
    SYNCLINE_ASSERT(options.clock != nullptr);
    SYNCLINE_CHECK(check_state(directory.state()));
    Database::Options database_options{directory.state(), options.map_bytes, false};
    SYNCLINE_TRY(std::unique_ptr<Database> database, Database::open(std::move(database_options)));
    database->clear_stale_readers();
    // What is in memory has to fit into what a full disk keeps free for it.
    options.unapplied_bytes_max =
        std::min(options.unapplied_bytes_max, reserve_of(room_of(directory.path())) / 2);
    std::unique_ptr<Store> store{
        new Store{std::move(options), std::move(directory), std::move(database)}};
    SYNCLINE_CHECK(store->recover());
    return store;
}

Store::~Store() {
    stop();
}

Result<void> Store::recover() {
    SYNCLINE_CHECK(state_.load());
    if (state_.hash_seed() == 0) state_.create(random_seed());
    hash_seed_ = state_.hash_seed();
    committed_ = state_.applied().value;

    Journal::Options journal_options;
    journal_options.directory = directory_.journal();
    journal_options.segment_bytes = options_.segment_bytes;
    journal_options.applied = state_.applied();
    journal_options.history_bytes_max = options_.history_bytes_max;
    journal_options.on_batch = [this](DurableBatch batch) {
        std::lock_guard lock{inbox_mutex_};
        batches_.push_back(std::move(batch));
        inbox_filled_.notify_one();
    };
    journal_options.on_fatal = [this](const Error& error) { fail(error); };
    SYNCLINE_TRY(journal_, Journal::open(std::move(journal_options)));

    // Rule 1: a state that knows more than the journal, or a journal that begins behind the state,
    // is a mixture of two histories.
    if (state_.applied() > journal_->last()) {
        return Error{kStateAhead, "the state has facts up to " + to_string(state_.applied()) +
                                      ", the journal ends at " + to_string(journal_->last())};
    }
    if (journal_->before_first() > state_.applied()) {
        return Error{kJournalDamaged, "the journal begins after " +
                                          to_string(journal_->before_first()) +
                                          ", the state ends at " + to_string(state_.applied())};
    }
    std::uint64_t replayed = 0;
    SYNCLINE_CHECK(journal_->replay(state_.applied(), [&](NumberedFact fact) -> Result<void> {
        ++replayed;
        SYNCLINE_TRY(Applied applied, state_.apply(fact));
        (void)applied;
        (void)state_.take_outcome_news();  // nobody waits yet
        if (state_.overlay().dirty_bytes() > options_.commit_bytes) SYNCLINE_CHECK(commit_here());
        return {};
    }));
    SYNCLINE_TRY(std::vector<std::string> referenced, state_.body_files());
    bodies_.remove_orphans({referenced.begin(), referenced.end()});
    (void)state_.take_dropped_bodies();
    if (replayed > 0) {
        core::log_info("store", "brought the state up to date",
                       {{"facts", replayed}, {"position", to_string(state_.applied())}});
    }
    return {};
}

// Before the threads run: writes what the overlay holds.
Result<void> Store::commit_here() {
    state_.seal();
    SYNCLINE_CHECK(commit_overlay(*database_, directory_, state_.overlay()));
    committed_ = state_.applied().value;
    return {};
}

Result<void> Store::start(Observer* observer) {
    observer_ = observer;
    directory_.make_ballast();
    // After an orderly end there is nothing that the last commit does not have.
    if (state_.overlay().is_dirty() || state_.applied().value > committed_)
        SYNCLINE_CHECK(commit_here());
    SYNCLINE_TRY(const std::uint64_t skipped, epochs_to_skip(directory_.path()));
    const std::uint64_t known = std::max(state_.applied(), journal_->last()).epoch();
    EpochBegan began{options_.clock->wall_ns(), options_.version};
    SYNCLINE_TRY(NumberedFact first, journal_->begin(known + skipped, std::move(began)));
    if (skipped > 0) SYNCLINE_CHECK(mark_restored(directory_.path()));
    SYNCLINE_TRY(Applied applied, state_.apply(first));
    (void)applied;
    bodies_.set_epoch(first.position.epoch());
    publish();
    last_commit_ = options_.clock->monotonic();
    commits_thread_ = std::thread{[this] { run_commits(); }};
    state_thread_ = std::thread{[this] { run_state(); }};
    return {};
}

// Rule 10: events are refused while what was taken before is not worked off; results never are.
Result<void> Store::check_room() const {
    if (has_failed_) return Error{kStopping, "the hub is stopping"};
    if (!journal_->has_room()) return Error{kDiskFull, "the disk has no room for new events"};
    std::uint64_t in_memory = unapplied_bytes_ + overlay_bytes_;
    if (in_memory > options_.unapplied_bytes_max)
        return Error{kBusy, "too much waits to be applied"};
    if (pending_bytes_ > options_.pending_bytes_max)
        return Error{kQuota, "the backlog has reached its quota"};
    return {};
}

Result<void> Store::append_event(Received event, std::function<void(Result<Position>)> on_durable) {
    SYNCLINE_CHECK(check_room());
    Append append;
    append.is_refusable = true;
    append.facts.emplace_back(std::move(event));
    append.on_durable = [this, bytes = size_of(append.facts.front()),
                         done = std::move(on_durable)](Result<Position> position) {
        if (position.has_error()) unapplied_bytes_ -= bytes;
        if (done) done(std::move(position));
    };
    this->append(std::move(append));
    return {};
}

void Store::append(Append append) {
    for (const Fact& fact : append.facts) unapplied_bytes_ += size_of(fact);
    journal_->append(std::move(append));
}

bool Store::ask(std::function<void(State&)> question) {
    std::lock_guard lock{inbox_mutex_};
    if (is_stopping_ || has_failed_ || !state_thread_.joinable()) return false;
    questions_.push_back(std::move(question));
    inbox_filled_.notify_one();
    return true;
}

bool Store::await_outcome(OutcomeQuestion question) {
    return ask(
        [this, asked = std::move(question)](State&) mutable { waiters_.add(std::move(asked)); });
}

void Store::forget_outcome(std::uint64_t ticket) {
    ask([this, ticket](State&) { waiters_.forget(ticket); });
}

void Store::wake() {
    std::lock_guard lock{inbox_mutex_};
    is_woken_ = true;
    inbox_filled_.notify_one();
}

Result<BackupManifest> Store::back_up(const BackupOptions& options) {
    if (is_backing_up_.exchange(true))
        return Error{kBackupRunning, "a backup is being made already"};
    Result<BackupManifest> made =
        make_backup(BackupSource{directory_, *database_, *journal_, bodies_}, options);
    is_backing_up_ = false;
    return made;
}

StoreStatus Store::status() const {
    StoreStatus status;
    status.applied.value = applied_;
    status.committed.value = committed_;
    status.pending_bytes = pending_bytes_;
    status.unapplied_bytes = unapplied_bytes_;
    status.altered_repeats = altered_repeats_;
    status.has_room = journal_->has_room();
    return status;
}

void Store::run_state() {
    core::name_this_thread("state");
    std::vector<DurableBatch> batches;
    std::vector<std::function<void(State&)>> questions;
    std::optional<std::chrono::nanoseconds> call_again;
    for (;;) {
        std::optional<Result<void>> committed;
        bool is_last = false;
        {
            std::unique_lock lock{inbox_mutex_};
            auto has_work = [this] {
                return !batches_.empty() || !questions_.empty() || is_woken_ || is_stopping_ ||
                       commit_result_;
            };
            std::chrono::nanoseconds now = options_.clock->monotonic();
            std::chrono::nanoseconds until = now + kSweepEvery;
            if (call_again) until = std::min(until, *call_again);
            if (needs_commit()) until = std::min(until, last_commit_ + options_.commit_interval);
            if (until > now) inbox_filled_.wait_for(lock, until - now, has_work);
            batches.swap(batches_);
            questions.swap(questions_);
            is_woken_ = false;
            committed = std::exchange(commit_result_, std::nullopt);
            is_last = is_stopping_ && batches.empty() && questions.empty();
        }
        if (has_failed_) return;
        for (DurableBatch& batch : batches) {
            if (!apply_batch(batch)) return;
        }
        batches.clear();
        for (auto& question : questions) question(state_);
        questions.clear();
        if (has_failed_) return;  // a map that could not grow is no map to read from
        if (committed) {
            if (Result<void> finished = committed->has_value() ? finish_commit() : *committed;
                !finished.has_value()) {
                return fail(finished.error());
            }
        }
        if (Result<void> told = waiters_.look(state_); !told.has_value()) return fail(told.error());
        if (is_last) return;
        Result<std::optional<std::chrono::nanoseconds>> next = observer_->on_state(state_);
        if (!next.has_value()) return fail(next.error());
        call_again = *next;
        publish();
        begin_commit();
    }
}

bool Store::apply_batch(DurableBatch& batch) {
    auto waiting = batch.on_applied.begin();
    for (NumberedFact& fact : batch.facts) {
        Position position = fact.position;
        const RouteId route = route_of(fact.fact);
        Result<Applied> applied = state_.apply(std::move(fact));
        if (!applied.has_value()) {
            fail(applied.error());
            return false;
        }
        if (applied->is_altered_repeat) report_altered_repeat(route);
        if (waiting != batch.on_applied.end() && waiting->first == position) {
            waiting->second(std::move(applied->rejection));
            ++waiting;
        }
    }
    unapplied_bytes_ -= batch.bytes;
    return true;
}

// Whoever sends may do this as often as they like: the log hears of it now and then.
void Store::report_altered_repeat(RouteId route) {
    const std::uint64_t count = ++altered_repeats_;
    const std::chrono::nanoseconds now = options_.clock->monotonic();
    if (altered_reported_ && now - *altered_reported_ < kReportAlteredEvery) return;
    altered_reported_ = now;
    const auto& routes = state_.names(NameKind::kRoute);
    auto named = routes.find(route);
    core::log_warning(
        "store", "a message id came again with another body; it counts as a duplicate",
        {{"route", named == routes.end() ? "" : named->second.name}, {"since_start", count}});
}

void Store::publish() {
    pending_bytes_ = state_.pending_bytes();
    overlay_bytes_ = state_.overlay().dirty_bytes() + state_.overlay().frozen_bytes();
    applied_ = state_.applied().value;
}

// Facts that leave nothing but counters behind need a commit as well: until then their segments
// can't go.
bool Store::needs_commit() {
    if (core::is_planted(core::PlantedBug::kLaneMovesBeforeDurable)) return false;
    Overlay& overlay = state_.overlay();
    return !overlay.is_frozen() && (overlay.is_dirty() || state_.applied().value > committed_);
}

// Hands the changes to the committing thread when there are enough of them, or they are old enough.
void Store::begin_commit() {
    if (!needs_commit()) return;
    Overlay& overlay = state_.overlay();
    std::chrono::nanoseconds now = options_.clock->monotonic();
    bool is_due = now - last_commit_ >= options_.commit_interval ||
                  overlay.dirty_bytes() >= options_.commit_bytes ||
                  core::is_planted(core::PlantedBug::kStatePastJournal);
    if (!is_due) return;
    last_commit_ = now;
    state_.seal();
    committing_ = state_.applied();
    dropping_ = state_.take_dropped_bodies();
    std::lock_guard lock{commit_mutex_};
    to_commit_ = overlay.freeze();
    commit_asked_.notify_one();
}

Result<void> Store::finish_commit() {
    database_->renew();
    std::shared_ptr<const Overlay::Layer> spent = state_.overlay().thaw();
    {
        std::lock_guard lock{commit_mutex_};
        to_free_ = std::move(spent);
        commit_asked_.notify_one();
    }
    committed_ = committing_.value;
    bodies_.remove(dropping_);
    dropping_.clear();
    // Rule 8: whatever outlives a segment was copied by apply, and is committed now.
    journal_->truncate(committing_);
    return {};
}

// On the thread that reads, while nobody writes. After an error the database can't be used any
// more.
Result<void> Store::grow_map() {
    database_->release();
    Result<void> grown = database_->grow();
    if (grown.has_value()) {
        database_->renew();
    } else {
        fail(grown.error());
    }
    return grown;
}

void Store::run_commits() {
    core::name_this_thread("commit");
    std::chrono::nanoseconds last_reader_check = options_.clock->monotonic();
    for (;;) {
        std::shared_ptr<const Overlay::Layer> layer, spent;
        {
            std::unique_lock lock{commit_mutex_};
            commit_asked_.wait(lock,
                               [this] { return to_commit_ || to_free_ || commits_stopping_; });
            spent = std::exchange(to_free_, nullptr);
            layer = std::exchange(to_commit_, nullptr);
            if (!layer && !spent) return;
        }
        spent.reset();
        if (!layer) continue;
        Result<void> written = write_layer(*database_, directory_, *layer);
        bool is_reported = false;
        while (!written.has_value() &&
               (written.error().is(kDiskFull) || written.error().is(kMapFull))) {
            if (written.error().is(kMapFull)) {
                // The reader belongs to the state's thread: it has to let go while the map moves.
                auto grown = std::make_shared<std::optional<Result<void>>>();
                std::unique_lock lock{commit_mutex_};
                auto grow = [this, grown](State&) {
                    Result<void> result = grow_map();
                    std::lock_guard done{commit_mutex_};
                    *grown = std::move(result);
                    commit_asked_.notify_all();
                };
                bool is_asked = ask(std::move(grow));
                commit_asked_.wait(lock, [&] { return grown->has_value() || commits_stopping_; });
                // At the end of the hub nobody reads any more.
                if (!grown->has_value() && !is_asked) *grown = grow_map();
                if (!grown->has_value() || !(*grown)->has_value()) break;
            } else {
                if (!std::exchange(is_reported, true)) core::log_error("store", written.error());
                std::unique_lock lock{commit_mutex_};
                if (!journal_->drop_history() && !directory_.drop_ballast() &&
                    commit_asked_.wait_for(lock, kRetryCommitAfter,
                                           [this] { return commits_stopping_; })) {
                    break;
                }
            }
            written = write_layer(*database_, directory_, *layer);
        }
        if (is_reported && written.has_value()) directory_.make_ballast();
        std::chrono::nanoseconds now = options_.clock->monotonic();
        if (now - last_reader_check >= kCheckReadersEvery) {
            // What a killed process (a backup, a check) had open would keep pages for ever.
            database_->clear_stale_readers();
            last_reader_check = now;
        }
        std::lock_guard lock{inbox_mutex_};
        commit_result_ = std::move(written);
        inbox_filled_.notify_one();
    }
}

void Store::fail(const Error& error) {
    if (has_failed_.exchange(true)) return;
    options_.on_fatal(error);
    std::lock_guard lock{inbox_mutex_};
    inbox_filled_.notify_one();
}

void Store::stop() {
    if (!state_thread_.joinable()) return;
    journal_->stop();
    {
        std::lock_guard lock{inbox_mutex_};
        is_stopping_ = true;
        inbox_filled_.notify_one();
    }
    state_thread_.join();
    {
        std::lock_guard lock{commit_mutex_};
        commits_stopping_ = true;
        commit_asked_.notify_one();
    }
    commits_thread_.join();
    if (has_failed_) return;
    if (state_.overlay().is_frozen()) {
        if (!commit_result_ || !commit_result_->has_value())
            return;  // the next start replays the journal
        (void)finish_commit();
    }
    Result<void> committed = commit_here();
    if (!committed.has_value()) return core::log_error("store", committed.error());
    bodies_.remove(state_.take_dropped_bodies());
}

}  // namespace syncline::store
