// Moments as signatures spell them; all in UTC.
#pragma once

#include <string>

#include "core/clock.hpp"

namespace syncline::auth {

std::int64_t unix_seconds(core::WallTime time);         // [any]
std::string basic_iso_date(core::WallTime time);        // 20130524T000000Z [any]
std::string iso_date(core::WallTime time);              // 2013-05-24T00:00:00Z [any]
std::string iso_date_with_millis(core::WallTime time);  // 2013-05-24T00:00:00.000Z [any]
std::string http_date(core::WallTime time);             // Fri, 24 May 2013 00:00:00 GMT [any]

}  // namespace syncline::auth
