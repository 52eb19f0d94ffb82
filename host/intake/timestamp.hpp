// When a sender says that it signed.
// Concurrency: pure functions. [any]
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "core/clock.hpp"
#include "core/error.hpp"

namespace syncline::intake {

// Seconds (up to 11 digits) or milliseconds (12 to 14) since 1970, ISO 8601, or a date as HTTP
// writes it (RFC 9110 section 5.6.7, the fixed form alone).
std::optional<core::WallTime> parse_timestamp(std::string_view text);

// The moment, if it is not further than `tolerance` from now, before or after.
// Errors: kStale.
Result<core::WallTime> check_timestamp(std::string_view text, core::WallTime now_ns,
                                       std::chrono::seconds tolerance);

}  // namespace syncline::intake
