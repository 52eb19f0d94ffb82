// Dates as HTTP writes them (RFC 9110 section 5.6.7), the fixed form alone.
#pragma once

#include <optional>
#include <string_view>

#include "core/clock.hpp"

namespace syncline::core {

// Reads `Sun, 06 Nov 1994 08:49:37 GMT`. Nothing for any other text. [any]
std::optional<WallTime> parse_http_date(std::string_view text);

}  // namespace syncline::core
