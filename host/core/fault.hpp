// Fail-points and planted bugs for the crash tests.
//
// Production code names the places; only the test binary `syncline-crashable` (tests/crash) can arm
// them, because only it calls arm_*(). In `syncline` the checks below are one load of a constant
// `false` each.
//
// A fail-point kills the process at a place (as SIGKILL would) when it is passed for the n-th time.
// A planted bug makes the code break one rule on purpose, so that the crash oracle can prove that
// it would notice.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace syncline::core {

enum class PlantedBug : std::uint8_t {
    kNone,
    kAckBeforeDurable,        // rule 3, first half
    kLaneMovesBeforeDurable,  // rule 3, second half
    kStatePastJournal,        // rule 1
    kLostWakeUp,              // group commit forgets a waiter
    kPositionReused,          // rule 1
    kCollidingLanes,          // lanes keyed by a hash of 4 bits
    kDedupByBody,             // rule 5
    kNoRedaction,             // nothing keeps secrets out of texts
};

// [any] Both may be called at any time before the hub starts.
bool arm_planted_bug(std::string_view name);  // false: no such bug
void arm_fail_point(std::string_view name,
                    unsigned count);  // dies when passed for the count-th time

// Waits 20 ms: widens the window in which a planted bug does harm. Does nothing unless one is
// armed.
void planted_delay();

namespace detail {
extern std::atomic<PlantedBug> planted_bug;
extern std::atomic<bool> fail_points_armed;
void pass_fail_point(std::string_view name);
}  // namespace detail

inline bool is_planted(PlantedBug bug) {
    return detail::planted_bug.load(std::memory_order_relaxed) == bug;
}

inline void fail_point(std::string_view name) {
    if (detail::fail_points_armed.load(std::memory_order_relaxed)) detail::pass_fail_point(name);
}

}  // namespace syncline::core
