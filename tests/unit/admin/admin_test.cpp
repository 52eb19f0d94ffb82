#include <algorithm>
#include <boost/json/serialize.hpp>
#include <filesystem>

#include "admin/views.hpp"
#include "core/redact.hpp"
#include "record/record.hpp"
#include "unit/admin/fixture.hpp"

using namespace syncline;
using namespace syncline::admin;
using test::World;

namespace {

using Answer = std::pair<int, std::string>;

const std::string kRecordLetter =
    R"({"id":"1.6","kind":"record","connection":"orders","at":"2023-11-14T22:13:21.000Z",)"
    R"("attempts":1,"class":"permanent","code":"404","message":"no such user",)"
    R"("unknown_outcome":false,"key":"k1","edited":false)";
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
          R"("duplicate":0,"dead":1,"pending":0,"queried":0}},"connections":{"orders":{"routed":1,)"
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

TEST_CASE("admin: no answer holds a secret, wherever it comes from", "[admin][dlq][G5]") {
    World world;
    world.bury();
    store::Received event;
    event.route = 1;
    event.method = "POST";
    event.query = "id=7&access_token=t-1&x=correct-horse";
    event.headers = {{"authorization", "Bearer t-2"}, {"x-own", "correct-horse"}};
    event.body = store::Body::inline_text(R"({"note":"correct-horse"})");
    const store::Position received = world.append(event);                                // 1.9
    world.append(store::EventDied{1, received, 0, {"permanent", "correct-horse", ""}});  // 1.10
    {
        const core::Watch other{"who is k1?"};
        const std::string letter = world.ask("GET", "/v1/dlq/1.6").second;
        CHECK_THAT(letter, Catch::Contains(R"("body":"[redacted]","body_bytes":10)"));
    }
    const core::Watch watch{"correct-horse"};
    const std::string letter = world.ask("GET", "/v1/dlq/1.10").second;
    CHECK_THAT(letter, Catch::Contains(R"("query":"id=7&access_token=[redacted]&x=[redacted]")"));
    CHECK_THAT(letter,
               Catch::Contains(R"("headers":{"authorization":"[redacted]","x-own":"[redacted]"})"));
    CHECK_THAT(letter, Catch::Contains(R"("body":"{\"note\":\"[redacted]\"}")"));
    CHECK_THAT(world.ask("GET", "/v1/dlq").second, !Catch::Contains("correct-horse"));
}

TEST_CASE("admin: a body with a secret is not shown to be edited, only replaced [G5]",
          "[admin][dlq][G5]") {
    World world;
    world.bury();
    CHECK(world.ask("POST", "/v1/dlq/1.6/edit", "", R"({"a":"correct-horse"})").first == 200);
    const core::Watch watch{"correct-horse"};
    CHECK(world.code_of("GET", "/v1/dlq/1.6/edit") == "409 admin.body_hidden");
    CHECK(world.ask("POST", "/v1/dlq/1.6/edit", "", R"({"a":2})").first == 200);
    CHECK(world.ask("GET", "/v1/dlq/1.6/edit").first == 200);
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

TEST_CASE("admin: a letter's record is edited, and shown with both bodies", "[admin][dlq]") {
    World world;
    world.bury();
    const auto present = [&] { return world.ask("GET", "/v1/dlq/1.6/edit").second; };
    CHECK(present() == "{\"result\":{\"body\":\"{\\\"a\\\":1}\"}}\n");
    CHECK(world.ask("POST", "/v1/dlq/1.6/edit", "", "{ \"a\" : 2 }\n") ==
          Answer{200, "{\"result\":{\"done\":true}}\n"});
    CHECK(present() == "{\"result\":{\"body\":\"{\\\"a\\\":2}\"}}\n");
    auto shown = record::parse_json(world.ask("GET", "/v1/dlq/1.6").second)->at("result");
    CHECK(shown.at("edited") == true);
    CHECK(shown.at("record").at("body") == R"({"a":1})");
    CHECK(shown.at("record").at("edited_body") == R"({"a":2})");
    auto listed = record::parse_json(world.ask("GET", "/v1/dlq").second)->at("result");
    CHECK(listed.at("letters").at(0).at("edited") == true);
    CHECK_FALSE(listed.at("letters").at(1).as_object().contains("edited"));

    world.ask("POST", "/v1/dlq/1.6/edit", "", R"({"a":"longer"})");
    world.ask("POST", "/v1/dlq/1.6/replay");
    auto explained =
        record::parse_json(world.ask("GET", "/v1/explain", "connection=orders&key=k1").second)
            ->at("result");
    std::string words;
    for (const auto& fact : explained.at("records").at(0).at("happened").as_array())
        words += std::string{fact.at("what").as_string()} + " ";
    CHECK(words == "dead edited edited replayed ");
    CHECK(explained.at("records").at(0).at("happened").at(2).at("body_bytes") == 14);
    CHECK(world.code_of("POST", "/v1/dlq/1.6/edit", "", "{}") == "404 store.no_such_letter");
    CHECK(world.code_of("GET", "/v1/dlq/1.6/edit") == "404 store.no_such_letter");
}

TEST_CASE("admin: an edit that makes no sense changes nothing and says why", "[admin][dlq]") {
    World world;
    world.bury();
    const std::string before = world.ask("GET", "/v1/dlq/1.6").second;
    auto code_of = [&](const std::string& body) {
        return world.code_of("POST", "/v1/dlq/1.6/edit", "", body);
    };
    CHECK(code_of("") == "400 admin.body_invalid");
    CHECK(code_of("{\"a\":}") == "400 admin.body_invalid");
    CHECK(code_of("[1]") == "400 admin.body_invalid");
    CHECK(code_of(R"({"a":1,"a":2})") == "400 admin.body_invalid");
    CHECK(code_of("{\"a\":\"\xff\"}") == "400 admin.body_invalid");
    const std::string quoted(record::kRecordBytesMax - 8, 'x');
    CHECK(code_of(R"({"a":")" + quoted + R"(x"})") == "400 admin.body_invalid");
    CHECK(world.code_of("POST", "/v1/dlq/1.8/edit", "", "{}") == "409 store.letter_not_editable");
    CHECK(world.code_of("GET", "/v1/dlq/1.8/edit") == "409 store.letter_not_editable");
    CHECK(world.code_of("POST", "/v1/dlq/1.7/edit", "", "{}") == "404 store.no_such_letter");
    CHECK(world.code_of("DELETE", "/v1/dlq/1.6/edit") == "405 admin.method_not_allowed");
    CHECK(world.ask("GET", "/v1/dlq/1.6").second == before);
    CHECK(std::filesystem::is_empty(world.folder.path() / "data" / "bodies"));
    world.store->stop();
    CHECK(code_of("{}") == "503 admin.stopping");
}

TEST_CASE("admin: a large body is a file, and one edit is made at a time", "[admin][dlq]") {
    World world;
    world.bury();
    const std::string large = R"({"a":")" + std::string(record::kRecordBytesMax - 8, 'x') + R"("})";
    REQUIRE(large.size() == record::kRecordBytesMax);
    http_server::Request request;
    request.method = "POST";
    request.path = "/v1/dlq/1.6/edit";
    CHECK(world.admin->admit(request).body_bytes_max == record::kRecordBytesMax);
    request.path = "/v1/dlq/1.6/replay";
    CHECK(world.admin->admit(request).body_bytes_max == 64 * 1024);

    std::promise<void> let_go;
    auto held = let_go.get_future().share();
    REQUIRE(world.store->ask([held](store::State&) { held.wait_for(test::kPatience); }));
    auto first = world.begin("POST", "/v1/dlq/1.6/edit", "", large);
    CHECK(world.code_of("POST", "/v1/dlq/1.6/edit", "", "{}") == "503 admin.busy");
    let_go.set_value();
    CHECK(world.run(*first).status == 200);
    auto shown = record::parse_json(world.ask("GET", "/v1/dlq/1.6").second)->at("result");
    CHECK(shown.at("record").at("edited_body").at("bytes") == record::kRecordBytesMax);
    auto read = record::parse_json(world.ask("GET", "/v1/dlq/1.6/edit").second)->at("result");
    CHECK((read.at("body").as_string() == large));
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

TEST_CASE("admin: a key is explained with its past and its present", "[admin][explain]") {
    World world;
    world.bury();
    std::string record = R"("records":[{"event":"1.4","index":0,"connection":"orders",)"
                         R"("route":"shop","received":"2023-11-14T22:13:20.000Z","stream":"s",)"
                         R"("operation":"upsert","key":"k1","happened":[)";
    std::string dead = R"({"at":"2023-11-14T22:13:21.000Z","what":"dead","attempt":1,)"
                       R"("unknown_outcome":false,"letter":"1.6","class":"permanent",)"
                       R"("code":"404","message":"no such user"})";
    std::string head = R"({"result":{"connection":"orders","configured":true,"key":"k1",)"
                       R"("history":{"after":"0.0","ended_by":"beginning"},)";
    CHECK(world.ask("GET", "/v1/explain", "connection=orders&key=k%31").second ==
          head + record + dead + R"(]}],"now":{"key_map":null,"lane":null,"letters":[)" +
              kRecordLetter + "}]}}}\n");

    world.ask("POST", "/v1/dlq/1.6/replay", "force=1");
    auto now =
        record::parse_json(world.ask("GET", "/v1/explain", "connection=orders&key=k1").second)
            ->at("result");
    auto happened = now.at("records").at(0).at("happened");
    CHECK(happened.at(1).at("what") == "replayed");
    CHECK(happened.at(1).at("forced") == true);
    CHECK(boost::json::serialize(now.at("now")) ==
          R"({"key_map":null,"lane":{"event":"1.4","index":0,"forced":true,"records":1,)"
          R"("attempts":0,"due":null},"letters":[]})");
}

TEST_CASE("admin: a result that came too late is told as one without effect", "[admin][explain]") {
    World world;
    world.bury();
    store::Settled late;
    late.connection = 1;
    late.lane = store::lane_key("k1");
    late.record = {store::Position::of(1, 4), 0};
    late.attempt = 1;
    late.destination_key = "theirs";
    world.append(late);  // the letter is open, the lane is empty
    world.ask("POST", "/v1/dlq/1.6/replay");
    world.append(late);  // now it is the head's
    auto answer =
        record::parse_json(world.ask("GET", "/v1/explain", "connection=orders&key=k1").second)
            ->at("result");
    std::string words;
    for (const auto& fact : answer.at("records").at(0).at("happened").as_array())
        words += std::string{fact.at("what").as_string()} + " ";
    CHECK(words == "dead ignored replayed delivered ");
    CHECK(answer.at("now").at("key_map").at("event") == "1.4");
    CHECK(answer.at("now").at("key_map").at("destination_key") == "theirs");
    CHECK(answer.at("now").at("letters").as_array().empty());
}

TEST_CASE("admin: an event is explained, whatever became of it", "[admin][explain]") {
    World world;
    world.bury();
    auto explain = [&](const std::string& id) {
        return record::parse_json(world.ask("GET", "/v1/explain", "event=" + id).second)
            ->at("result");
    };
    auto translated = explain("1.4");
    CHECK(translated.at("outcome") == "translated");
    CHECK(translated.at("record_count") == 1);
    CHECK(translated.at("records").at(0).at("happened").at(0).at("letter") == "1.6");
    CHECK(translated.at("letters").as_array().size() == 1);
    auto dead = explain("1.7");
    CHECK(dead.at("outcome") == "dead");
    CHECK(dead.at("happened").at(0).at("message") == "not JSON");
    CHECK(dead.at("request") == "POST /hooks/shop");
    world.ask("POST", "/v1/dlq/1.8/discard");  // 1.9
    CHECK(explain("1.7").at("outcome") == "discarded");

    store::Received event;
    event.route = 1;
    event.message_id = std::string(16, 'i');
    store::Position first = world.append(event);
    store::Position second = world.append(event);
    CHECK(explain(store::to_string(first)).at("outcome") == "pending");
    auto repeated = explain(store::to_string(second));
    CHECK(repeated.at("outcome") == "duplicate");
    CHECK(repeated.at("duplicate_of").as_string() == store::to_string(first));
    world.append(store::Translated{1, first, {}});
    CHECK(explain(store::to_string(first)).at("outcome") == "translated");
}

TEST_CASE("admin: what can't be explained says why", "[admin][explain]") {
    World world;
    world.bury();
    auto code_of = [&](const std::string& query) {
        return world.code_of("GET", "/v1/explain", query);
    };
    CHECK(code_of("connection=nowhere&key=k1") == "404 admin.not_found");
    CHECK(code_of("connection=orders&key=k2") == "404 admin.not_found");
    CHECK(code_of("event=1.5") == "404 admin.not_found");
    CHECK(code_of("event=7.1") == "404 admin.not_found");
    CHECK(code_of("event=x") == "400 admin.bad_argument");
    CHECK(code_of("connection=orders") == "400 admin.bad_argument");
    CHECK(code_of("") == "400 admin.bad_argument");
    CHECK(world.code_of("POST", "/v1/explain") == "405 admin.method_not_allowed");
    CHECK(world.ask("GET", "/v1/explain", "connection=nowhere&key=k1").second.find("`orders`") !=
          std::string::npos);
    world.store->stop();
    CHECK(code_of("connection=orders&key=k1") == "503 admin.stopping");
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

TEST_CASE("admin: every route takes its methods and refuses all others [G1]", "[admin][G1]") {
    using Methods = std::vector<std::string>;
    const Methods look{"GET", "HEAD"};
    const Methods change{"POST"};
    const std::pair<const char*, Methods> routes[] = {{"/healthz", look},
                                                      {"/readyz", look},
                                                      {"/v1/status", look},
                                                      {"/v1/dlq", look},
                                                      {"/v1/dlq/1.6", look},
                                                      {"/v1/dlq/1.6/replay", change},
                                                      {"/v1/dlq/1.8/discard", change}};
    World world;
    world.bury();
    for (const auto& [path, allowed] : routes) {
        for (const char* method :
             {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "X"}) {
            INFO(method << " " << path);
            const bool is_allowed =
                std::find(allowed.begin(), allowed.end(), method) != allowed.end();
            const int status = world.ask(method, path).first;
            CHECK(status == (is_allowed ? 200 : 405));
        }
    }
}

TEST_CASE("admin: the status names what is paused and what came twice with two bodies [C2]",
          "[admin][C2][F4]") {
    World world;
    auto result = [&] {
        return record::parse_json(world.ask("GET", "/v1/status").second)->at("result");
    };
    CHECK(result().at("paused").as_array().empty());
    CHECK(result().at("altered_repeats") == 0);
    world.paused = {"orders"};
    CHECK(boost::json::serialize(result().at("paused")) == R"(["orders"])");
}

TEST_CASE("admin: what became of an event whose sender waits", "[admin][events]") {
    World world;
    world.append(store::Named{store::NameKind::kRoute, 1, true, "shop"});
    world.append(store::Named{store::NameKind::kConnection, 1, true, "orders"});
    store::Received event;
    event.route = 1;
    event.received_ns = 1'700'000'000'000'000'000;
    event.answering = 1;
    store::Position at = world.append(event);  // 1.4
    std::string begin = R"({"result":{"id":"1.4","route":"shop","connection":"orders",)"
                        R"("received":"2023-11-14T22:13:20.000Z",)";
    CHECK(world.ask("GET", "/v1/events/1.4") ==
          Answer{200, begin + R"("is_complete":false,"waiting":0,"records":[]}})"
                              "\n"});
    store::TranslatedRecord record;
    record.stream = "s";
    record.key = "k";
    record.body = store::Body::inline_text("{}");
    record.targets = {{1, 0}};
    world.append(store::Translated{1, at, {record}});
    store::Settled done;
    done.connection = 1;
    done.lane = store::lane_key("k");
    done.record = {at, 0};
    done.attempt = 1;
    done.destination_key = "d1";
    done.reply = R"({"n":1})";
    world.append(done);
    CHECK(world.ask("GET", "/v1/events/1.4") ==
          Answer{200, begin + R"("is_complete":true,"waiting":0,"records":[{"index":0,)"
                              R"("stream":"s","key":"k","status":"delivered","id":"d1",)"
                              R"("result":{"n":1}}]}})"
                              "\n"});
    event.message_id = std::string(16, 'm');
    at = world.append(event);
    world.append(store::EventDied{1, at, 5, {"permanent", "not JSON", "e"}});
    auto [status, body] = world.ask("GET", "/v1/events/" + store::to_string(at));
    CHECK(record::parse_json(body)->at("result").at("failure").at("message") == "not JSON");
    CHECK(world.ask("GET", "/v1/events/1.99").first == 404);
    CHECK(world.ask("GET", "/v1/events/x").first == 400);
    CHECK(world.ask("POST", "/v1/events/1.4").first == 405);
}
