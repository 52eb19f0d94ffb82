// What is counted of one connection's deliveries since the start. What became of its records is in
// the ledger.
// Concurrency: [any]
#pragma once

#include <array>
#include <string_view>

#include "core/metrics.hpp"

namespace syncline::pipeline {

// The classes of a failed attempt: those of connectors, what the hub says in their place, and
// last what fits none.
inline constexpr std::array<std::string_view, 19> kAttemptClasses{
    "config",    "auth_expired",  "auth_denied", "rate_limited",   "transient",
    "permanent", "not_found",     "conflict",    "cursor_invalid", "cancelled",
    "deadline",  "unsupported",   "plugin_bug",  "host_bug",       "stale",
    "unknown",   "not_attempted", "mapping",     "other"};

struct DeliveryMetrics {
    void count_failure(std::string_view failure_class);

    core::Histogram latency{core::kLongTimes};  // event received -> record delivered
    core::Histogram batch_records{core::kSizes};
    std::array<core::Counter, kAttemptClasses.size()> failures;
};

}  // namespace syncline::pipeline
