#include <curl/curl.h>

#include <algorithm>

#include "http_client/client.hpp"

namespace syncline::http_client {
namespace {

constexpr std::int64_t kWaitSecondsMax = 24 * 60 * 60;
constexpr std::size_t kDateBytesMax = 64;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

}  // namespace

std::int64_t parse_retry_after(std::string_view value, std::int64_t now_s) {
    constexpr std::string_view kBlanks = " \t";
    const std::size_t first = value.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return -1;
    value = value.substr(first, value.find_last_not_of(kBlanks) - first + 1);

    if (std::all_of(value.begin(), value.end(), is_digit)) {
        std::int64_t seconds = 0;
        for (char c : value) seconds = std::min(seconds * 10 + (c - '0'), kWaitSecondsMax);
        return seconds;
    }
    // All three forms of an HTTP-date begin with the day's name; libcurl reads many more that
    // don't.
    const char initial = value.front();
    const bool is_letter = (initial >= 'A' && initial <= 'Z') || (initial >= 'a' && initial <= 'z');
    if (!is_letter || value.size() > kDateBytesMax) return -1;
    const std::int64_t date_s = curl_getdate(std::string{value}.c_str(), nullptr);
    if (date_s < 0) return -1;
    if (date_s <= now_s) return 0;
    return now_s < date_s - kWaitSecondsMax ? kWaitSecondsMax : date_s - now_s;
}

}  // namespace syncline::http_client
