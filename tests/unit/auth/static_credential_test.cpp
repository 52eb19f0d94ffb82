#include "auth/static_credential.hpp"

#include "additions.hpp"
#include "auth/errc.hpp"
#include "auth/moment.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::auth;
using core::Secret;

TEST_CASE("api key: stands in a header or in the query", "[auth][static]") {
    CHECK(test::header(add_api_key({"Api-Token", "", "", Secret{"k1"}}), "Api-Token") == "k1");
    CHECK(test::header(add_api_key({"Authorization", "", "Token ", Secret{"k1"}}),
                       "Authorization") == "Token k1");
    const auto in_query = add_api_key({"", "api key", "", Secret{"a&b=c d"}});
    CHECK(in_query->query.reveal() == "api%20key=a%26b%3Dc%20d");
    CHECK(with_query("https://x.example/p?q=1#f", in_query->query.reveal()) ==
          "https://x.example/p?q=1&api%20key=a%26b%3Dc%20d#f");
    CHECK(with_query("https://x.example/p?", "a=b") == "https://x.example/p?a=b");
    CHECK(with_query("https://x.example/p", "a=b") == "https://x.example/p?a=b");
}

TEST_CASE("basic: agrees with RFC 7617", "[auth][static]") {
    CHECK(test::header(add_basic({"Aladdin", Secret{"open sesame"}}), "Authorization") ==
          "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    CHECK(test::header(add_basic({"key", Secret{}}), "Authorization") == "Basic a2V5Og==");
}

TEST_CASE("bearer: is a header", "[auth][static]") {
    CHECK(test::header(add_bearer(Secret{"t.o-k_en"}), "Authorization") == "Bearer t.o-k_en");
}

TEST_CASE("credentials: what is empty or would end a line is refused, and not shown",
          "[auth][static]") {
    const Result<Additions> results[] = {
        add_api_key({"X-Key", "", "", Secret{}}),
        add_api_key({"X-Key", "key", "", Secret{"hush"}}),
        add_api_key({"", "", "", Secret{"hush"}}),
        add_api_key({"X Key", "", "", Secret{"hush"}}),
        add_api_key({"X-Key", "", "", Secret{"hush\r\nHost: other"}}),
        add_api_key({"X-Key", "", "a\n", Secret{"hush"}}),
        add_basic({"", Secret{"hush"}}),
        add_basic({"a:b", Secret{"hush"}}),
        add_bearer(Secret{}),
        add_bearer(Secret{"hush\n"}),
    };
    for (const auto& result : results) {
        REQUIRE_FALSE(result.has_value());
        CHECK(result.error().is(kCredentialInvalid));
        CHECK(result.error().to_string().find("hush") == std::string::npos);
    }
}

TEST_CASE("url: is cut into parts as it stands", "[auth][url]") {
    const auto parts = parse_url("HTTPS://API.example:443/a%20b//c?x=1&y#frag");
    CHECK(parts->scheme == "https");
    CHECK(parts->host == "api.example");
    CHECK(parts->path == "/a%20b//c");
    CHECK(parts->query == "x=1&y");
    CHECK(parse_url("http://h:8080?x")->host == "h:8080");
    CHECK(parse_url("http://h:8080?x")->path == "/");
    for (std::string_view url :
         {"", "/path", "ftp://h/", "https://", "https://u:p@h/", "https:///p", "https://h/\n"}) {
        INFO(url);
        CHECK(parse_url(url).error().is(kRequestUnsignable));
    }
}

TEST_CASE("percent-encoding: reads and writes", "[auth][url]") {
    CHECK(percent_encode("AZaz09-._~ /%\xc3\xa9") == "AZaz09-._~%20%2F%25%C3%A9");
    CHECK(percent_decode("a%2fb%C3%a9+%zz%4") == "a/b\xc3\xa9+%zz%4");
    CHECK(parse_form("a=1+2&b&&=x&c=%3D") ==
          std::vector<Parameter>{{"a", "1 2"}, {"b", ""}, {"", "x"}, {"c", "="}});
}

TEST_CASE("moments: are spelled as the schemes want them", "[auth][moment]") {
    constexpr core::WallTime kTime = 1'369'353'600'123'000'000;  // 2013-05-24
    CHECK(basic_iso_date(kTime) == "20130524T000000Z");
    CHECK(iso_date(kTime) == "2013-05-24T00:00:00Z");
    CHECK(iso_date_with_millis(kTime) == "2013-05-24T00:00:00.123Z");
    CHECK(http_date(kTime) == "Fri, 24 May 2013 00:00:00 GMT");
    CHECK(http_date(784'111'777'000'000'000) == "Sun, 06 Nov 1994 08:49:37 GMT");  // RFC 9110
    CHECK(unix_seconds(kTime) == 1'369'353'600);
}
