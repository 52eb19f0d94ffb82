// What is counted of the answers to a group of requests: those of one route, or those that nobody
// claimed.
// Concurrency: [any]; written on [io].
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/metrics.hpp"

namespace syncline::http_server {

// Why a request got no success. Names are public contract.
enum class Refusal : std::uint8_t {
    kByStatus,  // the status tells
    kMalformed,
    kNotAuthentic,
    kNotFound,
    kTooSlow,
    kTooLarge,
    kHeadTooLarge,
    kCoding,
    kMessageIdMissing,
    kTooManyConnections,
    kBusy,
    kQuota,
    kDiskFull,
    kFailed,
    kOther,
};
inline constexpr std::size_t kRefusals = static_cast<std::size_t>(Refusal::kOther) + 1;
std::string_view to_string(Refusal refusal);

struct Tally {
    // `handled`: from the request in hand to its answer, when a handler had it.
    void count(int status, Refusal refusal, std::optional<std::chrono::nanoseconds> handled);

    std::array<core::Counter, 5> answers;  // by the first digit of the status
    std::array<core::Counter, kRefusals> refusals;
    core::Histogram acknowledged{core::kShortTimes};  // of 2xx
};

}  // namespace syncline::http_server
