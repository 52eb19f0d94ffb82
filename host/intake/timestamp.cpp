#include "intake/timestamp.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "core/http_date.hpp"
#include "http_server/text.hpp"
#include "intake/errc.hpp"

namespace syncline::intake {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

template <class Integer>
bool read_digits(std::string_view text, Integer& number) {
    if (text.empty() || !std::all_of(text.begin(), text.end(), http_server::is_digit)) return false;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::optional<core::WallTime> parse_timestamp(std::string_view text) {
    constexpr std::size_t kSecondsDigits = 11, kMillisecondsDigits = 14;
    std::int64_t number = 0;
    if (text.size() <= kMillisecondsDigits && read_digits(text, number)) {
        const bool is_seconds = text.size() <= kSecondsDigits;
        constexpr std::int64_t kMax_s = std::int64_t{9'000'000'000};  // in nanoseconds it fits
        if ((is_seconds ? number : number / 1000) > kMax_s) return std::nullopt;
        return is_seconds ? number * kNsPerSecond : number * (kNsPerSecond / 1000);
    }
    if (const auto date = core::parse_http_date(text)) return date;
    return core::parse_iso8601(text);
}

Result<core::WallTime> check_timestamp(std::string_view text, core::WallTime now_ns,
                                       std::chrono::seconds tolerance) {
    const auto at = parse_timestamp(text);
    if (!at) return Error(kStale, "the signature's timestamp is not one");
    const core::WallTime apart = *at < now_ns ? now_ns - *at : *at - now_ns;
    if (apart > core::nanoseconds{tolerance}.count())
        return Error(kStale, "the signature was made more than " +
                                 std::to_string(tolerance.count()) + " s before or after now");
    return *at;
}

}  // namespace syncline::intake
