// When to try again: exponential, with jitter, and no sooner than the platform asks.
//
// Purpose: pure arithmetic. Time and chance are arguments, so that every delay can be replayed.
// Limits: everything saturates; no argument overflows. [any]
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace syncline::schedule {

// No wait is longer, whatever a platform or a configuration says.
inline constexpr std::chrono::milliseconds kWaitMax = std::chrono::hours{24};

struct Backoff {
    std::chrono::milliseconds base{1'000};  // after the first failure; taken as 1 ms at least
    std::chrono::milliseconds max{
        300'000};  // of the growing delay, before jitter; at least base, at most kWaitMax
};

// The delay after the n-th failed attempt (from 1; 0 counts as 1): base * 2^(n-1), at most max,
// changed by up to 20 % either way by `random`, which should be uniform over all 64 bits. In [1 ms,
// kWaitMax].
//
// A Retry-After of the platform, clamped to [base, kWaitMax], is a lower bound: the jitter then
// only adds.
std::chrono::milliseconds delay_after(
    const Backoff& backoff, std::uint32_t attempt, std::uint64_t random,
    std::optional<std::chrono::seconds> retry_after = std::nullopt);

// The same as a point in time, nanoseconds like `now_ns`. The largest representable one when that
// is beyond it.
std::int64_t due_after(std::int64_t now_ns, const Backoff& backoff, std::uint32_t attempt,
                       std::uint64_t random,
                       std::optional<std::chrono::seconds> retry_after = std::nullopt);

}  // namespace syncline::schedule
