// A destination account as its connections see it together: left alone while it fails.
//
// Purpose: one circuit breaker for every connection that writes to the account, because they fail
// together. Concurrency: [any].
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <mutex>

#include "pipeline/plan.hpp"
#include "schedule/breaker.hpp"

namespace syncline::pipeline {

class Platform {
  public:
    using Clock = std::chrono::steady_clock;

    // It rests like a record waits, but a minute at most: it is one for all of them.
    explicit Platform(const DeliveryPolicy& policy) : breaker_(policy_for(policy)) {}

    schedule::Breaker::Admission admit() {
        std::lock_guard lock{mutex_};
        return breaker_.admit(Clock::now().time_since_epoch());
    }
    schedule::Breaker::Change report(bool is_probe, const plugin::WriteResult& result,
                                     std::uint64_t random) {
        const bool is_failed = is_failing(result);
        std::lock_guard lock{mutex_};
        return breaker_.report(Clock::now().time_since_epoch(), is_probe, is_failed, random);
    }
    bool is_paused() const {
        std::lock_guard lock{mutex_};
        return breaker_.state() != schedule::Breaker::State::kClosed;
    }

  private:
    static schedule::BreakerPolicy policy_for(const DeliveryPolicy& policy) {
        schedule::BreakerPolicy made;
        made.rest.base = policy.retry_base;
        made.rest.max = std::min<std::chrono::milliseconds>(policy.retry_max, made.rest.max);
        return made;
    }
    static bool is_failing(const plugin::WriteResult& result);

    mutable std::mutex mutex_;
    schedule::Breaker breaker_;
};

}  // namespace syncline::pipeline
