#include "auth/moment.hpp"

#include <array>
#include <chrono>
#include <cstdio>

namespace syncline::auth {
namespace {

using namespace std::chrono;

struct Fields {
    int year;
    unsigned month, day, weekday;  // month from 1, weekday from Sunday as 0
    int hour, minute, second, millis;
};

Fields fields_of(core::WallTime time) {
    const sys_time<nanoseconds> moment{nanoseconds{time}};
    const auto midnight = floor<days>(moment);
    const year_month_day date{midnight};
    const hh_mm_ss clock{floor<milliseconds>(moment - midnight)};
    return {static_cast<int>(date.year()),
            static_cast<unsigned>(date.month()),
            static_cast<unsigned>(date.day()),
            weekday{midnight}.c_encoding(),
            static_cast<int>(clock.hours().count()),
            static_cast<int>(clock.minutes().count()),
            static_cast<int>(clock.seconds().count()),
            static_cast<int>(clock.subseconds().count())};
}

template <class... Values>
std::string print(const char* format, Values... values) {
    std::array<char, 96> text{};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    const int size = std::snprintf(text.data(), text.size(), format, values...);
#pragma GCC diagnostic pop
    return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace

std::int64_t unix_seconds(core::WallTime time) {
    return floor<seconds>(nanoseconds{time}).count();
}

std::string basic_iso_date(core::WallTime time) {
    const Fields f = fields_of(time);
    return print("%04d%02u%02uT%02d%02d%02dZ", f.year, f.month, f.day, f.hour, f.minute, f.second);
}

std::string iso_date(core::WallTime time) {
    const Fields f = fields_of(time);
    return print("%04d-%02u-%02uT%02d:%02d:%02dZ", f.year, f.month, f.day, f.hour, f.minute,
                 f.second);
}

std::string iso_date_with_millis(core::WallTime time) {
    const Fields f = fields_of(time);
    return print("%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", f.year, f.month, f.day, f.hour, f.minute,
                 f.second, f.millis);
}

std::string http_date(core::WallTime time) {
    static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const Fields f = fields_of(time);
    return print("%s, %02u %s %04d %02d:%02d:%02d GMT", kDays[f.weekday], f.day,
                 kMonths[f.month - 1], f.year, f.hour, f.minute, f.second);
}

}  // namespace syncline::auth
