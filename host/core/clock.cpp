#include "core/clock.hpp"

#include <charconv>
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

// Takes the digits of a number of fixed width off the text.
bool take_digits(std::string_view& text, std::size_t width, int& number) {
    if (text.size() < width) return false;
    const auto [end, error] = std::from_chars(text.data(), text.data() + width, number);
    if (error != std::errc{} || end != text.data() + width || text.front() == '-') return false;
    text.remove_prefix(width);
    return true;
}

bool take(std::string_view& text, char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
}

// `.123` and the like; nanoseconds, what is finer is cut off.
bool take_fraction(std::string_view& text, std::int64_t& fraction_ns) {
    if (!take(text, '.')) return true;
    std::int64_t unit = 100'000'000;
    const std::size_t before = text.size();
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1)) {
        fraction_ns += (text.front() - '0') * unit;
        unit /= 10;
    }
    return text.size() < before;
}

bool take_offset(std::string_view& text, std::int64_t& offset_s) {
    if (take(text, 'Z')) return true;
    const bool is_west = text.starts_with('-');
    int hours = 0;
    int minutes = 0;
    if (!take(text, '-') && !take(text, '+')) return false;
    if (!take_digits(text, 2, hours) || !take(text, ':') || !take_digits(text, 2, minutes))
        return false;
    if (hours > 23 || minutes > 59) return false;
    offset_s = (hours * 60 + minutes) * 60 * (is_west ? -1 : 1);
    return true;
}

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

std::optional<std::int64_t> utc_seconds(int year, int month, int day, int hour, int minute,
                                        int second) {
    using namespace std::chrono;
    const year_month_day date{std::chrono::year{year},
                              std::chrono::month{static_cast<unsigned>(month)},
                              std::chrono::day{static_cast<unsigned>(day)}};
    if (year < 1970 || year > 2200 || !date.ok()) return std::nullopt;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
        return std::nullopt;
    const auto days = sys_days{date}.time_since_epoch();
    return duration_cast<seconds>(days).count() + (hour * 60 + minute) * 60 + second;
}

std::optional<WallTime> parse_iso8601(std::string_view text) {
    constexpr std::int64_t kNsPerSecond = 1'000'000'000;
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    std::int64_t fraction_ns = 0, offset_s = 0;
    const bool is_whole =
        take_digits(text, 4, year) && take(text, '-') && take_digits(text, 2, month) &&
        take(text, '-') && take_digits(text, 2, day) && take(text, 'T') &&
        take_digits(text, 2, hour) && take(text, ':') && take_digits(text, 2, minute) &&
        take(text, ':') && take_digits(text, 2, second) && take_fraction(text, fraction_ns) &&
        take_offset(text, offset_s) && text.empty();
    if (!is_whole) return std::nullopt;
    const auto seconds = utc_seconds(year, month, day, hour, minute, second);
    if (!seconds) return std::nullopt;
    return (*seconds - offset_s) * kNsPerSecond + fraction_ns;
}

}  // namespace syncline::core
