// Drives the connector through the C interface, as the hub does.
#include <string>

#include "support/catch.hpp"
#include "syncline/testing.hpp"

using syncline::Failure;
using syncline::testing::FakeHost;
using syncline::testing::Headers;
using syncline::testing::Request;
using syncline::testing::Services;
using syncline::testing::Translation;

namespace {

constexpr const char* kSimple = R"({"key": "/id"})";

Translation translate(const std::string& settings, const Request& request) {
    FakeHost host{syncline_plugin_v1, settings};
    Translation result = host.translate(request);
    host.stop();
    CHECK(host.violations.empty());
    return result;
}

Translation post(const std::string& settings, const std::string& body,
                 const std::string& type = "application/json") {
    return translate(settings, Request{"POST", "", "", body, {{"content-type", type}}});
}

}  // namespace

TEST_CASE("webhook: an object is a record", "[webhook]") {
    const auto result = post(kSimple, R"({"id":"u1", "name":"Ann"})");

    REQUIRE(result.records.size() == 1);
    CHECK(result.records[0].stream == "records");
    CHECK(result.records[0].operation == SYNCLINE_UPSERT);
    CHECK(result.records[0].key == "u1");
    CHECK(result.records[0].body == R"({"id":"u1","name":"Ann"})");
}

TEST_CASE("webhook: a list is a record for each item", "[webhook]") {
    const auto result = post(kSimple, R"([{"id":1},{"id":18446744073709551615},{"id":"c"}])");

    REQUIRE(result.records.size() == 3);
    CHECK(result.records[0].key == "1");
    CHECK(result.records[1].key == "18446744073709551615");
    CHECK(result.records[2].key == "c");
    CHECK(post(kSimple, "[]").records.empty());
}

TEST_CASE("webhook: records and keys may stand deep within", "[webhook]") {
    const std::string settings = R"({"records": "/data/it~1ems", "key": "/ids/0"})";
    const auto result =
        post(settings, R"({"data":{"it/ems":[{"ids":["a","b"]},{"ids":["c"]}]},"page":1})");

    REQUIRE(result.records.size() == 2);
    CHECK(result.records[0].key == "a");
    CHECK(result.records[1].key == "c");
}

TEST_CASE("webhook: one record may stand alone within", "[webhook]") {
    const auto result = post(R"({"records": "/user", "key": "/id"})", R"({"user":{"id":"u1"}})");
    REQUIRE(result.records.size() == 1);
    CHECK(result.records[0].body == R"({"id":"u1"})");
}

TEST_CASE("webhook: an expression makes the key, another one tells deletions", "[webhook]") {
    const std::string settings = R"({"key": {"expr": ".user"}, "delete_when": ".gone"})";
    const auto result =
        post(settings, R"([{"user":"a","gone":true},{"user":"b","gone":false},{"user":"c"}])");

    REQUIRE(result.records.size() == 3);
    CHECK(result.records[0].key == "a");
    CHECK(result.records[0].operation == SYNCLINE_DELETE);
    CHECK(result.records[1].operation == SYNCLINE_UPSERT);
    CHECK(result.records[2].operation == SYNCLINE_UPSERT);
}

TEST_CASE("webhook: lines of JSON are documents, empty lines are nothing", "[webhook]") {
    const auto result = post(kSimple, "{\"id\":\"a\"}\r\n\n[{\"id\":\"b\"},{\"id\":\"c\"}]\n",
                             "application/x-ndjson");

    REQUIRE(result.records.size() == 3);
    CHECK(result.records[0].key == "a");
    CHECK(result.records[2].key == "c");
}

TEST_CASE("webhook: a form and a query are objects", "[webhook]") {
    const auto form = post(kSimple, "id=u+1&tag=a&name=Ann%20B&tag=b",
                           "Application/X-WWW-Form-Urlencoded; charset=utf-8");
    REQUIRE(form.records.size() == 1);
    CHECK(form.records[0].key == "u 1");
    CHECK(form.records[0].body == R"({"id":"u 1","tag":["a","b"],"name":"Ann B"})");

    const auto query = translate(kSimple, Request{"GET", "", "id=u1&name=", ""});
    REQUIRE(query.records.size() == 1);
    CHECK(query.records[0].body == R"({"id":"u1","name":""})");
}

TEST_CASE("webhook: JSON is taken for JSON whatever the sender calls it", "[webhook]") {
    for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded",
                             "application/vnd.acme.event+json", "application/json; charset=utf-8"})
        CHECK(post(kSimple, " {\"id\":\"u1\"}", type).records.size() == 1);
}

TEST_CASE("webhook: what can't be understood is a permanent failure that says why and where",
          "[webhook]") {
    const auto fails_with = [](const Translation& result, const std::string& words) {
        CHECK(result.status == SYNCLINE_E_PERMANENT);
        CHECK(result.records.empty());
        CHECK(result.failure.message == words);
    };

    fails_with(post(kSimple, "{\"id\":"), "the body is not JSON: a value is expected at byte 6");
    fails_with(post(kSimple, ""), "the body is not JSON: a value is expected at byte 0");
    fails_with(post(kSimple, R"({"name":"Ann"})"), "nothing at /id");
    fails_with(post(kSimple, R"([{"id":"a"},{"id":"b"},{"name":"c"}])"),
               "record 3: nothing at /id");
    fails_with(post(kSimple, R"([{"id":null}])"), "record 1: null at /id, where the key should be");
    fails_with(post(kSimple, R"({"id":{}})"), "a key is a text or an integer; see /id");
    fails_with(post(kSimple, R"({"id":""})"), "a key is a text or an integer; see /id");
    fails_with(post(kSimple, R"({"id":1.5})"), "a key is a text or an integer; see /id");
    fails_with(post(kSimple, R"({"id":")" + std::string(1025, 'x') + "\"}"),
               "the key at /id is too long");
    fails_with(post(kSimple, "7"), "a record is a JSON object");
    fails_with(post(kSimple, "{\"id\":1}\nx", "application/x-ndjson"),
               "line 2: not JSON: a value is expected at byte 0");
    fails_with(post(R"({"key":"/id","records":"/items"})", R"({"item":[]})"), "nothing at /items");
    fails_with(post(R"({"key":{"expr":".id"}})", "{}"),
               "null at the expression of `key`, where the key should be");
}

TEST_CASE("webhook: an expression that fails names the record", "[webhook]") {
    Services services;
    services.evaluate = [](std::string_view, std::string_view input) -> std::string {
        if (input.find("bad") != std::string_view::npos)
            throw Failure{SYNCLINE_E_PERMANENT, "can't add"};
        return "\"k\"";
    };
    FakeHost host{syncline_plugin_v1, R"({"key": {"expr": ".a + .b"}})", services};

    const auto result = host.translate(Request{"POST", "", "", R"([{},{"bad":1}])"});

    CHECK(result.status == SYNCLINE_E_PERMANENT);
    CHECK(result.failure.message == "record 2: can't add");
}

TEST_CASE("webhook: an expression that is none keeps it from starting", "[webhook]") {
    CHECK_THROWS_WITH((FakeHost{syncline_plugin_v1, R"({"key": {"expr": "nonsense"}})"}),
                      Catch::Contains("knows paths alone"));
    CHECK_THROWS_WITH((FakeHost{syncline_plugin_v1, "{}"}), Catch::Contains("/key: is required"));
}
