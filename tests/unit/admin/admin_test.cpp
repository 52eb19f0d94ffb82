#include "admin/admin.hpp"

#include <boost/json/serialize.hpp>
#include <future>

#include "admin/views.hpp"
#include "record/json.hpp"
#include "support/catch.hpp"
#include "support/fake_clock.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using namespace syncline::admin;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::seconds kPatience{20};

struct Nothing final : store::Store::Observer {
    Result<std::optional<std::chrono::nanoseconds>> on_state(store::State&) override {
        return std::optional<std::chrono::nanoseconds>{};
    }
};

struct Exchange final : http_server::Responder::Exchange {
    void respond(http_server::Response answer) override { response = std::move(answer); }
    std::optional<http_server::Response> response;
};

struct World {
    World() {
        store::Store::Options options;
        options.data_dir = folder.path() / "data";
        options.clock = &clock;
        options.allow_unsafe_filesystem = true;
        options.map_bytes = std::uint64_t{1} << 30;
        options.on_fatal = [](const Error& error) { FAIL_CHECK(error.to_string()); };
        store = std::move(*store::Store::open(std::move(options)));
        REQUIRE(store->start(&observer).has_value());
        admin = std::make_unique<Admin>(io, *store,
                                        Admin::Options{"1.2.3", "http://127.0.0.1:8080", &clock});
    }
    ~World() { store->stop(); }

    store::Position append(store::Fact fact) {
        auto promise = std::make_shared<std::promise<store::Position>>();
        auto applied = std::make_shared<std::promise<void>>();
        auto position = promise->get_future();
        auto done = applied->get_future();
        store::Append append;
        append.facts.push_back(std::move(fact));
        append.on_durable = [promise](Result<store::Position> at) { promise->set_value(*at); };
        append.on_applied = [applied](std::optional<Error>) { applied->set_value(); };
        store->append(std::move(append));
        REQUIRE(done.wait_for(kPatience) == std::future_status::ready);
        return position.get();
    }

    // A record that died at position 1.6, and an event that died at 1.8.
    void bury() {
        append(store::Named{store::NameKind::kRoute, 1, true, "shop"});         // 1.2
        append(store::Named{store::NameKind::kConnection, 1, true, "orders"});  // 1.3
        store::Received event;
        event.route = 1;
        event.received_ns = 1'700'000'000'000'000'000;
        event.method = "POST";
        event.query = "type=ADD";
        event.headers = {{"x-odd", "\xe9t\xc3\xa9"}};
        event.body = store::Body::inline_text("{\"a\":\"\xff\"");
        store::Position received = append(event);  // 1.4
        store::TranslatedRecord record;
        record.stream = "s";
        record.key = "k1";
        record.body = store::Body::inline_text(R"({"a":1})");
        record.targets = {{1, 0}};
        append(store::Translated{1, received, {record}});  // 1.5
        store::Settled dead;
        dead.connection = 1;
        dead.lane = store::lane_key("k1");
        dead.record = {received, 0};
        dead.attempt = 1;
        dead.settlement = store::Settlement::kDead;
        dead.at_ns = 1'700'000'001'000'000'000;
        dead.failure = {"permanent", "no such user", "404"};
        dead.answer = std::make_shared<const store::PlatformAnswer>(
            store::PlatformAnswer{"POST http://host/v1", 404, "text/plain", "who is k1?", 10});
        append(dead);                                                                      // 1.6
        received = append(event);                                                          // 1.7
        append(store::EventDied{1, received, dead.at_ns, {"permanent", "not JSON", ""}});  // 1.8
    }

    std::pair<int, std::string> ask(const std::string& method, const std::string& path,
                                    const std::string& query = "") {
        http_server::Request request;
        request.method = method;
        request.path = path;
        request.query = query;
        auto exchange = std::make_shared<Exchange>();
        CHECK_FALSE(admin->admit(request).refusal);
        admin->handle(std::move(request), http_server::Responder{exchange});
        auto work = boost::asio::make_work_guard(io);
        auto give_up = std::chrono::steady_clock::now() + kPatience;
        while (!exchange->response && std::chrono::steady_clock::now() < give_up) {
            io.restart();
            io.run_one_for(100ms);
        }
        REQUIRE(exchange->response);
        REQUIRE(record::parse_json(exchange->response->body).has_value());
        return {exchange->response->status, exchange->response->body};
    }
    std::string code_of(const std::string& method, const std::string& path,
                        const std::string& query = "") {
        auto [status, body] = ask(method, path, query);
        auto parsed = record::parse_json(body);
        CHECK(parsed->at("error").is_string());
        CHECK(parsed->at("remedy").is_string());
        return std::to_string(status) + " " + std::string{parsed->at("code").as_string()};
    }

    test::TempDir folder;
    test::FakeClock clock;
    boost::asio::io_context io;
    Nothing observer;
    std::unique_ptr<store::Store> store;
    std::unique_ptr<Admin> admin;
};

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
