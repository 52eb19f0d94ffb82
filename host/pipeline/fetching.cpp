#include "pipeline/fetching.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/assert.hpp"
#include "pipeline/suspects.hpp"

namespace syncline::pipeline {
namespace {

std::size_t records_max(const ConnectionPlan& plan, const std::string& stream) {
    for (const plugin::StreamSpec& spec : plan.source->manifest().streams) {
        if (spec.name == stream && spec.is_source)
            return std::max<std::size_t>(1, spec.fetch_records_max);
    }
    return 1;
}

store::LaneHead with_record(store::LaneHead head, record::Operation operation, std::string body) {
    auto row = std::make_shared<store::RecordRow>(*head.row);
    row->operation = operation;
    row->body = store::Body::inline_text(std::move(body));
    head.row = std::move(row);
    return head;
}

bool may_be_there(const store::LaneHead& head) {
    return head.key_map && (head.key_map->is_unknown || store::has_record(*head.key_map));
}

}  // namespace

std::optional<Fetching::Request> Fetching::next(TimePoint now) {
    if (waiting_.empty() || open_ >= plan_.policy.concurrency || now < paused_until_)
        return std::nullopt;
    Request request;
    request.batch.stream = waiting_.front().row->stream;
    request.batch.timeout = plan_.policy.timeout;
    const std::size_t count_max = records_max(plan_, request.batch.stream);
    while (!waiting_.empty() && request.heads.size() < count_max &&
           waiting_.front().row->stream == request.batch.stream) {
        request.batch.requests.push_back(
            {waiting_.front().row->key, "", subject_of(waiting_.front())});
        request.heads.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
    ++open_;
    return request;
}

std::vector<Fetching::Fetched> Fetching::finish(std::vector<store::LaneHead> heads,
                                                std::vector<plugin::FetchResult> results,
                                                TimePoint now, Moment moment) {
    SYNCLINE_ASSERT(open_ > 0 && results.size() == heads.size());
    --open_;
    std::vector<Fetched> fetched;
    fetched.reserve(heads.size());
    for (std::size_t i = 0; i < heads.size(); ++i) {
        store::LaneHead& head = heads[i];
        plugin::FetchResult& result = results[i];
        if (result.kind == plugin::FetchKind::kFound) {
            fetched.emplace_back(
                with_record(std::move(head), record::Operation::kUpsert, std::move(result.body)));
        } else if (result.kind == plugin::FetchKind::kFailed) {
            const plugin::Outcome outcome{plugin::OutcomeKind::kFailed, result.failure, "", ""};
            store::Settled fact = settle(head, outcome, plan_.policy, moment);
            const bool is_limit =
                result.failure.failure_class == plugin::FailureClass::kRateLimited &&
                result.failure.retry_after_ms > 0;
            if (is_limit && fact.settlement == store::Settlement::kRetry) {
                auto pause = std::chrono::nanoseconds{fact.due_ns - moment.now_ns};
                paused_until_ = std::max(paused_until_, now + pause);
            }
            fetched.emplace_back(std::move(fact));
        } else if (may_be_there(head)) {
            fetched.emplace_back(with_record(std::move(head), record::Operation::kDelete, ""));
        } else {
            fetched.emplace_back(settled(head, store::Settlement::kFiltered, moment.now_ns));
        }
    }
    return fetched;
}

}  // namespace syncline::pipeline
