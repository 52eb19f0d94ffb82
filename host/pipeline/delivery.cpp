#include "pipeline/delivery.hpp"

#include <algorithm>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "core/assert.hpp"
#include "core/fault.hpp"
#include "core/hash.hpp"
#include "core/log.hpp"
#include "pipeline/settle.hpp"
#include "pipeline/suspects.hpp"
#include "store/tables.hpp"

namespace syncline::pipeline {

using std::chrono::steady_clock;

namespace {

// Of the record on its connection in this installation: the same for every attempt.
std::string idempotency_key(const store::LaneHead& head, std::uint64_t seed) {
    return core::to_hex(core::hash128(store::ready_key(head.connection, head.record), seed).view());
}

store::IdsMapped mapped(const ConnectionPlan& plan, std::vector<plugin::IdMapping> ids) {
    store::IdsMapped fact;
    fact.account = plan.destination_account_id;
    for (plugin::IdMapping& id : ids)
        fact.entries.push_back({std::move(id.name_space), std::move(id.key), std::move(id.value)});
    return fact;
}

std::size_t lane_max_of(const ConnectionPlan& plan) {
    for (const plugin::StreamSpec& stream : plan.destination->manifest().streams) {
        if (stream.name == plan.destination_stream && stream.is_destination &&
            stream.takes_ordered_batches)
            return plan.policy.batch_records;
    }
    return 1;
}

// The key map as it will be when the record has been delivered.
store::KeyMapRow delivered(const store::LaneHead& head, const record::Fingerprint& fingerprint) {
    store::KeyMapRow row = head.key_map.value_or(store::KeyMapRow{});
    row.is_unknown = false;
    row.last = std::max(row.last, head.record);
    row.row_hash = fingerprint.row;
    row.field_hashes = record::encode_field_hashes(fingerprint.fields);
    return row;
}

// May the record have had an effect although one before it was not delivered?
bool may_have_effect(const plugin::Outcome& outcome) {
    return outcome.kind == plugin::OutcomeKind::kDone ||
           outcome.kind == plugin::OutcomeKind::kUnknown;
}

}  // namespace

Delivery::Delivery(ConnectionPlan plan, store::Store& store, std::shared_ptr<Platform> platform,
                   std::shared_ptr<DeliveryMetrics> metrics,
                   std::shared_ptr<const GuardedTime> time,
                   std::shared_ptr<boost::asio::thread_pool> cpu)
    : plan_(std::move(plan)),
      lane_max_(lane_max_of(plan_)),
      store_(store),
      platform_(std::move(platform)),
      time_(std::move(time)),
      cpu_(std::move(cpu)),
      strand_(boost::asio::make_strand(*cpu_)),
      metrics_(std::move(metrics)),
      timer_(strand_),
      fetching_(plan_),
      fetch_timer_(strand_) {}

Result<std::optional<std::int64_t>> Delivery::pump(store::State& state, bool is_upstream_quiet) {
    if (is_stopping_) return std::optional<std::int64_t>{};
    for (const std::string& lane : std::exchange(lanes_over_, {}))
        SYNCLINE_CHECK(state.give_back(plan_.id, lane));
    if (is_retired_) {
        SYNCLINE_CHECK(give_back_rest(state));
        return std::optional<std::int64_t>{};
    }
    std::int64_t now_ns = time_->now_ns();
    const std::size_t sent_max = std::size_t{plan_.policy.batch_records} * plan_.policy.concurrency;
    const std::size_t out_max =
        sent_max + plan_.policy.batch_records + std::min<std::size_t>(records_answered_, sent_max);
    std::vector<store::LaneHead> heads;
    if (records_out_ < out_max) {
        SYNCLINE_TRY(heads, state.take_lanes(plan_.id, out_max - records_out_, now_ns, lane_max_));
    }
    records_out_ += heads.size();
    SYNCLINE_TRY(bool has_more, state.has_ready(plan_.id, now_ns));
    bool is_quiet = is_upstream_quiet && !has_more;
    if (!heads.empty() || is_quiet != was_quiet_) {
        was_quiet_ = is_quiet;
        boost::asio::post(
            strand_, [self = shared_from_this(), taken = std::move(heads), is_quiet]() mutable {
                self->consider(std::move(taken), is_quiet);
            });
    }
    is_full_ = records_out_ >= out_max;
    if (is_full_) return std::optional<std::int64_t>{};  // a result will call again
    return state.next_due(plan_.id, now_ns);
}

void Delivery::stop() {
    is_stopping_ = true;
    boost::asio::post(strand_, [self = shared_from_this()] {
        self->filling_.clear();  // never sent: the next start takes them again
        self->fetching_.clear();
        self->timer_.cancel();
        self->fetch_timer_.cancel();
    });
}

void Delivery::append(Results results) {
    if (results.facts.empty()) return give_back(results.left, std::move(results.lanes));
    if (plan_.suspects) plan_.suspects->forget(results.set_aside);
    store::Append append;
    std::size_t count = results.facts.size() + results.left;
    append.facts = std::move(results.facts);
    if (!results.ids.empty()) append.facts.emplace_back(mapped(plan_, std::move(results.ids)));
    append.on_applied = [self = shared_from_this(), count, lanes = std::move(results.lanes),
                         ids_kept = std::move(results.ids_kept)](std::optional<Error>) {
        if (ids_kept) ids_kept();
        SYNCLINE_ASSERT(self->records_out_ >= count);
        self->records_out_ -= count;
        self->records_answered_ -= count;
        self->lanes_over_.insert(self->lanes_over_.end(), lanes.begin(), lanes.end());
    };
    records_answered_ += count;
    store_.append(std::move(append));
    if (is_full_) store_.wake();
}

// Without any fact, as if they had never been taken.
void Delivery::give_back(std::size_t count, std::vector<std::string> lanes) {
    if (lanes.empty()) return;
    const bool is_asked =
        store_.ask([self = shared_from_this(), count, over = std::move(lanes)](store::State&) {
            SYNCLINE_ASSERT(self->records_out_ >= count);
            self->records_out_ -= count;
            self->lanes_over_.insert(self->lanes_over_.end(), over.begin(), over.end());
        });
    if (is_asked) store_.wake();  // the account may be back already
}

store::Settled Delivery::settle_dead(const store::LaneHead& head, store::FailureNote why) {
    store::Settled fact = settled(head, store::Settlement::kDead, time_->now_ns());
    metrics_->count_failure(why.failure_class);
    fact.failure = std::move(why);
    return fact;
}

void Delivery::consider(std::vector<store::LaneHead> heads, bool is_quiet) {
    is_quiet_ = is_quiet;
    if (is_stopping_) return;
    if (is_retired_) return take_back(std::move(heads));
    Results results;
    Chain chain;
    for (std::size_t i = 0; i < heads.size(); ++i) {
        const bool is_last = i + 1 == heads.size() || !heads[i + 1].is_follower;
        const bool ends_chain = heads[i].is_chained && is_last;
        std::string lane = ends_chain ? heads[i].lane : "";
        consider(std::move(heads[i]), chain, results);
        if (ends_chain && !chain.is_sending) results.lanes.push_back(std::move(lane));
    }
    append(std::move(results));
    fetch();
    flush();
}

Decision Delivery::decide_on(const store::LaneHead& head) const {
    if (head.row->body.file.empty())
        return decide(plan_, head, head.row->body.text, store_.hash_seed());
    Result<std::string> body = store_.bodies().read(head.row->body);
    if (!body.has_value()) return Unmappable{body.error()};
    return decide(plan_, head, *body, store_.hash_seed());
}

// A record that follows one in a batch goes into the batch or back: what needs no write is settled
// only when nothing before it in its lane is on its way.
void Delivery::consider(store::LaneHead head, Chain& chain, Results& results) {
    if (!head.is_follower) chain = Chain{};
    if (head.is_follower && chain.key_map) head.key_map = chain.key_map;
    const bool is_older = head.key_map && !head.is_forced && head.key_map->last > head.record;
    const bool is_suspect = plan_.suspects && plan_.suspects->has(subject_of(head));
    if (is_suspect && !chain.is_sending) {
        const plugin::Failure why = plan_.suspects->set_aside(subject_of(head));
        results.set_aside.push_back(subject_of(head));
        results.facts.emplace_back(
            settle_dead(head, {std::string{plugin::to_string(why.failure_class)},
                               bounded(why.message), why.provider_code}));
        return;
    }
    if (head.row->operation == record::Operation::kFetch && !is_older)
        return fetching_.add(std::move(head));
    chain.is_cut |= is_suspect;  // it is set aside when nothing before it is on its way
    if (chain.is_cut) return void(++filling_.back().left);
    Decision decision = decide_on(head);
    auto* send = std::get_if<Send>(&decision);
    if (chain.is_sending && send == nullptr) {
        chain.is_cut = true;
        ++filling_.back().left;
    } else if (send != nullptr) {
        head.is_follower = chain.is_sending;  // what was before it is settled otherwise
        chain.is_sending = true;
        if (head.is_chained) chain.key_map = delivered(head, send->fingerprint);
        if (filling_.empty()) filling_since_ = steady_clock::now();
        filling_bytes_ += send->body.size();
        if (is_awaited(head)) ++filling_awaited_;
        filling_.push_back(Prepared{std::move(head), std::move(*send)});
    } else if (auto* unchanged = std::get_if<Unchanged>(&decision)) {
        store::Settled fact = settled(head, store::Settlement::kUnchanged, time_->now_ns());
        fact.row_hash = unchanged->row_hash;
        results.facts.emplace_back(std::move(fact));
    } else if (auto* unmappable = std::get_if<Unmappable>(&decision)) {
        results.facts.emplace_back(settle_dead(head, {"mapping", bounded(unmappable->error.what()),
                                                      std::string{unmappable->error.code()}}));
    } else {
        bool is_filtered = std::holds_alternative<Filtered>(decision);
        results.facts.emplace_back(settled(
            head, is_filtered ? store::Settlement::kFiltered : store::Settlement::kSuperseded,
            time_->now_ns()));
    }
}

// Must the batch being filled wait for more? Sets the timer when it does.
bool Delivery::must_wait() const {
    bool is_full =
        filling_.size() >= plan_.policy.batch_records || filling_bytes_ >= plan_.policy.batch_bytes;
    const bool may_come = !is_quiet_ || fetching_.is_asking();
    const bool is_urgent = !may_come || filling_awaited_ > 0;
    return !is_full && !is_urgent && steady_clock::now() < filling_since_ + plan_.policy.batch_wait;
}

void Delivery::flush() {
    while (!filling_.empty() && batches_out_ < plan_.policy.concurrency && !is_stopping_) {
        if (steady_clock::now() < paused_until_) return wait_until(paused_until_);
        if (must_wait()) return wait_until(filling_since_ + plan_.policy.batch_wait);
        const schedule::Breaker::Admission admission = platform_->admit();
        if (admission.ask_again) return wait_until(steady_clock::time_point{*admission.ask_again});
        // One record is enough to learn whether the platform is back, and costs one attempt.
        send(cut_batch(admission.is_probe ? 1 : plan_.policy.batch_records), admission.is_probe);
    }
}

// Asks the source for records of which only the keys are known.
void Delivery::fetch() {
    if (is_retired_) return;
    while (!is_stopping_) {
        std::optional<Fetching::Request> request = fetching_.next(steady_clock::now());
        if (!request) break;
        ++fetches_out_;
        auto done = [self = shared_from_this(), heads = std::move(request->heads)](
                        std::vector<plugin::FetchResult> results) mutable {
            auto on_strand = [self, taken = std::move(heads), came = std::move(results)]() mutable {
                self->take_fetched(std::move(taken), std::move(came));
            };
            boost::asio::post(self->strand_, std::move(on_strand));
        };
        plan_.source->fetch(std::move(request->batch), std::move(done));
    }
    if (fetching_.paused_until() <= steady_clock::now()) return;
    fetch_timer_.expires_at(fetching_.paused_until());
    fetch_timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (!error) self->fetch();
    });
}

void Delivery::take_fetched(std::vector<store::LaneHead> heads,
                            std::vector<plugin::FetchResult> results) {
    Moment moment{time_->now_ns(), random_()};
    const bool is_waiting = this->is_waiting();
    const auto is_given_back = [is_waiting](const plugin::FetchResult& result) {
        const plugin::Outcome outcome{plugin::OutcomeKind::kFailed, result.failure, "", ""};
        return is_waiting && result.kind == plugin::FetchKind::kFailed && may_be_repeated(outcome);
    };
    std::vector<bool> given_back;
    for (const plugin::FetchResult& result : results) given_back.push_back(is_given_back(result));
    std::vector<Fetching::Fetched> fetched =
        fetching_.finish(std::move(heads), std::move(results), steady_clock::now(), moment);
    Results done;
    if (!is_stopping_) {  // then the next start asks again
        for (std::size_t i = 0; i < fetched.size(); ++i) {
            Fetching::Fetched& one = fetched[i];
            Chain alone;
            if (auto* fact = std::get_if<store::Settled>(&one); fact != nullptr && given_back[i]) {
                ++done.left;
                done.lanes.push_back(fact->lane);
            } else if (fact != nullptr) {
                done.facts.emplace_back(std::move(*fact));
            } else {
                consider(std::move(std::get<store::LaneHead>(one)), alone, done);
            }
        }
    }
    append(std::move(done));
    if (is_retired_) take_back({});
    --fetches_out_;  // after the append: whoever sees an idle delivery may stop the store
    fetch();
    flush();
}

void Delivery::wait_until(steady_clock::time_point when) {
    timer_.expires_at(when);
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (!error) self->flush();
    });
}

std::vector<Delivery::Prepared> Delivery::cut_batch(std::size_t records_max) {
    std::vector<Prepared> batch;
    std::size_t bytes = 0;
    while (!filling_.empty() && batch.size() < records_max) {
        std::size_t next = filling_.front().send.body.size();
        if (!batch.empty() && bytes + next > plan_.policy.batch_bytes) break;
        bytes += next;
        if (is_awaited(filling_.front().head)) --filling_awaited_;
        batch.push_back(std::move(filling_.front()));
        filling_.pop_front();
    }
    // The rest of a chain must not overtake it.
    while (!filling_.empty() && filling_.front().head.is_follower) {
        bytes += filling_.front().send.body.size();
        batch.back().left += 1 + filling_.front().left;
        filling_.pop_front();
    }
    filling_bytes_ -= bytes;
    filling_since_ = steady_clock::now();
    return batch;
}

void Delivery::send(std::vector<Prepared> prepared, bool is_probe) {
    ++batches_out_;
    metrics_->batch_records.observe(prepared.size());
    plugin::WriteBatch batch;
    batch.stream = plan_.destination_stream;
    batch.timeout = plan_.policy.timeout;
    batch.records.reserve(prepared.size());
    for (Prepared& item : prepared) {
        plugin::WriteRecord record;
        record.operation = item.head.row->operation;
        record.key = item.head.row->key;
        record.body = std::move(item.send.body);
        record.parent_key = std::move(item.head.parent_destination_key);
        if (item.head.key_map) {
            record.destination_key = item.head.key_map->destination_key;
            record.was_delivered = item.head.key_map->last.event.value != 0;
            record.is_unknown = item.head.key_map->is_unknown;
        }
        record.is_complete = item.send.is_complete;
        record.changed_fields = std::move(item.send.changes.changed);
        record.unset_fields = std::move(item.send.changes.unset);
        record.idempotency_key = idempotency_key(item.head, store_.hash_seed());
        record.subject = subject_of(item.head);
        batch.records.push_back(std::move(record));
    }
    core::fail_point("delivery.before-write");
    plan_.destination->write(std::move(batch),
                             [self = shared_from_this(), is_probe,
                              items = std::move(prepared)](plugin::WriteResult result) mutable {
                                 core::fail_point("delivery.after-write");
                                 auto on_strand = [self, is_probe, taken = std::move(items),
                                                   outcome = std::move(result)]() mutable {
                                     self->finish(std::move(taken), is_probe, std::move(outcome));
                                 };
                                 boost::asio::post(self->strand_, std::move(on_strand));
                             });
}

// Once when it begins and once when it ends, however long it lasts.
void Delivery::report(bool is_probe, const plugin::WriteResult& result) {
    switch (platform_->report(is_probe, result, random_())) {
        case schedule::Breaker::Change::kNone:
            return;
        case schedule::Breaker::Change::kOpened:
            return core::log_warning("pipeline", "the platform fails; nothing goes out but probes",
                                     {{"connection", plan_.name}});
        case schedule::Breaker::Change::kClosed:
            return core::log_info("pipeline", "the platform is back", {{"connection", plan_.name}});
    }
}

void Delivery::finish(std::vector<Prepared> batch, bool is_probe, plugin::WriteResult result) {
    SYNCLINE_ASSERT(result.outcomes.size() == batch.size());
    if (!is_stopping_) report(is_probe, result);
    Results results;
    results.facts.reserve(batch.size());
    results.ids = std::move(result.ids);
    results.ids_kept = std::move(result.ids_kept);
    const std::shared_ptr<const store::PlatformAnswer> answer = answer_of(result);
    for (std::size_t begin = 0, end = 0; begin < batch.size(); begin = end) {
        for (end = begin + 1; end < batch.size() && batch[end].head.is_follower;) ++end;
        finish_lane(std::span{batch}.subspan(begin, end - begin),
                    std::span{result.outcomes}.subspan(begin, end - begin), answer, results);
    }
    append(std::move(results));
    --batches_out_;  // after the append: whoever sees an idle delivery may stop the store
    flush();
}

// The results of one key, in order. What follows a record that was not delivered counts as not
// attempted; should it have had an effect, what the destination has of the key is unknown.
void Delivery::finish_lane(std::span<const Prepared> lane,
                           std::span<const plugin::Outcome> outcomes,
                           const std::shared_ptr<const store::PlatformAnswer>& answer,
                           Results& results) {
    bool is_delivered = true, is_given_back = false;
    for (std::size_t i = 0; i < lane.size(); ++i) {
        results.left += lane[i].left;
        if (!is_delivered) {
            ++results.left;
            continue;
        }
        const plugin::Outcome& outcome = outcomes[i];
        // What the end of the hub kept from going out is no attempt: the next start takes it again.
        if (is_stopping_ && outcome.kind == plugin::OutcomeKind::kNotAttempted) return;
        const auto later = outcomes.subspan(i + 1);
        const bool may_have_effects = std::any_of(later.begin(), later.end(), may_have_effect);
        if (may_be_repeated(outcome) && !may_have_effects && is_waiting()) {
            // The account can't be used: that is no fault of the record.
            is_delivered = false;
            is_given_back = true;
            ++results.left;
            continue;
        }
        Moment moment{time_->now_ns(), random_()};
        store::Settled fact = settle(lane[i].head, outcome, plan_.policy, moment);
        is_delivered = fact.settlement == store::Settlement::kDelivered;
        if (is_delivered) {
            metrics_->latency.observe(
                std::chrono::nanoseconds{moment.now_ns - lane[i].head.row->received_ns});
            const record::Fingerprint& fingerprint = lane[i].send.fingerprint;
            fact.row_hash = fingerprint.row;
            fact.field_hashes = record::encode_field_hashes(fingerprint.fields);
        } else {
            fact.is_unknown |= may_have_effects;
            const plugin::Failure& failure = outcome.failure;
            if (failure.failure_class == plugin::FailureClass::kRateLimited &&
                fact.settlement == store::Settlement::kRetry) {
                // The platform limits the account, not the record: nothing more goes out until
                // then.
                paused_until_ = std::max(
                    paused_until_,
                    steady_clock::now() + std::chrono::nanoseconds{fact.due_ns - moment.now_ns});
            }
        }
        if (fact.settlement != store::Settlement::kDelivered)
            metrics_->count_failure(fact.failure.failure_class);
        if (fact.settlement == store::Settlement::kDead) {
            fact.answer = answer;
            core::log_warning("pipeline", "a record became a dead letter",
                              {{"connection", plan_.name},
                               {"class", fact.failure.failure_class},
                               {"attempt", fact.attempt}});
        }
        results.facts.emplace_back(std::move(fact));
    }
    if (lane.front().head.is_chained || is_given_back)
        results.lanes.push_back(lane.front().head.lane);
}

}  // namespace syncline::pipeline
