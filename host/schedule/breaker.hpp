// When a platform fails nearly always, it is left alone: a circuit breaker.
//
// Purpose: a state machine over a clock that the caller reads. Closed, every call may go. When of
// enough calls within the window most have failed, it opens: nothing goes until a rest is over, and
// then one call, the probe. A probe that succeeds closes it; one that fails begins a longer rest.
// Rests have a fifth of jitter, so that many hubs do not come back in the same moment.
// Concurrency: none of its own; one caller at a time. Limits: a fixed number of counters, however
// many calls there are.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "schedule/backoff.hpp"

namespace syncline::schedule {

struct BreakerPolicy {
    std::uint32_t calls_min = 10;       // in the window, before anything is concluded
    std::uint32_t failed_percent = 70;  // of them, to open
    std::chrono::nanoseconds window = std::chrono::seconds{30};
    Backoff rest{std::chrono::seconds{5}, std::chrono::seconds{60}};
    // How soon those who wait for another's probe look again.
    std::chrono::nanoseconds look_again = std::chrono::seconds{1};
};

class Breaker {
  public:
    using Time = std::chrono::nanoseconds;  // of any clock that does not go back

    enum class State { kClosed, kResting, kProbing };
    struct Admission {
        std::optional<Time> ask_again;  // none: the call may go
        bool is_probe = false;
    };
    // What a result has changed.
    enum class Change { kNone, kOpened, kClosed };

    explicit Breaker(BreakerPolicy policy) : policy_(policy) {}

    // May a call go out now? Whoever is admitted reports the result, with the same `is_probe`.
    Admission admit(Time now);
    // `random` as for delay_after(). Results of calls that were admitted before it opened change
    // nothing: a probe decides.
    Change report(Time now, bool is_probe, bool is_failed, std::uint64_t random);

    State state() const { return state_; }

  private:
    static constexpr std::size_t kBuckets = 30;
    struct Bucket {
        std::int64_t number = -1;  // of the slice of time that it counts
        std::uint64_t calls = 0, failed = 0;
    };

    void count(Time now, bool is_failed);
    bool is_bad(Time now) const;
    void rest(Time now, std::uint64_t random);
    std::int64_t slice_of(Time now) const;

    BreakerPolicy policy_;
    State state_ = State::kClosed;
    std::array<Bucket, kBuckets> buckets_;
    std::uint32_t rests_ = 0;  // in a row
    Time rests_until_{0};
};

}  // namespace syncline::schedule
