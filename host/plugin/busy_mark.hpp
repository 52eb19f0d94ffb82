// Whether a thread stays in one task for too long, seen from outside.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/clock.hpp"

namespace syncline::plugin {

// Purpose: the watched thread counts its steps into and out of tasks, which costs a nanosecond;
// only
//   the watcher looks at the clock.
// Concurrency: enter() and leave() by one thread, busy_for() by another.
class BusyMark {
  public:
    void enter() { step(); }
    void leave() { step(); }

    // For how long the thread has been in one task since the first look that found it there; 0
    // between tasks.
    core::nanoseconds busy_for(core::nanoseconds now) {
        const std::uint64_t steps = steps_.load(std::memory_order_acquire);
        if (steps % 2 == 0 || steps != seen_steps_) {
            seen_steps_ = steps;
            seen_at_ = now;
        }
        return now - seen_at_;
    }

  private:
    void step() {
        steps_.store(steps_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }

    std::atomic<std::uint64_t> steps_{0};  // odd: in a task
    std::uint64_t seen_steps_ = 0;
    core::nanoseconds seen_at_{};
};

}  // namespace syncline::plugin
