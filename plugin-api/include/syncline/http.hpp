// Requests to the platform: what is sent and what comes back.
//
//     const Response response = co_await http::post(url, body.text());
//     if (!response.is_success()) throw response.refusal("Acme");
//
// The host sends each request once. When no response came, the `co_await` throws a Failure, which
// knows whether the platform may have acted; when the operation is cancelled or the instance is
// being stopped, that is a Failure of class SYNCLINE_E_CANCELLED (or the response, if it was
// faster), and every later request of the operation ends so at once.
#ifndef SYNCLINE_HTTP_HPP
#define SYNCLINE_HTTP_HPP

#include <algorithm>
#include <charconv>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "syncline/failure.hpp"
#include "syncline/http.h"
#include "syncline/json.hpp"
#include "syncline/runtime.hpp"
#include "syncline/task.hpp"

namespace syncline {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
    std::string method = "GET";
    std::string url;
    HttpHeaders headers = {};
    std::string body = {};
    std::chrono::milliseconds timeout{0};  // 0: the host's default
};

// What the platform answered.
class Response {
  public:
    Response(const syncline_http_result& result, std::int64_t now_ns, bool may_have_had_effect);

    int status() const { return status_; }
    bool is_success() const { return status_ >= 200 && status_ < 300; }
    const std::string& body() const { return body_; }
    // The body; null if it is not JSON, so that nothing is found in it. Lives in the response.
    const json::Value& json() const;
    // `name` in lower case; "" if there is no such header.
    std::string_view header(std::string_view name) const {
        for (const auto& [own, value] : headers_) {
            if (own == name) return value;
        }
        return {};
    }

    // What the status means, with the platform's own words: its `error` or `message`, or else the
    // beginning of the body. 429, 408 and 503 are worth another attempt, 401 and 403 are about the
    // credentials, other 4xx are final: all of them had no effect. With anything else it is open.
    Failure refusal(std::string_view platform) const;
    // For a success that does not say what it should: worth another attempt, and unless the request
    // was a GET it is open what it did.
    Failure malformed(std::string_view platform) const;

  private:
    int status_ = 0;
    HttpHeaders headers_;
    std::string body_;
    mutable std::optional<json::Value> json_;  // from when somebody asks
    std::int64_t retry_after_ms_ = -1;
    bool may_have_had_effect_ = false;
};

namespace detail {

// A request on its way.
class Exchange final : public OpenExchange {
  public:
    Exchange(Scope& of, HttpRequest request) : OpenExchange(of), request_(std::move(request)) {}

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiting);
    Response await_resume() {
        if (thrown_) std::rethrow_exception(thrown_);
        return std::move(*response_);
    }
    // The blocking style: sends and waits.
    Response fetch();

  private:
    template <typename Send>
    auto with_raw(const Send& send);
    void take(const syncline_http_result& result) noexcept override;
    void fail(const syncline_error& error, bool may_have_been_processed);
    // GET and HEAD change nothing, however they end.
    bool changes_something() const { return request_.method != "GET" && request_.method != "HEAD"; }

    HttpRequest request_;
    std::optional<Response> response_;
    std::exception_ptr thrown_;
};

}  // namespace detail

namespace http {

// A request that goes out when it is awaited; that yields the Response.
class [[nodiscard]] Sending final : public detail::Awaitable {
  public:
    explicit Sending(HttpRequest request) : request_(std::move(request)) {}

  private:
    friend class detail::PromiseBase;
    detail::Exchange awaiter_in(detail::Scope& scope) &&;

    HttpRequest request_;
};

inline Sending send(HttpRequest request) {
    return Sending{std::move(request)};
}

// Another method, such as DELETE; with a body, say by headers what it is.
inline Sending send(std::string_view method, std::string_view url, std::string_view body = {},
                    HttpHeaders headers = {}) {
    return send({std::string{method}, std::string{url}, std::move(headers), std::string{body}});
}

inline HttpHeaders json_headers() {
    return {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
}

// The texts are copied. Headers of its own: name them on a line above, since GCC 12 destroys twice
// what braces make inside a statement with co_await.
inline Sending get(std::string_view url, HttpHeaders headers = {}) {
    return send("GET", url, {}, std::move(headers));
}
inline Sending post(std::string_view url, std::string_view body,
                    HttpHeaders headers = json_headers()) {
    return send("POST", url, body, std::move(headers));
}

}  // namespace http

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

// ---- Implementation --------------------------------------------------------------------------

inline Response::Response(const syncline_http_result& result, std::int64_t now_ns,
                          bool may_have_had_effect)
    : status_(result.status), body_(view(result.body)), may_have_had_effect_(may_have_had_effect) {
    headers_.reserve(result.header_count);
    for (std::uint32_t i = 0; i < result.header_count; ++i) {
        headers_.emplace_back(view(result.headers[i].name), view(result.headers[i].value));
    }
    retry_after_ms_ = parse_retry_after_ms(header("retry-after"), now_ns);
}

inline const json::Value& Response::json() const {
    if (!json_) json_ = json::parse(body_).value.value_or(json::Value{});
    return *json_;
}

inline Failure Response::malformed(std::string_view platform) const {
    Failure failure{SYNCLINE_E_TRANSIENT, std::string{platform} + "'s answer is malformed",
                    std::to_string(status_)};
    failure.may_have_had_effect = may_have_had_effect_;
    return failure;
}

inline Failure Response::refusal(std::string_view platform) const {
    const json::Value& reply = json();
    const json::Value* error = reply.find("error");
    const std::string* words = error != nullptr ? error->string() : nullptr;
    if (words == nullptr && error != nullptr) words = error->find_string("message");
    if (words == nullptr) words = reply.find_string("message");

    Failure failure{SYNCLINE_E_TRANSIENT, std::string{platform}, std::to_string(status_),
                    retry_after_ms_};
    failure.message += " answered " + std::to_string(status_);
    const std::string text = words != nullptr ? *words : body_.substr(0, 200);
    if (!text.empty()) failure.message += ": " + text;
    failure.may_have_had_effect = may_have_had_effect_;
    if (status_ == 429) {
        failure.failure_class = SYNCLINE_E_RATE_LIMITED;
    } else if (status_ == 401 || status_ == 403) {
        failure.failure_class = SYNCLINE_E_AUTH_DENIED;
    } else if (status_ >= 400 && status_ < 500 && status_ != 408) {
        failure.failure_class = SYNCLINE_E_PERMANENT;
    }
    return failure;
}

namespace detail {

template <typename Send>
auto Exchange::with_raw(const Send& send) {
    std::vector<syncline_pair> headers;
    headers.reserve(request_.headers.size());
    for (const auto& [name, value] : request_.headers) {
        headers.push_back({borrow(name), borrow(value)});
    }
    syncline_http_request raw{};
    raw.struct_size = sizeof raw;
    raw.header_count = static_cast<std::uint32_t>(headers.size());
    raw.method = borrow(request_.method);
    raw.url = borrow(request_.url);
    raw.headers = headers.data();
    raw.body = borrow(request_.body);
    raw.timeout_ms = request_.timeout.count();
    return send(raw);
}

inline bool Exchange::await_suspend(std::coroutine_handle<> waiting) {
    return with_raw([&](const syncline_http_request& raw) {
        syncline_error error = empty_error();
        if (scope.runtime->send(*this, raw, waiting, error)) return true;
        fail(error, false);
        return false;
    });
}

inline Response Exchange::fetch() {
    with_raw([&](const syncline_http_request& raw) {
        syncline_error error = empty_error();
        if (const syncline_http_result* result = scope.runtime->fetch(raw, error)) {
            take(*result);
        } else {
            fail(error, false);
        }
    });
    return await_resume();
}

inline void Exchange::take(const syncline_http_result& result) noexcept {
    try {
        if (result.has_response == 0) {
            syncline_error none = empty_error();
            fill(none, SYNCLINE_E_TRANSIENT, "no response came");
            return fail(result.error != nullptr ? *result.error : none,
                        result.may_have_been_processed != 0);
        }
        const bool is_refused =
            (result.status >= 400 && result.status < 500) || result.status == 503;
        const bool may_have_had_effect = changes_something() && !is_refused;
        if (may_have_had_effect) scope.got_through();
        response_.emplace(result, scope.runtime->now_ns(), may_have_had_effect);
    } catch (...) {
        scope.got_through();
        thrown_ = std::current_exception();
    }
}

inline void Exchange::fail(const syncline_error& error, bool may_have_been_processed) {
    Failure failure = from_c(error);
    failure.may_have_had_effect = changes_something() && may_have_been_processed;
    if (failure.may_have_had_effect) scope.got_through();
    thrown_ = std::make_exception_ptr(std::move(failure));
}

}  // namespace detail

inline detail::Exchange http::Sending::awaiter_in(detail::Scope& scope) && {
    return detail::Exchange{scope, std::move(request_)};
}
}  // namespace syncline

#endif
