#include <boost/json/serialize.hpp>

#include "admin/views.hpp"
#include "unit/admin/fixture.hpp"

using namespace syncline;
using namespace syncline::admin;
using test::World;

namespace {

using Answer = std::pair<int, std::string>;

const std::string kRecordLetter =
    R"({"id":"1.6","kind":"record","connection":"orders","at":"2023-11-14T22:13:21.000Z",)"
    R"("attempts":1,"class":"permanent","code":"404","message":"no such user",)"
    R"("unknown_outcome":false,"key":"k1")";
const std::string kEventLetter =
    R"({"id":"1.8","kind":"event","route":"shop","at":"2023-11-14T22:13:21.000Z",)"
    R"("attempts":1,"class":"permanent","code":"","message":"not JSON","unknown_outcome":false)";

}  // namespace

TEST_CASE("admin: health and status", "[admin]") {
    World world;
    CHECK(world.ask("GET", "/healthz") == Answer{200, "{\"result\":\"ok\"}\n"});
    CHECK(world.ask("GET", "/readyz") == Answer{200, "{\"result\":\"ok\"}\n"});
    world.bury();
    auto [status, body] = world.ask("GET", "/v1/status");
    CHECK(status == 200);
    auto result = record::parse_json(body)->at("result");
    CHECK(result.at("version") == "1.2.3");
    CHECK(result.at("listen") == "http://127.0.0.1:8080");
    CHECK(result.at("accepting") == true);
    CHECK(boost::json::serialize(result.at("ledger")) ==
          R"({"balanced":true,"routes":{"shop":{"received":2,"translated":1,"handshake":0,)"
          R"("duplicate":0,"dead":1,"pending":0}},"connections":{"orders":{"routed":1,)"
          R"("generated":0,"delivered":0,"unchanged":0,"filtered":0,"superseded":0,)"
          R"("discarded":0,"parked":0,"dead":1,"pending":0}}})");
}

TEST_CASE("admin: what waits for a connection that is gone is parked", "[admin]") {
    World world;
    world.append(store::Named{store::NameKind::kConnection, 1, true, "orders"});
    store::Received event;
    event.route = 1;
    store::Position received = world.append(event);
    store::TranslatedRecord record;
    record.key = "k";
    record.targets = {{1, 0}};
    world.append(store::Translated{1, received, {record}});
    world.append(store::Named{store::NameKind::kConnection, 1, false, "orders"});
    auto ledger = record::parse_json(world.ask("GET", "/v1/status").second)
                      ->at("result")
                      .at("ledger")
                      .at("connections")
                      .at("orders");
    CHECK(ledger.at("parked") == 1);
    CHECK(ledger.at("pending") == 0);
}

TEST_CASE("admin: dead letters are listed in pages and shown whole", "[admin][dlq]") {
    World world;
    CHECK(world.ask("GET", "/v1/dlq") == Answer{200, "{\"result\":{\"letters\":[]}}\n"});
    world.bury();
    CHECK(world.ask("GET", "/v1/dlq").second ==
          "{\"result\":{\"letters\":[" + kRecordLetter + "}," + kEventLetter + "}]}}\n");
    CHECK(world.ask("GET", "/v1/dlq", "limit=1").second ==
          "{\"result\":{\"letters\":[" + kRecordLetter + "}],\"next\":\"1.6\"}}\n");
    CHECK(world.ask("GET", "/v1/dlq", "after=1.6").second ==
          "{\"result\":{\"letters\":[" + kEventLetter + "}]}}\n");
    CHECK(world.ask("GET", "/v1/dlq/1.6").second ==
          "{\"result\":" + kRecordLetter +
              R"(,"record":{"stream":"s","operation":"upsert","key":"k1",)"
              R"("received":"2023-11-14T22:13:20.000Z","body":"{\"a\":1}"},)"
              R"("answer":{"request":"POST http://host/v1","status":404,)"
              R"("content_type":"text/plain","body":"who is k1?","body_bytes":10}}})"
              "\n");
    // Bytes that are no text do not make the answer unreadable.
    CHECK(world.ask("GET", "/v1/dlq/1.8").second ==
          "{\"result\":" + kEventLetter +
              R"(,"event":{"method":"POST","path":"","query":"type=ADD",)"
              R"("received":"2023-11-14T22:13:20.000Z","headers":{"x-odd":")"
              "\xef\xbf\xbdté"
              R"("},"body":"{\"a\":\")"
              "\xef\xbf\xbd"
              R"(\""}}})"
              "\n");
}

TEST_CASE("admin: a change is answered when it is done", "[admin][dlq]") {
    World world;
    world.bury();
    Answer done{200, "{\"result\":{\"done\":true}}\n"};
    CHECK(world.ask("POST", "/v1/dlq/1.6/replay", "force=1") == done);
    CHECK(world.ask("GET", "/v1/dlq").second ==
          "{\"result\":{\"letters\":[" + kEventLetter + "}]}}\n");
    CHECK(world.ask("POST", "/v1/dlq/1.8/discard") == done);
    CHECK(world.ask("GET", "/v1/dlq") == Answer{200, "{\"result\":{\"letters\":[]}}\n"});
    CHECK(world.code_of("POST", "/v1/dlq/1.6/replay") == "404 store.no_such_letter");
    CHECK(world.code_of("POST", "/v1/dlq/1.8/discard") == "404 store.no_such_letter");
}

TEST_CASE("admin: what is not there, and what is not allowed", "[admin]") {
    World world;
    CHECK(world.code_of("GET", "/") == "404 admin.not_found");
    CHECK(world.code_of("GET", "/v1/nothing") == "404 admin.not_found");
    CHECK(world.code_of("GET", "/v1/dlqx") == "404 admin.not_found");
    CHECK(world.code_of("GET", "/v1/dlq/1.6") == "404 admin.not_found");
    CHECK(world.code_of("POST", "/v1/dlq/1.6/frobnicate") == "404 admin.not_found");
    CHECK(world.code_of("POST", "/v1/status") == "405 admin.method_not_allowed");
    CHECK(world.code_of("DELETE", "/v1/dlq") == "405 admin.method_not_allowed");
    CHECK(world.code_of("DELETE", "/v1/dlq/1.6") == "405 admin.method_not_allowed");
    CHECK(world.code_of("GET", "/v1/dlq/1.6/replay") == "405 admin.method_not_allowed");
    CHECK(world.code_of("GET", "/v1/dlq", "limit=0") == "400 admin.bad_argument");
    CHECK(world.code_of("GET", "/v1/dlq", "limit=201") == "400 admin.bad_argument");
    CHECK(world.code_of("GET", "/v1/dlq", "limit=x") == "400 admin.bad_argument");
    CHECK(world.code_of("GET", "/v1/dlq", "after=6") == "400 admin.bad_argument");
    CHECK(world.code_of("GET", "/v1/dlq/six") == "400 admin.bad_argument");
}

TEST_CASE("admin: a store that has stopped is said, not waited for", "[admin][stop]") {
    World world;
    world.bury();
    world.store->stop();
    CHECK(world.code_of("GET", "/v1/status") == "503 admin.stopping");
    CHECK(world.code_of("POST", "/v1/dlq/1.6/replay") == "503 store.stopping");
}

TEST_CASE("admin: ids of letters are read strictly", "[admin][dlq]") {
    CHECK(parse_letter_id("1.6") == store::Position::of(1, 6).value);
    for (const char* text : {"", ".", "1", "1.", ".6", "1.6.7", "-1.6", "1.-6", "1.6 ", " 1.6",
                             "1.x", "99999999999999999999.1", "1.18446744073709551615"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_letter_id(text));
    }
}
