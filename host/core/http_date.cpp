#include "core/http_date.hpp"

#include <algorithm>
#include <charconv>

namespace syncline::core {
namespace {

bool read_digits(std::string_view text, int& number) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (!std::all_of(text.begin(), text.end(), is_digit)) return false;
    return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc{};
}

}  // namespace

std::optional<WallTime> parse_http_date(std::string_view text) {
    constexpr std::string_view kDays = "MonTueWedThuFriSatSun";
    constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
    constexpr std::string_view kShape = "Day, 00 Mon 0000 00:00:00 GMT";
    if (text.size() != kShape.size() || text.substr(3, 2) != ", " || text[7] != ' ' ||
        text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':' ||
        text.substr(25) != " GMT")
        return std::nullopt;
    const std::size_t day_name = kDays.find(text.substr(0, 3));
    const std::size_t month = kMonths.find(text.substr(8, 3));
    int day = 0, year = 0, hour = 0, minute = 0, second = 0;
    const auto is_name = [](std::size_t at) { return at != std::string_view::npos && at % 3 == 0; };
    if (!is_name(day_name) || !is_name(month) || !read_digits(text.substr(5, 2), day) ||
        !read_digits(text.substr(12, 4), year) || !read_digits(text.substr(17, 2), hour) ||
        !read_digits(text.substr(20, 2), minute) || !read_digits(text.substr(23, 2), second))
        return std::nullopt;
    const auto seconds =
        utc_seconds(year, static_cast<int>(month / 3) + 1, day, hour, minute, second);
    if (!seconds) return std::nullopt;
    return *seconds * std::int64_t{1'000'000'000};
}

}  // namespace syncline::core
