#include "pipeline/sync.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "core/log.hpp"
#include "pipeline/errc.hpp"
#include "pipeline/page.hpp"
#include "pipeline/settle.hpp"
#include "schedule/backoff.hpp"
#include "store/codec.hpp"

namespace syncline::pipeline {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kWaitingRecordsMax = 10'000;
constexpr std::chrono::nanoseconds kLookAgain = 50ms;
constexpr std::uint32_t kRestartsMax = 3;
constexpr std::uint32_t kBugAttemptsMax = 3;

// Where runs are kept: in the id map of no account, whose numbers begin at 1.
constexpr store::AccountId kHubItself = 0;
constexpr const char* kRuns = "sync";

}  // namespace

Sync::Reading::Reading(const ConnectionPlan& plan)
    : stream(plan.source_stream),
      records_max(plan.source->manifest().stream(plan.source_stream)->read_records_max),
      source(plan.source),
      policy(plan.policy) {}

Sync::Sync(const ConnectionPlan& plan, store::Store& store, std::shared_ptr<const GuardedTime> time,
           std::shared_ptr<boost::asio::thread_pool> cpu)
    : connection_(plan.id),
      name_(plan.name),
      route_(plan.sync_route),
      store_(store),
      time_(std::move(time)),
      cpu_(std::move(cpu)),
      strand_(boost::asio::make_strand(*cpu_)),
      reading_(plan),
      timer_(strand_) {}

void Sync::change(const ConnectionPlan& plan) {
    boost::asio::post(strand_, [self = shared_from_this(), next = Reading{plan}]() mutable {
        self->reading_ = std::move(next);
    });
}

Result<void> Sync::begin() {
    {
        const std::lock_guard lock{mutex_};
        if (progress_.stage == Stage::kRunning)
            return Error{kSyncRunning, "a run of the connection " + name_ + " is under way"};
        progress_ = {};
        progress_.stage = Stage::kRunning;
    }
    boost::asio::post(strand_, [self = shared_from_this()] { self->load(); });
    return {};
}

Sync::Progress Sync::progress() const {
    const std::lock_guard lock{mutex_};
    return progress_;
}

void Sync::stop() {
    if (is_stopping_.exchange(true)) return;
    boost::asio::post(strand_, [self = shared_from_this()] { self->timer_.cancel(); });
}

void Sync::load() {
    attempts_ = 0;
    const bool is_asked = store_.ask([self = shared_from_this()](store::State& state) {
        auto found = state.mapped_id(kHubItself, kRuns, std::to_string(self->connection_));
        boost::asio::post(self->strand_, [self, found = std::move(found)]() mutable {
            self->go_on(std::move(found));
        });
    });
    if (!is_asked) fail("it was stopped");
}

// Behind the last page that is durable, if there is one.
void Sync::go_on(Result<std::optional<std::string>> found) {
    if (!found.has_value()) return fail(found.error().to_string());
    row_ = {};
    if (found->has_value()) {
        store::Reader in{**found};
        row_.cursor = in.text();
        row_.pages = in.integer<std::uint64_t>();
        row_.records = in.integer<std::uint64_t>();
        row_.restarts = in.integer<std::uint32_t>();
        if (!in.at_end()) row_ = {};
    }
    {
        const std::lock_guard lock{mutex_};
        progress_.is_continued = row_.pages > 0;
    }
    report(Stage::kRunning, "", "");
    look_for_room();
}

// The pages come as fast as their records go: a run takes neither memory nor disk from the
// webhooks.
void Sync::look_for_room() {
    if (is_stopping_) return fail("it was stopped");
    if (auto room = store_.check_room(); !room.has_value())
        return wait(1s, room.error().what(), &Sync::look_for_room);
    const bool is_asked = store_.ask([self = shared_from_this()](store::State& state) {
        const auto ledger = state.connection_ledgers().find(self->connection_);
        const bool is_full = (ledger != state.connection_ledgers().end() &&
                              ledger->second.pending > kWaitingRecordsMax) ||
                             state.pending_events(self->route_) > 0;
        boost::asio::post(self->strand_, [self, is_full] {
            if (!is_full) return self->read();
            self->wait(kLookAgain, "its records to be delivered", &Sync::look_for_room);
        });
    });
    if (!is_asked) fail("it was stopped");
}

void Sync::read() {
    if (is_stopping_) return fail("it was stopped");
    report(Stage::kRunning, "", "");
    plugin::ReadRequest request;
    request.stream = reading_.stream;
    request.cursor = row_.cursor;
    request.is_full = true;
    request.records_max = reading_.records_max;
    request.timeout = reading_.policy.timeout;
    // Weak: a source that completes after the pipeline's end finds nobody.
    reading_.source->read(std::move(request), [weak = weak_from_this()](plugin::ReadResult result) {
        const auto self = weak.lock();
        if (self == nullptr) return;
        boost::asio::post(self->strand_, [self, result = std::move(result)]() mutable {
            self->take(std::move(result));
        });
    });
}

void Sync::take(plugin::ReadResult result) {
    if (is_stopping_) return fail("it was stopped");
    if (result.failure.failure_class != plugin::FailureClass::kNone)
        return fail_page(result.failure);
    attempts_ = 0;
    Row next = row_;
    next.cursor = std::move(result.cursor);
    ++next.pages;
    next.records += result.records.size();
    std::vector<store::Fact> facts;
    if (!result.records.empty()) {
        Result<store::Fact> event = event_of(result.records);
        if (!event.has_value()) return fail(event.error().to_string());
        facts.push_back(std::move(*event));
    }
    keep(std::move(next), std::move(facts), !result.has_more);
}

Result<store::Fact> Sync::event_of(const std::vector<record::Record>& records) {
    store::Received event;
    event.route = route_;
    event.received_ns = time_->now_ns();
    SYNCLINE_TRY(event.body, store_.bodies().keep(encode_page(records)));
    return store::Fact{std::move(event)};
}

store::Fact Sync::row_fact(const std::optional<Row>& row) const {
    store::IdsMapped fact;
    fact.account = kHubItself;
    std::string value;
    if (row) {
        store::Writer out;
        out.text(row->cursor).integer(row->pages).integer(row->records).integer(row->restarts);
        value = out.take();
    }
    fact.entries.push_back({kRuns, std::to_string(connection_), std::move(value)});
    return fact;
}

// All that is appended together is durable, or nothing of it.
void Sync::keep(Row next, std::vector<store::Fact> facts, bool is_end) {
    store::Append append;
    append.facts = std::move(facts);
    append.facts.push_back(row_fact(is_end ? std::nullopt : std::optional{next}));
    append.on_applied = [self = shared_from_this(), next = std::move(next),
                         is_end](std::optional<Error>) {
        boost::asio::post(self->strand_, [self, next, is_end] {
            self->row_ = next;
            self->report(is_end ? Stage::kDone : Stage::kRunning, "", "");
            if (!is_end) self->look_for_room();
        });
    };
    store_.append(std::move(append));
}

void Sync::fail_page(const plugin::Failure& failure) {
    if (is_stopping_) return fail("it was stopped");
    const std::string why =
        std::string{plugin::to_string(failure.failure_class)} + ": " + bounded(failure.message);
    if (failure.failure_class == plugin::FailureClass::kCursorInvalid) {
        if (row_.cursor.empty() || row_.restarts >= kRestartsMax) return fail(why);
        core::log_warning("sync", "a run begins anew, because its cursor is not known any more",
                          {{"connection", name_}, {"why", bounded(failure.message)}});
        Row anew;
        anew.restarts = row_.restarts + 1;
        return keep(std::move(anew), {}, false);
    }
    ++attempts_;
    const bool is_bug = failure.failure_class == plugin::FailureClass::kPluginBug;
    const std::uint32_t attempts_max = is_bug
                                           ? std::min(reading_.policy.attempts_max, kBugAttemptsMax)
                                           : reading_.policy.attempts_max;
    const plugin::Outcome outcome{plugin::OutcomeKind::kFailed, failure, "", ""};
    if (!may_be_repeated(outcome) || attempts_ >= attempts_max) return fail(why);
    std::optional<std::chrono::seconds> retry_after;
    if (failure.retry_after_ms >= 0) {
        retry_after = std::chrono::ceil<std::chrono::seconds>(
            std::chrono::milliseconds{failure.retry_after_ms});
    }
    const schedule::Backoff backoff{reading_.policy.retry_base, reading_.policy.retry_max};
    wait(schedule::delay_after(backoff, attempts_, random_(), retry_after), why,
         &Sync::look_for_room);
}

void Sync::fail(std::string why) {
    core::log_warning("sync", "a run has failed", {{"connection", name_}, {"why", why}});
    report(Stage::kFailed, "", std::move(why));
}

void Sync::wait(std::chrono::nanoseconds time, std::string why, void (Sync::*then)()) {
    report(Stage::kRunning, std::move(why), "");
    timer_.expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(time));
    timer_.async_wait([self = shared_from_this(), then](const boost::system::error_code&) {
        (*self.*then)();  // which sees when it is to stop
    });
    if (is_stopping_) timer_.cancel();
}

void Sync::report(Stage stage, std::string waits_for, std::string failure) {
    const std::lock_guard lock{mutex_};
    progress_.stage = stage;
    progress_.pages = row_.pages;
    progress_.records = row_.records;
    progress_.restarts = row_.restarts;
    progress_.waits_for = std::move(waits_for);
    progress_.failure = std::move(failure);
}

}  // namespace syncline::pipeline
