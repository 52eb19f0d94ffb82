#include "core/clock.hpp"

#include <cstdio>
#include <ctime>

namespace syncline::core {
namespace {

nanoseconds read_clock(clockid_t id) {
    timespec now{};
    clock_gettime(id, &now);
    return std::chrono::seconds{now.tv_sec} + nanoseconds{now.tv_nsec};
}

class SystemClock final : public Clock {
  public:
    WallTime wall_ns() const override { return read_clock(CLOCK_REALTIME).count(); }
    nanoseconds monotonic() const override { return read_clock(CLOCK_BOOTTIME); }
};

}  // namespace

const Clock& system_clock() {
    static const SystemClock clock;
    return clock;
}

Iso8601 format_iso8601(WallTime wall_ns) {
    constexpr std::int64_t kNsPerMs = 1'000'000;
    std::int64_t ms = wall_ns / kNsPerMs;
    std::time_t seconds = static_cast<std::time_t>(ms / 1000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    Iso8601 result{};
    char date[24];
    std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    std::snprintf(result.text, sizeof result.text, "%s.%03dZ", date, static_cast<int>(ms % 1000));
    return result;
}

}  // namespace syncline::core
