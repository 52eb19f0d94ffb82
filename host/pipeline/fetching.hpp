// Records of which only the key is known: what to ask their source for, and what the answer makes
// of them (rule 2).
//
// Concurrency: one thread at a time. Limits: a few requests at a time, each of as many keys as the
// source's stream takes; what waits is bounded by what its connection has out.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "pipeline/settle.hpp"

namespace syncline::pipeline {

class Fetching {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    explicit Fetching(const ConnectionPlan& plan) : plan_(plan) {}

    void add(store::LaneHead head) { waiting_.push_back(std::move(head)); }
    bool is_asking() const { return open_ > 0; }
    void clear() { waiting_.clear(); }
    // What nobody was asked for yet.
    std::deque<store::LaneHead> take_waiting() { return std::exchange(waiting_, {}); }

    struct Request {
        plugin::FetchBatch batch;
        std::vector<store::LaneHead> heads;  // one for each key
    };
    // What to ask for next; nothing while enough is on its way, or before paused_until().
    std::optional<Request> next(TimePoint now);

    // What came, in the order of the request: a record that goes on as if it had come whole, or the
    // result of the attempt.
    using Fetched = std::variant<store::LaneHead, store::Settled>;
    std::vector<Fetched> finish(std::vector<store::LaneHead> heads,
                                std::vector<plugin::FetchResult> results, TimePoint now,
                                Moment moment);

    // The source's platform asked for a pause: of all, not of one key.
    TimePoint paused_until() const { return paused_until_; }

  private:
    const ConnectionPlan& plan_;
    std::deque<store::LaneHead> waiting_;
    std::size_t open_ = 0;
    TimePoint paused_until_;
};

}  // namespace syncline::pipeline
