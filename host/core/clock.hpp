// Time as an interface, so that tests and simulation own it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace syncline::core {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// A point in UTC, nanoseconds since 1970. Stored in facts; never used to measure a duration.
using WallTime = std::int64_t;

// Concurrency: every method may be called from any thread. [any]
class Clock {
  public:
    virtual ~Clock() = default;

    // UTC in nanoseconds; may jump when the machine's clock is set.
    virtual WallTime wall_ns() const = 0;

    // Since an arbitrary start, never backwards, goes on while the machine sleeps (CLOCK_BOOTTIME).
    virtual nanoseconds monotonic() const = 0;
};

// The machine's clocks. Lives for ever.
const Clock& system_clock();

// `2026-11-21T07:02:03.004Z`
struct Iso8601 {
    char text[32];
};
Iso8601 format_iso8601(WallTime wall_ns);

// Reads `2026-11-21T07:02:03Z`, with or without a fraction of the second, with `Z` or an offset
// such as `+01:00`. Nothing for any other text, or a year before 1970 or after 2200. [any]
std::optional<WallTime> parse_iso8601(std::string_view text);
// Seconds since 1970 of a date and time of day in UTC; nothing when there is no such moment. [any]
std::optional<std::int64_t> utc_seconds(int year, int month, int day, int hour, int minute,
                                        int second);

}  // namespace syncline::core
