#include "schedule/breaker.hpp"

#include <algorithm>
#include <limits>

namespace syncline::schedule {

Breaker::Admission Breaker::admit(Time now) {
    switch (state_) {
        case State::kClosed:
            return {};
        case State::kProbing:
            return {now + policy_.look_again, false};
        case State::kResting:
            break;
    }
    if (now < rests_until_) return {rests_until_, false};
    state_ = State::kProbing;
    return {std::nullopt, true};
}

Breaker::Change Breaker::report(Time now, bool is_probe, bool is_failed, std::uint64_t random) {
    if (is_probe) {
        if (is_failed) {
            rest(now, random);
            return Change::kNone;
        }
        state_ = State::kClosed;
        rests_ = 0;
        buckets_ = {};
        return Change::kClosed;
    }
    if (state_ != State::kClosed) return Change::kNone;
    count(now, is_failed);
    if (!is_failed || !is_bad(now)) return Change::kNone;
    rest(now, random);
    return Change::kOpened;
}

std::int64_t Breaker::slice_of(Time now) const {
    const Time slice = std::max(policy_.window / static_cast<std::int64_t>(kBuckets), Time{1});
    return now / slice;
}

void Breaker::count(Time now, bool is_failed) {
    const std::int64_t number = slice_of(now);
    Bucket& bucket = buckets_[static_cast<std::size_t>(number) % kBuckets];
    if (bucket.number != number) bucket = Bucket{number, 0, 0};
    ++bucket.calls;
    if (is_failed) ++bucket.failed;
}

bool Breaker::is_bad(Time now) const {
    const std::int64_t oldest = slice_of(now) - static_cast<std::int64_t>(kBuckets) + 1;
    std::uint64_t calls = 0;
    std::uint64_t failed = 0;
    for (const Bucket& bucket : buckets_) {
        if (bucket.number < oldest) continue;
        calls += bucket.calls;
        failed += bucket.failed;
    }
    return calls >= policy_.calls_min && failed * 100 >= calls * policy_.failed_percent;
}

void Breaker::rest(Time now, std::uint64_t random) {
    if (rests_ < std::numeric_limits<std::uint32_t>::max()) ++rests_;
    state_ = State::kResting;
    rests_until_ = now + delay_after(policy_.rest, rests_, random);
}

}  // namespace syncline::schedule
