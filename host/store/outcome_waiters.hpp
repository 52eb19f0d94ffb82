// Who waits for the outcome of an event, and is told as soon as the state knows it.
//
// Rule 14: nobody waits for a lane that is parked, or that is due after the deadline: that is told
// at once. Concurrency: everything is [state]; `tell` is called there and must not block. Limits:
// the caller bounds how many wait (intake: kAnswersWaitingMax).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "store/state.hpp"

namespace syncline::store {

enum class OutcomeKind {
    kComplete,  // `row` holds it
    kHeld,      // it won't come before the deadline
    kNotKept,   // nobody waited for the event when it came, or its window is over
};

struct OutcomeTold {
    OutcomeKind kind = OutcomeKind::kNotKept;
    Position event;  // of a repeat: the first one
    OutcomeRow row;
    std::int64_t due_ns = 0;  // kHeld: when it goes on; 0: nobody knows
};

struct OutcomeQuestion {
    std::uint64_t ticket = 0;  // the caller's, for forget()
    RouteId route = 0;
    std::string message_id;
    Position event;  // is durable
    std::int64_t deadline_ns = 0;
    std::function<void(OutcomeTold)> tell;  // at most once
};

class OutcomeWaiters {
  public:
    void add(OutcomeQuestion question);
    void forget(std::uint64_t ticket);
    std::size_t size() const { return waiters_.size(); }

    // Tells whom the latest facts concern. After every change.
    Result<void> look(State& state);

  private:
    struct Waiter {
        OutcomeQuestion question;
        bool is_placed = false;  // its event is known, and listed
        Position event;          // the first one of its message id
        std::vector<std::string> lanes;
    };
    using Tickets = std::vector<std::uint64_t>;

    Result<void> look_at(State& state, std::uint64_t ticket);
    // Places the waiter in `by_lane_`, and answers what can be said now.
    Result<std::optional<OutcomeTold>> judge(State& state, Waiter& waiter);

    std::unordered_map<std::uint64_t, Waiter> waiters_;
    Tickets fresh_;  // were not looked at, or their event is not applied yet
    std::unordered_map<std::uint64_t, Tickets> by_event_;
    std::unordered_map<std::string, Tickets> by_lane_;  // by key of the lane's row
};

}  // namespace syncline::store
