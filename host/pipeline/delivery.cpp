#include "pipeline/delivery.hpp"

#include <algorithm>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>

#include "core/assert.hpp"
#include "core/fault.hpp"
#include "core/log.hpp"
#include "pipeline/settle.hpp"

namespace syncline::pipeline {

using std::chrono::steady_clock;

Delivery::Delivery(ConnectionPlan plan, store::Store& store,
                   std::shared_ptr<const GuardedTime> time,
                   std::shared_ptr<boost::asio::thread_pool> cpu)
    : plan_(std::move(plan)),
      store_(store),
      time_(std::move(time)),
      cpu_(std::move(cpu)),
      strand_(boost::asio::make_strand(*cpu_)),
      timer_(strand_) {}

Result<std::optional<std::int64_t>> Delivery::pump(store::State& state, bool is_upstream_quiet) {
    if (is_stopping_) return std::optional<std::int64_t>{};
    std::int64_t now_ns = time_->now_ns();
    std::size_t out_max = std::size_t{plan_.policy.batch_records} * (plan_.policy.concurrency + 1);
    std::vector<store::LaneHead> heads;
    if (records_out_ < out_max) {
        SYNCLINE_TRY(heads, state.take_lanes(plan_.id, out_max - records_out_, now_ns));
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
    if (records_out_ >= out_max) return std::optional<std::int64_t>{};  // a result will call again
    return state.next_due(plan_.id, now_ns);
}

void Delivery::stop() {
    is_stopping_ = true;
    boost::asio::post(strand_, [self = shared_from_this()] {
        self->filling_.clear();  // never sent: the next start takes them again
        self->timer_.cancel();
    });
}

void Delivery::append(std::vector<store::Fact> facts) {
    if (facts.empty()) return;
    store::Append append;
    std::size_t count = facts.size();
    append.facts = std::move(facts);
    append.on_applied = [self = shared_from_this(), count](std::optional<Error>) {
        SYNCLINE_ASSERT(self->records_out_ >= count);
        self->records_out_ -= count;
    };
    store_.append(std::move(append));
}

store::Settled Delivery::settle_dead(const store::LaneHead& head, const Error& error) const {
    store::Settled fact = settled(head, store::Settlement::kDead, time_->now_ns());
    fact.failure.failure_class = "mapping";
    fact.failure.provider_code = error.code();
    fact.failure.message = bounded(error.what());
    return fact;
}

void Delivery::consider(std::vector<store::LaneHead> heads, bool is_quiet) {
    is_quiet_ = is_quiet;
    if (is_stopping_) return;
    std::vector<store::Fact> facts;
    for (store::LaneHead& head : heads) {
        const std::string* text = &head.row->body.text;
        std::string from_file;
        if (!head.row->body.file.empty()) {
            Result<std::string> body = store_.bodies().read(head.row->body);
            if (!body.has_value()) {
                facts.emplace_back(settle_dead(head, body.error()));
                continue;
            }
            from_file = std::move(*body);
            text = &from_file;
        }
        Decision decision = decide(plan_, head, *text, store_.hash_seed());
        if (auto* send = std::get_if<Send>(&decision)) {
            if (filling_.empty()) filling_since_ = steady_clock::now();
            filling_bytes_ += send->body.size();
            if (is_awaited(head)) ++filling_awaited_;
            filling_.push_back(Prepared{std::move(head), std::move(*send)});
        } else if (auto* unchanged = std::get_if<Unchanged>(&decision)) {
            store::Settled fact = settled(head, store::Settlement::kUnchanged, time_->now_ns());
            fact.row_hash = unchanged->row_hash;
            facts.emplace_back(std::move(fact));
        } else if (auto* unmappable = std::get_if<Unmappable>(&decision)) {
            facts.emplace_back(settle_dead(head, unmappable->error));
        } else {
            bool is_filtered = std::holds_alternative<Filtered>(decision);
            facts.emplace_back(settled(
                head, is_filtered ? store::Settlement::kFiltered : store::Settlement::kSuperseded,
                time_->now_ns()));
        }
    }
    append(std::move(facts));
    flush();
}

// Must the batch being filled wait for more? Sets the timer when it does.
bool Delivery::must_wait() const {
    bool is_full =
        filling_.size() >= plan_.policy.batch_records || filling_bytes_ >= plan_.policy.batch_bytes;
    bool is_urgent = is_quiet_ || filling_awaited_ > 0;
    return !is_full && !is_urgent && steady_clock::now() < filling_since_ + plan_.policy.batch_wait;
}

void Delivery::flush() {
    while (!filling_.empty() && batches_out_ < plan_.policy.concurrency && !is_stopping_) {
        if (steady_clock::now() < paused_until_) return wait_until(paused_until_);
        if (must_wait()) return wait_until(filling_since_ + plan_.policy.batch_wait);
        send(cut_batch());
    }
}

void Delivery::wait_until(steady_clock::time_point when) {
    timer_.expires_at(when);
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (!error) self->flush();
    });
}

std::vector<Delivery::Prepared> Delivery::cut_batch() {
    std::vector<Prepared> batch;
    std::size_t bytes = 0;
    while (!filling_.empty() && batch.size() < plan_.policy.batch_records) {
        std::size_t next = filling_.front().send.body.size();
        if (!batch.empty() && bytes + next > plan_.policy.batch_bytes) break;
        bytes += next;
        if (is_awaited(filling_.front().head)) --filling_awaited_;
        batch.push_back(std::move(filling_.front()));
        filling_.pop_front();
    }
    filling_bytes_ -= bytes;
    filling_since_ = steady_clock::now();
    return batch;
}

void Delivery::send(std::vector<Prepared> prepared) {
    ++batches_out_;
    plugin::WriteBatch batch;
    batch.stream = plan_.destination_stream;
    batch.timeout = plan_.policy.timeout;
    batch.records.reserve(prepared.size());
    for (Prepared& item : prepared) {
        plugin::WriteRecord record;
        record.operation = item.head.row->operation;
        record.key = item.head.row->key;
        record.body = std::move(item.send.body);
        if (item.head.key_map) {
            record.destination_key = item.head.key_map->destination_key;
            record.was_delivered = item.head.key_map->last.event.value != 0;
        }
        batch.records.push_back(std::move(record));
    }
    core::fail_point("delivery.before-write");
    plan_.destination->write(std::move(batch), [self = shared_from_this(),
                                                items = std::move(prepared)](
                                                   plugin::WriteResult result) mutable {
        core::fail_point("delivery.after-write");
        auto on_strand = [self, taken = std::move(items), outcome = std::move(result)]() mutable {
            self->finish(std::move(taken), std::move(outcome));
        };
        boost::asio::post(self->strand_, std::move(on_strand));
    });
}

void Delivery::finish(std::vector<Prepared> batch, plugin::WriteResult result) {
    SYNCLINE_ASSERT(result.outcomes.size() == batch.size());
    std::vector<store::Fact> facts;
    facts.reserve(batch.size());
    const std::shared_ptr<const store::PlatformAnswer> answer = answer_of(result);
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const plugin::Outcome& outcome = result.outcomes[i];
        // What the end of the hub kept from going out is no attempt: the next start takes it again.
        if (is_stopping_ && outcome.kind == plugin::OutcomeKind::kNotAttempted) continue;
        Moment moment{time_->now_ns(), random_()};
        store::Settled fact = settle(batch[i].head, outcome, plan_.policy, moment);
        if (fact.settlement == store::Settlement::kDelivered) {
            fact.row_hash = batch[i].send.fingerprint.row;
            fact.field_hashes = record::encode_field_hashes(batch[i].send.fingerprint.fields);
        } else if (outcome.failure.failure_class == plugin::FailureClass::kRateLimited &&
                   outcome.failure.retry_after_ms > 0) {
            // The platform limits the account, not the record: nothing more goes out until then.
            paused_until_ =
                std::max(paused_until_, steady_clock::now() +
                                            std::chrono::nanoseconds{fact.due_ns - moment.now_ns});
        }
        if (fact.settlement == store::Settlement::kDead) {
            fact.answer = answer;
            core::log_warning("pipeline", "a record became a dead letter",
                              {{"connection", plan_.name},
                               {"class", fact.failure.failure_class},
                               {"attempt", fact.attempt}});
        }
        facts.emplace_back(std::move(fact));
    }
    append(std::move(facts));
    --batches_out_;  // after the append: whoever sees an idle delivery may stop the store
    flush();
}

}  // namespace syncline::pipeline
