#include "schedule/backoff.hpp"

#include <algorithm>
#include <limits>

namespace syncline::schedule {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kNanosecondsPerMillisecond = 1'000'000;

milliseconds clamp_base(const Backoff& backoff) {
    return std::clamp(backoff.base, milliseconds{1}, kWaitMax);
}

// base * 2^(attempt - 1). Stops doubling at the limit, so it can't overflow.
milliseconds grow(const Backoff& backoff, std::uint32_t attempt) {
    const milliseconds base = clamp_base(backoff);
    const milliseconds max = std::clamp(backoff.max, base, kWaitMax);
    milliseconds delay = base;
    for (std::uint32_t doubled = 1; doubled < attempt && delay < max; ++doubled) delay *= 2;
    return std::min(delay, max);
}

// A part of the width, from nothing to all of it. kWaitMax * 2^16 fits.
milliseconds part_of(milliseconds width, std::uint64_t random) {
    constexpr std::int64_t kSteps = 1 << 16;
    const auto step = static_cast<std::int64_t>(random >> 48);
    return milliseconds{width.count() * step / (kSteps - 1)};
}

}  // namespace

milliseconds delay_after(const Backoff& backoff, std::uint32_t attempt, std::uint64_t random,
                         std::optional<seconds> retry_after) {
    const milliseconds grown = grow(backoff, attempt);
    const milliseconds fifth = grown / 5;
    milliseconds delay = grown - fifth + part_of(2 * fifth, random);
    if (retry_after) {
        // Clamped in seconds first: a larger count would overflow as milliseconds.
        const seconds asked = std::clamp(*retry_after, seconds{0}, seconds{kWaitMax / seconds{1}});
        const milliseconds bound = std::max<milliseconds>(asked, clamp_base(backoff));
        delay = std::max(delay, bound + part_of(bound / 5, random));
    }
    return std::clamp(delay, milliseconds{1}, kWaitMax);
}

std::int64_t due_after(std::int64_t now_ns, const Backoff& backoff, std::uint32_t attempt,
                       std::uint64_t random, std::optional<seconds> retry_after) {
    const std::int64_t delay_ns =
        delay_after(backoff, attempt, random, retry_after).count() * kNanosecondsPerMillisecond;
    constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
    return now_ns > kLast - delay_ns ? kLast : now_ns + delay_ns;
}

}  // namespace syncline::schedule
