// URLs, Retry-After, answers without a sense, and texts of errors.
#include <cstdint>
#include <string>

#include "support/catch.hpp"
#include "syncline/failure.hpp"
#include "syncline/http.hpp"
#include "syncline/url.hpp"

using syncline::parse_retry_after_ms;
using syncline::percent_encode;
using syncline::query_parameter;
using syncline::Url;

TEST_CASE("url: parameters are found by name and decoded", "[plugin_api][url]") {
    CHECK(query_parameter("type=VALIDATE", "type") == "VALIDATE");
    CHECK(query_parameter("a=1&type=x%20y+z&type=2", "type") == "x y z");
    CHECK(query_parameter("ty%70e=1", "type") == "1");
    CHECK(query_parameter("type&b=", "type") == "");
    CHECK(query_parameter("b=", "b") == "");
    CHECK(query_parameter("a=b=c", "a") == "b=c");
    CHECK(query_parameter("a=%4", "a") == "%4");
    CHECK(query_parameter("a=%zz%", "a") == "%zz%");
    CHECK_FALSE(query_parameter("", "a"));
    CHECK_FALSE(query_parameter("&&x=1", "a"));
}

TEST_CASE("url: everything but plain characters is escaped", "[plugin_api][url]") {
    CHECK(percent_encode("aZ0-._~") == "aZ0-._~");
    CHECK(percent_encode("a/b%c d\xC3\xA9") == "a%2Fb%25c%20d%C3%A9");
    CHECK((syncline::is_dot_segment(".") && syncline::is_dot_segment("..")));
    CHECK_FALSE((syncline::is_dot_segment("...") || syncline::is_dot_segment("a.")));
}

TEST_CASE("url: what is added to a URL is escaped", "[plugin_api][url]") {
    for (const char* base : {"https://x.example", "https://x.example/", "https://x.example//"})
        CHECK(Url{base, "/v1/users"}.text() == "https://x.example/v1/users");
    CHECK(Url{"https://x.example/api/", "/users"}.segment("a/b").segment("c?d").text() ==
          "https://x.example/api/users/a%2Fb/c%3Fd");
    CHECK(Url{"https://x.example", "/users"}.query("a&b", "x=y z").query("n", 7).text() ==
          "https://x.example/users?a%26b=x%3Dy%20z&n=7");
    CHECK(Url{"https://x.example", "/users"}.query("after", "").text() ==
          "https://x.example/users?after=");
    CHECK_THROWS_AS((Url{"https://x.example", "/users"}.segment("..")), syncline::Failure);
}

TEST_CASE("retry-after: seconds and dates, at most a day", "[plugin_api][http][C1]") {
    constexpr std::int64_t kNow = 784'111'777'000'000'000;  // Sun, 06 Nov 1994 08:49:37 GMT

    CHECK(parse_retry_after_ms("120", kNow) == 120'000);
    CHECK(parse_retry_after_ms("0", kNow) == 0);
    CHECK(parse_retry_after_ms("Sun, 06 Nov 1994 08:49:40 GMT", kNow) == 3'000);
    CHECK(parse_retry_after_ms("Sun, 06 Nov 1994 08:49:00 GMT", kNow) == 0);
    CHECK(parse_retry_after_ms("Thu, 29 Feb 1996 00:00:00 GMT", 825'551'999'000'000'000) == 1'000);
    CHECK(parse_retry_after_ms("99999999", kNow) == 86'400'000);
    CHECK(parse_retry_after_ms("99999999999999999999999", kNow) == 86'400'000);
    for (const char* text : {"", "-1", "1.5", "soon", "Sun, 06 Nox 1994 08:49:40 GMT",
                             "Sun, 06 ovD 1994 08:49:40 GMT"}) {
        CHECK(parse_retry_after_ms(text, kNow) == -1);
    }
}

TEST_CASE("http: an answer that makes no sense leaves open what its request did",
          "[plugin_api][http]") {
    syncline_http_result raw{};
    raw.status = 200;
    raw.body = syncline::borrow(R"({"id":"u1"} and more)");
    const syncline::Response to_get{raw, 0, false};
    CHECK(to_get.json().is_null());
    CHECK(to_get.malformed("Acme").message == "Acme's answer is malformed");
    CHECK(to_get.malformed("Acme").failure_class == SYNCLINE_E_TRANSIENT);
    CHECK(to_get.malformed("Acme").provider_code == "200");
    CHECK_FALSE(to_get.malformed("Acme").may_have_had_effect);

    raw.body = syncline::borrow(R"({"id":"u1"})");
    const syncline::Response to_post{raw, 0, true};
    CHECK(to_post.json().text_or("id", "") == "u1");
    CHECK(to_post.malformed("Acme").may_have_had_effect);
}

TEST_CASE("errors: a text is cut between characters and always ends", "[plugin_api]") {
    const auto error =
        syncline::detail::to_c({SYNCLINE_E_CONFLICT, std::string(510, 'x') + "\xC3\xA9", "c", 5});

    CHECK(syncline::detail::from_c(error).message == std::string(510, 'x'));
    CHECK(error.failure_class == SYNCLINE_E_CONFLICT);
    CHECK(syncline::detail::from_c(error).provider_code == "c");
    CHECK(error.retry_after_ms == 5);

    auto endless = error;
    std::fill(std::begin(endless.message), std::end(endless.message), 'y');
    CHECK(syncline::detail::from_c(endless).message.size() == sizeof endless.message);
}
