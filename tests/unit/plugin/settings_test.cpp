#include <boost/json/parse.hpp>

#include "plugin/errc.hpp"
#include "plugin/log_gate.hpp"
#include "plugin/manifest.hpp"
#include "plugin/settings_schema.hpp"
#include "support/catch.hpp"
#include "support/fake_clock.hpp"

using namespace syncline;
using namespace syncline::plugin;
namespace json = boost::json;

namespace {

Manifest manifest() {
    Manifest manifest;
    manifest.settings_schema = json::parse(R"({
        "type": "object", "required": ["base_url", "token"], "additionalProperties": false,
        "properties": {
            "base_url": {"type": "string", "format": "uri"},
            "token": {"type": "string", "minLength": 4, "writeOnly": true},
            "region": {"enum": ["eu", "us"], "default": "eu"},
            "limit": {"type": "integer", "minimum": 1, "maximum": 5},
            "code": {"type": "string", "pattern": "^[A-Z]+$"},
            "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
            "deep": {"type": "object",
                     "properties": {"a/b": {"type": "boolean", "default": true}}}}})")
                                   .as_object();
    return manifest;
}

std::string violations_of(const char* settings) {
    const auto checked = check_settings(manifest(), json::parse(settings).as_object());
    if (checked) return {};
    CHECK(checked.error().is(kSettingsInvalid));
    return checked.error().what();
}

}  // namespace

TEST_CASE("settings: what fits the schema passes", "[plugin][settings]") {
    CHECK(violations_of(
              R"({"base_url": "https://api.example.com/v1", "token": "abcd", "region": "us",
                "limit": 5, "code": "AB", "tags": ["a"], "deep": {"a/b": false}})")
              .empty());
}

TEST_CASE("settings: every violation is a pointer and a sentence", "[plugin][settings]") {
    const std::string all =
        violations_of(R"({"base_url": "api.example.com", "region": "moon", "limit": 9, "code": "a",
        "tags": ["a", 3], "deep": {"a/b": "yes"}, "colour": 1})");
    for (const char* part :
         {"/base_url: must be a string, an absolute URL", "/token: is required",
          "/region: must be one of \"eu\", \"us\"",
          "/limit: must be an integer, at least 1, at most 5",
          "/code: must be a string, that matches `^[A-Z]+$`", "/tags/1: must be a string",
          "/deep/a~1b: must be true or false", "/colour: is not a known setting"}) {
        CHECK_THAT(all, Catch::Contains(part));
    }
    // Once each: what a parent says about its child is left out.
    CHECK(std::count(all.begin(), all.end(), ';') == 7);
}

TEST_CASE("settings: values are never repeated in a message", "[plugin][settings]") {
    CHECK_THAT(violations_of(R"({"base_url": "topsecret", "token": "abc"})"),
               !Catch::Contains("topsecret") && !Catch::Contains("abc\""));
}

TEST_CASE("settings: a URL has a scheme, a host and no spaces", "[plugin][settings]") {
    for (const char* url :
         {"https://a", "http://127.0.0.1:8080/x?y#z", "urn:isbn:1", "https://[::1]/"}) {
        INFO(url);
        json::object settings{{"base_url", url}, {"token", "abcd"}};
        CHECK(check_settings(manifest(), settings).has_value());
    }
    for (const char* url : {"", "a", "://a", "https:", "https://", "https:///x", "https://:80/",
                            "https://a b", "1http://a", "https:/a", "https://a\nb"}) {
        INFO(url);
        json::object settings{{"base_url", url}, {"token", "abcd"}};
        CHECK_FALSE(check_settings(manifest(), settings).has_value());
    }
}

TEST_CASE("settings: a text too long for a pattern is refused, not matched", "[plugin][settings]") {
    json::object settings{
        {"base_url", "https://a"}, {"token", "abcd"}, {"code", std::string(5'000'000, 'A')}};
    CHECK_THAT(check_settings(manifest(), settings).error().what(),
               Catch::Contains("/code: must be at most"));
    settings["code"] = std::string(2 * 1024, 'A');
    CHECK(check_settings(manifest(), settings).has_value());
}

TEST_CASE("settings: absent ones get their default", "[plugin][settings]") {
    json::object filled = json::parse(R"({"token": "abcd", "deep": {}})").as_object();
    add_defaults(manifest().settings_schema, filled);
    CHECK(filled.at("region") == json::value("eu"));
    CHECK(filled.at("deep").as_object().at("a/b") == json::value(true));
    CHECK_FALSE(filled.contains("limit"));
}

TEST_CASE("log gate: secrets are hidden and floods are cut", "[plugin][log][B23]") {
    syncline::test::FakeClock clock;
    LogGate gate{
        clock, manifest().settings_schema, {{"token", "s3cret"}, {"base_url", "https://a"}}};
    CHECK(gate.without_secrets("a s3cret b s3crets3cret") == "a [redacted] b [redacted][redacted]");
    CHECK(gate.without_secrets("https://a") == "https://a");

    std::uint64_t suppressed = 0;
    int passed = 0;
    for (int i = 0; i < 1000; ++i) passed += gate.admit(suppressed) ? 1 : 0;
    CHECK(passed == 200);
    clock.advance(std::chrono::milliseconds{100});
    CHECK(gate.admit(suppressed));
    CHECK(suppressed == 800);
}
