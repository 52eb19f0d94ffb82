// From a connector's outcome to the fact that settles the record: error classes decide what happens
// next.
#pragma once

#include <cstdint>

#include "pipeline/plan.hpp"
#include "store/state.hpp"

namespace syncline::pipeline {

struct Moment {
    std::int64_t now_ns = 0;   // guarded wall clock
    std::uint64_t random = 0;  // uniform, for the jitter
};

// The sender of the record waits for what becomes of it on this connection.
bool is_awaited(const store::LaneHead& head);

// The fact's envelope for the record at the head of a lane.
store::Settled settled(const store::LaneHead& head, store::Settlement settlement,
                       std::int64_t now_ns);

// DONE is delivered; PERMANENT, NOT_FOUND, CONFLICT and UNSUPPORTED are dead; everything else is
// tried again, by due time with backoff, jitter and the platform's Retry-After, up to the policy's
// attempts. [any]
store::Settled settle(const store::LaneHead& head, const plugin::Outcome& outcome,
                      const DeliveryPolicy& policy, Moment moment);

// The attempt surely had no effect, and another one may have: nothing is lost if it does not count.
// [any]
bool may_be_repeated(const plugin::Outcome& outcome);

// What a dead letter keeps of the platform's response; null for none. [any]
std::shared_ptr<const store::PlatformAnswer> answer_of(const plugin::WriteResult& result);

// Text from outside, cut to what a fact may hold, on a character's border.
std::string bounded(std::string_view text);

}  // namespace syncline::pipeline
