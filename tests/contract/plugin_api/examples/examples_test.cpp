// The examples of the documents do what the documents say.
#include <string>
#include <vector>

#include "../bare_host.hpp"
#include "pieces.hpp"
#include "support/catch.hpp"
#include "syncline/testing.hpp"

using syncline::test::plugin_of;
using syncline::testing::FakeHost;
using syncline::testing::RecordToWrite;

namespace {

const std::vector<RecordToWrite> kTwo = {
    {SYNCLINE_UPSERT, "a@x.example", R"({"audience":"vip","user":"a"})"},
    {SYNCLINE_UPSERT, "b@x.example", R"({"audience":"vip","user":"b","user_type":"email"})"}};

}  // namespace

TEST_CASE("acme: a refused record fails alone", "[examples]") {
    FakeHost host{syncline_plugin_v1, R"({"base_url": "https://api.example.com"})"};

    const auto write = host.write("profiles", {{SYNCLINE_UPSERT, "k1", R"({"name": "A"})"},
                                               {SYNCLINE_UPSERT, "k2", R"({"name": ""})"}});
    CHECK(host.exchanges()[0].url == "https://api.example.com/v1/profiles");
    CHECK(host.exchanges()[0].body == R"({"name": "A"})");
    host.respond(201, "");
    host.respond(422, R"({"error": "a name is needed"})");

    REQUIRE(write->is_complete);
    CHECK(write->outcomes[0].kind == SYNCLINE_DONE);
    CHECK(write->outcomes[1].kind == SYNCLINE_FAILED);
    CHECK(write->outcomes[1].failure.message == "Acme answered 422: a name is needed");
    host.stop();
    CHECK(host.violations.empty());
}

TEST_CASE("examples: several steps for each record, side by side", "[examples]") {
    FakeHost host{plugin_of<pieces::Steps>()};

    const auto write = host.write("profiles", kTwo);
    REQUIRE(host.exchanges().size() == 2);
    CHECK(host.exchanges()[0].url == "https://api.example.com/users?email=a%40x.example");
    host.respond(200, R"({"id":"7"})");
    host.respond(200, "{}");
    REQUIRE(host.exchanges().size() == 1);
    CHECK(host.exchanges()[0].method == "PUT");
    CHECK(host.exchanges()[0].url == "https://api.example.com/users/7");
    host.respond(204, "");

    REQUIRE(write->is_complete);
    CHECK(write->outcomes[0].destination_key == "7");
    CHECK(write->outcomes[1].failure.failure_class == SYNCLINE_E_NOT_FOUND);
    CHECK(host.violations.empty());
}

TEST_CASE("examples: one request for a batch", "[examples]") {
    FakeHost host{plugin_of<pieces::Bulk>()};

    const auto write = host.write("profiles", kTwo);
    CHECK(host.exchanges().at(0).headers.at(1).second == "bulk");
    CHECK(host.exchanges()[0].body ==
          R"([{"key":"a@x.example","gone":false},{"key":"b@x.example","gone":false}])");
    host.respond(200, "");

    CHECK(write->outcomes[1].kind == SYNCLINE_DONE);
}

TEST_CASE("examples: a task that belongs to no batch", "[examples]") {
    FakeHost host{plugin_of<pieces::Warm>()};

    host.respond(200, "100/s");

    CHECK(host.log_lines.at(0) == "the platform's limits limits=100/s");
}

TEST_CASE("examples: typed records", "[examples]") {
    FakeHost host{plugin_of<pieces::Members>()};
    const auto write = host.write("memberships", kTwo);
    CHECK(host.exchanges().at(0).url == "https://api.example.com/audiences/vip");
    host.respond(200, "");
    CHECK(host.exchanges().at(0).url == "https://api.example.com/audiences/vip?by=email");
    host.respond(200, "");
    CHECK(write->is_complete);

    const pieces::Person person{
        R"({"user":"u","points":3,"identities":[{"kind":"email","value":"u@x.example"}]})"};
    CHECK(pieces::email_of(person) == "u@x.example");
    CHECK(person.get<pieces::Points>() == 3);
    CHECK_THROWS(pieces::email_of(pieces::Person{R"({"user":"u","identities":[]})"}));
    const pieces::Order order{R"({"total":"9.90","currency":"EUR"})"};
    CHECK(order.get<pieces::Total>() == "9.90");
}

TEST_CASE("examples: an expression makes the key, and whoever waits is answered", "[examples]") {
    FakeHost host{plugin_of<pieces::Things>(), R"({"key": ".user.id"})"};
    const syncline::testing::Request request{"POST", "", "", R"({"user":{"id":"u1"}})"};

    CHECK(host.translate(request).records.at(0).key == "u1");
    const auto refused = host.translate({"POST", "", "", R"({"user":{"id":7}})"});
    CHECK(refused.failure.message == "the key is not a text");

    const auto made = host.answer(request, {{SYNCLINE_ANSWER_DELIVERED, "things", "u1", "7"}});
    CHECK(made.http_status == 201);
    CHECK(made.body == "7");
    CHECK(host.answer(request, {{SYNCLINE_ANSWER_FAILED, "things", "u1"}}).http_status == 422);
    CHECK_THROWS_WITH((FakeHost{plugin_of<pieces::Things>(), R"({"key": "nonsense"})"}),
                      Catch::Contains("knows paths alone"));
}

TEST_CASE("examples: lines in a file", "[examples]") {
    FakeHost host{plugin_of<pieces::Lines>(), R"({"path": "/books"})"};

    const auto write = host.write("profiles", {{SYNCLINE_UPSERT, "a", "{}"}});
    CHECK(write->outcomes[0].kind == SYNCLINE_DONE);
    CHECK(host.files["/books"] == "{}\n");

    host.fail_appends(syncline::Failure{SYNCLINE_E_TRANSIENT, "full"});
    const auto failed = host.write("profiles", {{SYNCLINE_UPSERT, "a", "{}"}});
    CHECK(failed->outcomes[0].kind == SYNCLINE_UNKNOWN);
    host.stop();
    CHECK(host.violations.empty());
}

TEST_CASE("examples: settings are a struct", "[examples]") {
    FakeHost host{plugin_of<pieces::Shop>(),
                  R"({"api":{"url":"https://shop.example/"},"headers":{"X-A":"1"}})"};
    const auto write = host.write("orders", {{SYNCLINE_UPSERT, "a", "{}"}});
    CHECK(host.exchanges().at(0).url == "https://shop.example/replace");
    CHECK(host.exchanges()[0].headers.at(0).second == "1");
    host.respond(200, "");
    CHECK(write->outcomes[0].kind == SYNCLINE_DONE);

    const auto start = [](const char* settings) {
        const FakeHost refused{plugin_of<pieces::Shop>(), settings};
    };
    CHECK_THROWS_WITH(start(R"({"api":{"url":"u","timeout_s":0},"tokn":"x"})"),
                      "change the settings: /api/timeout_s: must be an integer, at least 1, at "
                      "most 60; /tokn: is not a known setting");
    CHECK_THROWS_WITH(start(R"({"api":{"url":"u"},"mode":"merge"})"),
                      "/token: is required when `mode` is merge");
}

TEST_CASE("examples: ids of one's own are found again, unless the write failed", "[examples]") {
    FakeHost host{plugin_of<pieces::Lists>()};
    host.ids.map["lists"]["old"] = "1";

    const auto write =
        host.write("memberships", {{SYNCLINE_UPSERT, "a", R"({"audience":"old","user":"u"})"},
                                   {SYNCLINE_UPSERT, "b", R"({"audience":"new","user":"v"})"}});
    CHECK(host.exchanges().at(0).url == "https://api.example.com/lists/1");
    host.respond(200, "");
    CHECK(host.exchanges().at(0).body == "new");
    host.respond(201, "2");
    CHECK(host.exchanges().at(0).url == "https://api.example.com/lists/2");
    host.respond(200, "");
    CHECK(write->is_complete);
    CHECK(host.ids.map["lists"]["new"] == "2");

    const auto failed =
        host.write("memberships", {{SYNCLINE_UPSERT, "a", R"({"audience":"third","user":"u"})"}});
    host.respond(201, "3");
    CHECK(host.ids.map["lists"]["third"] == "3");
    host.respond(422, "");
    CHECK(failed->is_complete);
    CHECK_FALSE(host.ids.map["lists"].contains("third"));
    host.stop();
    CHECK(host.violations.empty());
}
