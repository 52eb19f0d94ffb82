#include "core/fault.hpp"

#include <unistd.h>
#include <csignal>
#include <ctime>
#include <string>

namespace syncline::core {
namespace detail {
std::atomic<PlantedBug> planted_bug{PlantedBug::kNone};
std::atomic<bool> fail_points_armed{false};
}  // namespace detail

namespace {

struct NamedBug {
    std::string_view name;
    PlantedBug bug;
};

constexpr NamedBug kBugs[] = {
    {"ack-before-durable", PlantedBug::kAckBeforeDurable},
    {"lane-moves-before-durable", PlantedBug::kLaneMovesBeforeDurable},
    {"state-past-journal", PlantedBug::kStatePastJournal},
    {"lost-wake-up", PlantedBug::kLostWakeUp},
    {"position-reused", PlantedBug::kPositionReused},
    {"colliding-lanes", PlantedBug::kCollidingLanes},
    {"dedup-by-body", PlantedBug::kDedupByBody},
    {"no-redaction", PlantedBug::kNoRedaction},
};

std::string armed_name;
std::atomic<unsigned> passes_left{0};

}  // namespace

bool arm_planted_bug(std::string_view name) {
    for (const NamedBug& candidate : kBugs) {
        if (candidate.name == name) {
            detail::planted_bug = candidate.bug;
            return true;
        }
    }
    return false;
}

void arm_fail_point(std::string_view name, unsigned count) {
    armed_name = name;
    passes_left = count;
    detail::fail_points_armed = count > 0;
}

void planted_delay() {
    constexpr timespec kDelay{0, 20'000'000};
    if (!is_planted(PlantedBug::kNone)) ::nanosleep(&kDelay, nullptr);
}

void detail::pass_fail_point(std::string_view name) {
    if (name != armed_name) return;
    if (passes_left.fetch_sub(1) == 1) ::kill(::getpid(), SIGKILL);
}

}  // namespace syncline::core
