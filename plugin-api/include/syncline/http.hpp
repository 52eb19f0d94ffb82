// Requests to the platform: what is sent and what comes back.
#ifndef SYNCLINE_HTTP_HPP
#define SYNCLINE_HTTP_HPP

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "syncline/failure.hpp"
#include "syncline/http.h"

namespace syncline {

struct HttpRequest {
    std::string method = "GET";
    std::string url;
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::string body = {};
    std::chrono::milliseconds timeout{0};  // 0: the host's default
};

// The result of one exchange. A view: valid during the callback.
class HttpResult {
  public:
    explicit HttpResult(const syncline_http_result& result) : result_(result) {}

    bool has_response() const { return result_.has_response != 0; }

    // With a response. `name` in lower case; "" if there is no such header.
    int status() const { return result_.status; }
    std::string_view body() const { return view(result_.body); }
    std::string_view header(std::string_view name) const {
        for (std::uint32_t i = 0; i < result_.header_count; ++i) {
            if (view(result_.headers[i].name) == name) return view(result_.headers[i].value);
        }
        return {};
    }

    // Without one.
    Failure failure() const {
        return result_.error != nullptr ? detail::from_c(*result_.error)
                                        : Failure{SYNCLINE_E_TRANSIENT, "no response came"};
    }
    bool may_have_been_processed() const { return result_.may_have_been_processed != 0; }

  private:
    const syncline_http_result& result_;
};

using HttpCallback = std::function<void(const HttpResult&)>;

// Retry-After, as seconds or as a date; -1 if it is absent or not understood, at most a day.
inline std::int64_t parse_retry_after_ms(std::string_view value, std::int64_t now_ns) {
    constexpr std::int64_t kDayMs = 86'400'000;
    if (!value.empty() && value.find_first_not_of("0123456789") == std::string_view::npos) {
        std::int64_t seconds = 0;
        const auto parsed = std::from_chars(value.data(), value.data() + value.size(), seconds);
        const bool is_long = parsed.ec != std::errc{} || seconds > kDayMs / 1000;
        return is_long ? kDayMs : seconds * 1000;
    }
    // "Sun, 06 Nov 1994 08:49:37 GMT": the one form that is still written.
    int day = 0, year = 0, hour = 0, minute = 0, second = 0;
    char month_name[4] = {};
    const std::string text{value.substr(0, 64)};
    if (std::sscanf(text.c_str(), "%*3s, %2d %3s %4d %2d:%2d:%2d GMT", &day, month_name, &year,
                    &hour, &minute, &second) != 6) {
        return -1;
    }
    const std::size_t at =
        std::string_view{"JanFebMarAprMayJunJulAugSepOctNovDec"}.find(month_name);
    if (at == std::string_view::npos || at % 3 != 0) return -1;
    // Days since 1970 in the proleptic Gregorian calendar; the year begins in March so that leap
    // days come last.
    const std::int64_t month = static_cast<std::int64_t>(at) / 3 + 1;
    const std::int64_t y = month <= 2 ? year - 1 : year;
    const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const std::int64_t days = y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719'468;
    const std::int64_t at_ms = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000;
    return std::clamp<std::int64_t>(at_ms - now_ns / 1'000'000, 0, kDayMs);
}

}  // namespace syncline

#endif
