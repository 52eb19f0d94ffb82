// Drives the connector through the C interface, as the hub does: no network, a clock of the test's
// own. What Acme says is in fixtures/.
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "syncline/testing.hpp"
#include "syncline/testing/cassette.hpp"

using syncline::Failure;
using syncline::testing::Cassette;
using syncline::testing::FakeHost;
using syncline::testing::RecordToWrite;

namespace {

constexpr const char* kSettings = R"({"base_url": "https://api.acme.example/", "list": "spring"})";
const std::string kStrangeKey = "Bj\u00f6rk/\u65e5\u672c \U0001f34e%";

RecordToWrite profile(const std::string& user) {
    return {SYNCLINE_UPSERT, user,
            R"({"user": ")" + user + R"(", "attributes": {"name": "Name of )" + user + "\"}}"};
}

// Writes the records while Acme answers as it was recorded. All of the recording has to be used,
// and no rule of the interface broken.
std::shared_ptr<syncline::testing::Write> replay(const std::string& fixture,
                                                 const std::vector<RecordToWrite>& records) {
    FakeHost host{syncline_plugin_v1, kSettings};
    Cassette cassette{FIXTURES "/" + fixture};
    const auto write = host.write("profiles", records);
    cassette.replay(host);
    CHECK(write->is_complete);
    CHECK(cassette.left() == 0);
    host.stop();
    CHECK(host.violations.empty());
    return write;
}

// Reads the page behind the cursor; Acme answers as it was recorded.
std::shared_ptr<syncline::testing::PageRead> page_of(Cassette& cassette, FakeHost& host,
                                                     const std::string& cursor) {
    auto page = host.read({"profiles", cursor, true, 2});
    cassette.replay(host);
    CHECK(page->is_complete);
    return page;
}

syncline::testing::Translation translate(const std::string& body) {
    FakeHost host{syncline_plugin_v1, kSettings};
    return host.translate({"POST", "/hooks/acme", "", body});
}

}  // namespace

TEST_CASE("acme: a webhook's events are records, in their order") {
    const auto translated = translate(R"({"events": [
        {"type": "changed", "profile": {"id": "u1", "name": "Ann", "age": 41}},
        {"type": "deleted", "profile": {"id": "u2"}}]})");
    REQUIRE(translated.records.size() == 2);
    CHECK(translated.records[0].operation == SYNCLINE_UPSERT);
    CHECK(translated.records[0].key == "u1");
    CHECK(translated.records[0].body == R"({"user":"u1","attributes":{"name":"Ann","age":41}})");
    CHECK(translated.records[1].operation == SYNCLINE_DELETE);
    CHECK(translated.records[1].key == "u2");
}

TEST_CASE("acme: an event that is not understood fails the request, and says which one it is") {
    const auto of = [](const std::string& event) {
        const auto translated = translate(
            R"({"events": [{"type": "deleted", "profile": {"id": "u1"}}, )" + event + "]}");
        CHECK(translated.records.empty());
        return translated.failure;
    };
    CHECK(of(R"({"type": "changed", "profile": {}})").message == "event 1: no profile with an id");
    CHECK(of(R"({"type": "moved", "profile": {"id": "u"}})").message ==
          "event 1: its type is not known");
    CHECK(of("7").failure_class == SYNCLINE_E_PERMANENT);
    CHECK(translate("{}").failure.message == "the body has no list 'events'");
    CHECK(translate("hello").failure.failure_class == SYNCLINE_E_PERMANENT);
}

TEST_CASE("acme: pages are read one after the other, each behind the cursor of the last") {
    FakeHost host{syncline_plugin_v1, kSettings};
    Cassette cassette{FIXTURES "/pages.json"};

    const auto first = page_of(cassette, host, "");
    REQUIRE(first->records.size() == 2);
    CHECK(first->records[0].key == "u1");
    CHECK(first->records[0].body == R"({"user":"u1","attributes":{"name":"Ann"}})");
    CHECK(first->records[1].key == kStrangeKey);
    CHECK(first->has_more);

    const auto last = page_of(cassette, host, first->next_cursor);
    REQUIRE(last->records.size() == 1);
    CHECK(last->records[0].operation == SYNCLINE_DELETE);
    CHECK_FALSE(last->has_more);

    const auto empty = page_of(cassette, host, last->next_cursor);
    CHECK(empty->failure.message.empty());
    CHECK(empty->records.empty());
    CHECK(empty->next_cursor == last->next_cursor);
    CHECK(cassette.left() == 0);
    CHECK(host.violations.empty());
}

TEST_CASE("acme: a page that fails says whether it is worth another attempt, or a beginning") {
    FakeHost host{syncline_plugin_v1, kSettings};
    const auto failure_of = [&](int status, const std::string& body) {
        const auto page = host.read({"profiles", "c2"});
        host.respond(status, body, {{"retry-after", "7"}});
        CHECK(page->is_complete);
        CHECK(page->records.empty());
        return page->failure;
    };
    CHECK(failure_of(410, "").failure_class == SYNCLINE_E_CURSOR_INVALID);
    CHECK(failure_of(429, "").failure_class == SYNCLINE_E_RATE_LIMITED);
    CHECK(failure_of(429, "").retry_after_ms == 7000);
    const std::string item = R"({"profiles": [{"id": "u1"}, {}], "next": "c3"})";
    const std::string loop = R"({"profiles": [], "next": "c2", "more": true})";
    for (const std::string& senseless : {std::string{}, std::string{"{}"}, item, loop})
        CHECK(failure_of(200, senseless).failure_class == SYNCLINE_E_TRANSIENT);
    CHECK(host.violations.empty());
}

TEST_CASE("acme: each record gets what the reply says of it, and an invalid one fails alone") {
    const auto write = replay("partial.json", {profile("u1"),
                                               {SYNCLINE_UPSERT, "bad", R"({"name": "x"})"},
                                               profile("u2"),
                                               profile("u3"),
                                               profile("u4")});
    CHECK(write->outcomes[0].kind == SYNCLINE_DONE);
    CHECK(write->outcomes[1].failure.message == "the record needs the text 'user'");
    CHECK(write->outcomes[2].failure.failure_class == SYNCLINE_E_PERMANENT);
    CHECK(write->outcomes[2].failure.provider_code == "E7");
    CHECK(write->outcomes[3].kind == SYNCLINE_DONE);
    CHECK(write->outcomes[4].failure.failure_class == SYNCLINE_E_TRANSIENT);
}

TEST_CASE("acme: keys are any text, also in a URL") {
    const auto write = replay("strange_keys.json",
                              {profile(kStrangeKey), {SYNCLINE_DELETE, kStrangeKey + "2", ""}});
    CHECK(write->outcomes[0].kind == SYNCLINE_DONE);
    CHECK(write->outcomes[1].kind == SYNCLINE_DONE);

    const auto translated = translate(R"({"events": [{"type": "deleted", "profile": {"id": ")" +
                                      kStrangeKey + "\"}}]}");
    REQUIRE(translated.records.size() == 1);
    CHECK(translated.records[0].key == kStrangeKey);
}

TEST_CASE("acme: a deletion whose key would lead to another URL fails, the others go out") {
    FakeHost host{syncline_plugin_v1, kSettings};
    const auto write =
        host.write("profiles", {{SYNCLINE_DELETE, "..", ""}, {SYNCLINE_DELETE, "u1", ""}});
    CHECK(write->outcomes[0].failure.failure_class == SYNCLINE_E_PERMANENT);
    REQUIRE(host.exchanges().size() == 1);
    host.respond(204, "");
    CHECK(write->outcomes[1].kind == SYNCLINE_DONE);
}

TEST_CASE("acme: a limit holds what it refused, for as long as Acme says") {
    const auto write = replay("rate_limited.json", {profile("u1"), profile("u2")});
    for (const auto& outcome : write->outcomes) {
        CHECK(outcome.kind == SYNCLINE_FAILED);
        CHECK(outcome.failure.failure_class == SYNCLINE_E_RATE_LIMITED);
        CHECK(outcome.failure.retry_after_ms == 7000);
        CHECK(outcome.failure.message == "Acme answered 429: slow down");
    }
}

TEST_CASE("acme: deletions that a limit refuses leave the others done") {
    const auto write =
        replay("limited_delete.json", {{SYNCLINE_DELETE, "u1", ""}, {SYNCLINE_DELETE, "u2", ""}});
    CHECK(write->outcomes[0].kind == SYNCLINE_DONE);
    CHECK(write->outcomes[1].failure.failure_class == SYNCLINE_E_RATE_LIMITED);
}

TEST_CASE("acme: a deletion that is refused fails alone, and a limit holds those behind it") {
    FakeHost host{syncline_plugin_v1, kSettings};
    const auto write = host.write("profiles", {{SYNCLINE_DELETE, "u0", ""},
                                               {SYNCLINE_DELETE, "u1", ""},
                                               {SYNCLINE_DELETE, "u2", ""},
                                               {SYNCLINE_DELETE, "u3", ""}});
    host.respond(400, "");
    host.respond(204, "");
    host.respond(429, "", {{"retry-after", "7"}});
    CHECK(write->is_complete);
    CHECK(host.exchanges().empty());
    CHECK(write->outcomes[0].failure.failure_class == SYNCLINE_E_PERMANENT);
    CHECK(write->outcomes[1].kind == SYNCLINE_DONE);
    CHECK(write->outcomes[2].failure.retry_after_ms == 7000);
    CHECK(write->outcomes[3].failure.retry_after_ms == 7000);
    CHECK(write->outcomes[3].kind == SYNCLINE_FAILED);
    CHECK(host.violations.empty());
}

TEST_CASE("acme: a lost or senseless answer leaves open what became of the records") {
    const auto lost = replay("lost_answer.json", {profile("u1")});
    CHECK(lost->outcomes[0].kind == SYNCLINE_UNKNOWN);

    for (const char* senseless : {"", "[]", "{}", R"({"refused": [{"index": 1}]})"}) {
        FakeHost host{syncline_plugin_v1, kSettings};
        const auto write = host.write("profiles", {profile("u1")});
        host.respond(200, senseless);
        CHECK(write->outcomes[0].kind == SYNCLINE_UNKNOWN);
    }

    FakeHost host{syncline_plugin_v1, kSettings};
    const auto write = host.write("profiles", {profile("u1"), profile("u2")});
    host.respond(200, R"({"refused": [{"index": 1, "message": "blocked"}, {"index": 2}]})");
    CHECK(write->outcomes[0].kind == SYNCLINE_UNKNOWN);
    CHECK(write->outcomes[1].failure.message == "blocked");
}

TEST_CASE("acme: a cancelled batch ends, and sends no more") {
    FakeHost host{syncline_plugin_v1, kSettings};
    const auto write = host.write("profiles", {profile("u1"), {SYNCLINE_DELETE, "u2", ""}});
    host.cancel_writes();
    CHECK(write->is_complete);
    CHECK(host.exchanges().empty());
    CHECK(write->outcomes[1].kind == SYNCLINE_NOT_ATTEMPTED);
    CHECK(host.violations.empty());
}

TEST_CASE("acme: the credentials are as good as Acme says") {
    FakeHost host{syncline_plugin_v1, kSettings};
    const auto good = host.check();
    REQUIRE(host.exchanges().size() == 1);
    CHECK(host.exchanges()[0].url == "https://api.acme.example/v1/profiles?list=spring&limit=1");
    host.respond(200, "{}");
    CHECK(good->is_complete);
    CHECK(good->failure.message.empty());

    const auto bad = host.check();
    host.respond(401, R"({"error": "the token is old"})");
    CHECK(bad->failure.failure_class == SYNCLINE_E_AUTH_DENIED);
    CHECK(bad->failure.message == "Acme answered 401: the token is old");
    CHECK(host.violations.empty());
}

TEST_CASE("acme: an account without an address does not start") {
    CHECK_THROWS_WITH((FakeHost{syncline_plugin_v1, "{}"}), Catch::Contains("base_url"));
}
