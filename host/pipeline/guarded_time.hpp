// Wall-clock time that never jumps while the process runs: the start's wall clock plus monotonic
// time. Due times are made and compared with it, so that setting the machine's clock neither fires
// nor delays retries.
#pragma once

#include "core/clock.hpp"

namespace syncline::pipeline {

class GuardedTime {
  public:
    explicit GuardedTime(const core::Clock& clock)
        : clock_(clock), wall_ns_(clock.wall_ns()), monotonic_(clock.monotonic()) {}

    // [any]
    std::int64_t now_ns() const { return wall_ns_ + (clock_.monotonic() - monotonic_).count(); }
    std::chrono::nanoseconds to_monotonic(std::int64_t wall_ns) const {
        return monotonic_ + std::chrono::nanoseconds{wall_ns - wall_ns_};
    }

  private:
    const core::Clock& clock_;
    const std::int64_t wall_ns_;
    const std::chrono::nanoseconds monotonic_;
};

}  // namespace syncline::pipeline
