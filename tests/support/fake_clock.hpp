// A clock that moves only when a test says so.
#pragma once

#include <atomic>

#include "core/clock.hpp"

namespace syncline::test {

class FakeClock final : public core::Clock {
  public:
    core::WallTime wall_ns() const override { return wall_.load(); }
    core::nanoseconds monotonic() const override { return core::nanoseconds{monotonic_.load()}; }

    void advance(core::nanoseconds by) {
        wall_ += by.count();
        monotonic_ += by.count();
    }
    void jump_wall(core::nanoseconds by) { wall_ += by.count(); }

  private:
    std::atomic<std::int64_t> wall_{1'700'000'000'000'000'000};
    std::atomic<std::int64_t> monotonic_{1'000'000'000};
};

}  // namespace syncline::test
