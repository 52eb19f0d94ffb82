// The examples of the documents do what the documents say.
#include <cstddef>
#include <string>
#include <vector>

#include "../bare_host.hpp"
#include "pieces.hpp"
#include "support/catch.hpp"
#include "syncline/testing.hpp"
#include "syncline/testing/cassette.hpp"

using syncline::test::plugin_of;
using syncline::testing::Cassette;
using syncline::testing::FakeHost;
using syncline::testing::migrate;
using syncline::testing::RecordToWrite;
using syncline::testing::Services;

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

TEST_CASE("examples: a secret that is declared and given is read", "[examples]") {
    static const syncline_plugin plugin =
        syncline::detail::describe<pieces::Newsletter>(syncline_str SYNCLINE_STR(
            R"({"secrets": [{"name": "site_key", "reason": "goes into each request"}]})"));
    syncline::testing::Services services;
    services.secrets["site_key"] = "s3cret";
    FakeHost host{plugin, "{}", services};
    const auto write = host.write("people", {{SYNCLINE_UPSERT, "a@x.example", "{}"}});
    CHECK(host.exchanges().at(0).body == R"({"email":"a@x.example","site_key":"s3cret"})");
    host.respond(200, "");
    CHECK(write->outcomes[0].kind == SYNCLINE_DONE);
    host.stop();
    CHECK(host.violations.empty());

    FakeHost without{plugin};
    const auto failed = without.write("people", {{SYNCLINE_UPSERT, "a@x.example", "{}"}});
    CHECK(failed->outcomes[0].failure.failure_class == SYNCLINE_E_CONFIG);
    CHECK(without.violations.empty());

    FakeHost undeclared{plugin_of<pieces::Newsletter>(), "{}", services};
    const auto refused = undeclared.write("people", {{SYNCLINE_UPSERT, "a@x.example", "{}"}});
    CHECK(refused->outcomes[0].failure.failure_class == SYNCLINE_E_PLUGIN_BUG);
    CHECK(undeclared.violations.size() == 1);
}

TEST_CASE("examples: a stream is read page by page", "[examples]") {
    FakeHost host{plugin_of<pieces::UserList>()};
    const auto page = host.read({"users"});
    host.respond(200, R"({"users": [{"id": "u1"}], "next": "u1"})");
    CHECK(page->records.at(0).key == "u1");
    CHECK(page->next_cursor == "u1");
    CHECK(page->has_more);
    CHECK(host.exchanges().empty());

    const auto late = host.read({"users", page->next_cursor});
    host.respond(410, "");
    CHECK(late->failure.failure_class == SYNCLINE_E_CURSOR_INVALID);
    CHECK(host.violations.empty());
}

TEST_CASE("examples: a page as it was recorded", "[examples]") {
    Cassette cassette{EXAMPLES "/cassette.json"};
    FakeHost host{plugin_of<pieces::UserList>()};
    const auto page = host.read({"users"});
    cassette.replay(host);
    CHECK(page->records.size() == 2);
    CHECK(cassette.left() == 0);
    CHECK(host.violations.empty());
}

TEST_CASE("examples: credentials are checked, and streams discovered", "[examples]") {
    FakeHost host{plugin_of<pieces::Asked>()};
    const auto checked = host.check();
    host.respond(401, "");
    CHECK(checked->failure.failure_class == SYNCLINE_E_AUTH_DENIED);
    const auto discovered = host.discover();
    host.respond(200, R"([{"name": "orders"}])");
    CHECK(discovered->streams == R"([{"name":"orders","fields":[{"name":"id","type":"string",)"
                                 R"("required":false,"key":true}]}])");
    CHECK(host.violations.empty());
}

TEST_CASE("examples: words and amounts of a model, and a record that is made", "[examples]") {
    CHECK(pieces::paid(pieces::Purchase{R"({"type":"purchase","total":"9.90"})"}) == "9.90");
    CHECK(pieces::paid(pieces::Purchase{R"({"type":"teleport","total":"1"})"}) == "0");
    CHECK(pieces::made_profile() == R"({"user":"u1","updated_at":"2026-01-02T03:04:05Z"})");
}

TEST_CASE("examples: settings that can't be are refused at init", "[examples]") {
    const auto& plugin = plugin_of<pieces::Listed>();
    CHECK_NOTHROW(FakeHost{plugin, R"({"list":"vip"})"});
    CHECK_THROWS_WITH((FakeHost{plugin, R"({"list":""})"}), "the list has no name");
}

TEST_CASE("examples: calls of an instance share its members without a lock", "[examples]") {
    FakeHost host{plugin_of<pieces::Tally>()};
    const auto first = host.write("profiles", kTwo);
    const auto second = host.write("profiles", kTwo);
    host.respond(200, "{}");
    host.respond(200, "{}");
    CHECK(first->outcomes[1].kind == SYNCLINE_DONE);
    CHECK(second->is_complete);
    CHECK(host.violations.empty());
}

TEST_CASE("examples: the class says what happened, and whether it may have had an effect",
          "[examples]") {
    const auto outcome = [](int status) {
        FakeHost host{plugin_of<pieces::Choosy>()};
        const auto write = host.write("profiles", kTwo);
        host.respond(status, "{}");
        return write->outcomes[0];
    };
    CHECK(outcome(409).failure.failure_class == SYNCLINE_E_CONFLICT);
    CHECK(outcome(409).failure.provider_code == "duplicate");
    CHECK(outcome(400).kind == SYNCLINE_FAILED);
    CHECK(outcome(502).kind == SYNCLINE_UNKNOWN);
}

TEST_CASE("examples: a field that the maker did not know is not read", "[examples]") {
    syncline_write_record record{};
    record.parent_key = SYNCLINE_STR("a-1");
    record.struct_size = sizeof record;
    CHECK(pieces::parent_of(record) == "a-1");
    record.struct_size = offsetof(syncline_write_record, parent_key);
    CHECK(pieces::parent_of(record).empty());
}

TEST_CASE("examples: settings and state go over to the next version", "[examples]") {
    CHECK(migrate(plugin_of<pieces::Heir>(), R"({"user":"ann"})") == R"({"login":"ann"})");
    Services services;
    services.state = syncline::State{"heir.session", 2, std::string(32, 's')};
    FakeHost next{plugin_of<pieces::Heir>(), R"({"login": "ann"})", services};
    CHECK(next.save().bytes == services.state->bytes);
}

TEST_CASE("examples: work comes again when it is due", "[examples]") {
    FakeHost host{plugin_of<pieces::Subscriber>()};
    const auto turn = host.work();
    host.respond(200, "");
    CHECK(turn->next_due_ns == host.now_ns + 3600 * syncline::kSecondNs);
    const auto next = host.work_after(*turn);  // an hour later
    host.respond(503, "");
    CHECK(next->failure.failure_class == SYNCLINE_E_TRANSIENT);
    CHECK(host.violations.empty());
}
