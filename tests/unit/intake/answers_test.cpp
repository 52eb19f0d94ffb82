// Senders who wait for the outcome, and senders who ask a destination.
#include "fixture.hpp"

using namespace syncline;
using namespace syncline::intake;
using namespace syncline::test;
using namespace std::chrono_literals;

namespace {

constexpr store::ConnectionId kConnection = 3;
using store::Settlement;

boost::json::value json_of(const http_server::Response& response) {
    auto body = record::parse_json(response.body);
    REQUIRE(body.has_value());
    return *body;
}

std::string event_in(const http_server::Response& response) {
    return std::string{json_of(response).at("event").as_string()};
}

// A route whose senders wait; the test makes what becomes of their events.
struct Waiting : World {
    explicit Waiting(const std::function<void(Route&)>& configure = {})
        : World(1 << 30, "x-id", [&](Route& route) {
              route.answer = AnswerWhen::kAlways;
              route.answering = kConnection;
              route.answer_timeout = 60s;
              if (configure) configure(route);
          }) {}

    std::shared_ptr<Exchange> post(const std::string& id, const std::string& query = "") {
        auto request = signed_request("{\"id\":\"" + id + "\"}", {{"x-id", id}});
        request.query = query;
        return begin(std::move(request));
    }
    void append(store::Fact fact) {
        store::Append append;
        append.facts.push_back(std::move(fact));
        store->append(std::move(append));
    }
    // The event of this many that were received becomes records of these keys.
    store::Position translate(std::uint64_t received, const std::vector<std::string>& keys) {
        store::Position event = event_of(received);
        store::Translated fact{kRoute, event, {}};
        for (const std::string& key : keys) {
            store::TranslatedRecord record;
            record.stream = "s";
            record.key = key;
            record.body = store::Body::inline_text("{}");
            record.targets = {{kConnection, 0}};
            fact.records.push_back(std::move(record));
        }
        append(std::move(fact));
        return event;
    }
    store::Position event_of(std::uint64_t received) {
        run_until([&] { return ledger(0).received >= received; });
        auto taken = events(received);
        REQUIRE(taken.size() == 1);
        return taken.back().position;
    }
    void settle(store::Position event, std::uint32_t index, const std::string& key, Settlement how,
                const std::string& failure_class = "", const std::string& reply = "") {
        store::Settled fact;
        fact.connection = kConnection;
        fact.lane = store::lane_key(key);
        fact.record = {event, index};
        fact.attempt = 1;
        fact.settlement = how;
        fact.reply = reply;
        if (how == Settlement::kDelivered) fact.destination_key = "d-" + key;
        if (!failure_class.empty()) fact.failure = {failure_class, "told so", "p1"};
        append(std::move(fact));
    }
};

}  // namespace

TEST_CASE("answers: a sender is told what became of its record", "[intake][answers]") {
    Waiting world;
    auto exchange = world.post("m1");
    store::Position event = world.translate(1, {"a"});
    CHECK_FALSE(exchange->response);
    world.settle(event, 0, "a", Settlement::kDelivered, "", R"({"n":1})");
    auto response = world.wait(exchange);
    CHECK(response.status == 200);
    CHECK(header_of(response, "Content-Type") == "application/json");
    CHECK(json_of(response) ==
          json_of({200,
                   {},
                   R"({"status":"delivered","event":")" + store::to_string(event) +
                       R"(","id":"d-a","result":{"n":1}})",
                   "",
                   false}));
}

TEST_CASE("answers: how a record failed decides the status", "[intake][answers]") {
    struct Case {
        Settlement how;
        const char* failure_class;
        int status;
        const char* word;
    };
    const Case row = GENERATE(Case{Settlement::kUnchanged, "", 200, "unchanged"},
                              Case{Settlement::kFiltered, "", 200, "filtered"},
                              Case{Settlement::kSuperseded, "", 200, "superseded"},
                              Case{Settlement::kDead, "permanent", 422, "failed"},
                              Case{Settlement::kDead, "not_found", 422, "failed"},
                              Case{Settlement::kDead, "mapping", 422, "failed"},
                              Case{Settlement::kDead, "conflict", 409, "failed"},
                              Case{Settlement::kDead, "transient", 502, "failed"},
                              Case{Settlement::kDead, "unknown", 502, "failed"});
    Waiting world;
    auto exchange = world.post("m1");
    world.settle(world.translate(1, {"a"}), 0, "a", row.how, row.failure_class);
    auto response = world.wait(exchange);
    CAPTURE(row.failure_class);
    CHECK(response.status == row.status);
    CHECK(json_of(response).at("status") == row.word);
    if (row.how != Settlement::kDead) return;
    CHECK(code_of(response) == "intake.not_delivered");
    CHECK(json_of(response).at("error") == "the record was not delivered: told so");
    CHECK(response.text == "the record was not delivered: told so");
}

TEST_CASE("answers: several records are told one by one", "[intake][answers]") {
    Waiting world;
    auto exchange = world.post("m1");
    store::Position event = world.translate(1, {"a", "b", "c"});
    world.settle(event, 2, "c", Settlement::kFiltered);
    world.settle(event, 0, "a", Settlement::kDelivered);
    world.settle(event, 1, "b", Settlement::kDead, "conflict");
    auto response = world.wait(exchange);
    CHECK(response.status == 409);
    auto records = json_of(response).at("records");
    REQUIRE(records.as_array().size() == 3);
    CHECK(records.at(0).at("id") == "d-a");
    CHECK(records.at(1).at("error") == "told so");
    CHECK(records.at(2).at("status") == "filtered");

    exchange = world.post("m2");
    world.translate(2, {});
    response = world.wait(exchange);
    CHECK(response.status == 200);
    CHECK(json_of(response).at("status") == "done");
    CHECK(json_of(response).at("records").as_array().empty());
}

TEST_CASE("answers: an event that nobody understands is told", "[intake][answers]") {
    Waiting world;
    auto exchange = world.post("m1");
    world.append(store::EventDied{kRoute, world.event_of(1), 5, {"permanent", "not JSON", ""}});
    auto response = world.wait(exchange);
    CHECK(response.status == 422);
    CHECK(code_of(response) == "intake.not_translated");
}

TEST_CASE("answers: a repeat waits for the outcome of the first, and gets the same",
          "[intake][answers]") {
    Waiting world;
    auto first = world.post("m1");
    store::Position event = world.translate(1, {"a"});
    auto repeat = world.post("m1");
    world.run_until([&] { return world.ledger(0).received == 2; });
    CHECK_FALSE(repeat->response);
    world.settle(event, 0, "a", Settlement::kDelivered);
    std::string body = world.wait(first).body;
    CHECK(world.wait(repeat).body == body);
    CHECK(world.wait(world.post("m1")).body == body);
    CHECK(world.ledger(3).duplicate == 2);
}

TEST_CASE("answers: a late outcome is the event's id, and 504 or 202", "[intake][answers]") {
    int late_status = GENERATE(504, 202);
    Waiting world{[&](Route& route) {
        route.answer_timeout = 1ms;
        route.late_status = late_status;
    }};
    auto response = world.wait(world.post("m1"));
    CHECK(response.status == late_status);
    CHECK(event_in(response) == store::to_string(world.event_of(1)));
    if (late_status == 504) CHECK(code_of(response) == "intake.outcome_late");
}

TEST_CASE("answers: what has to wait longer than the sender is told at once", "[intake][answers]") {
    Waiting world;
    auto exchange = world.post("m1");
    store::Position event = world.translate(1, {"a"});
    store::Settled retry;
    retry.connection = kConnection;
    retry.lane = store::lane_key("a");
    retry.record = {event, 0};
    retry.attempt = 1;
    retry.settlement = Settlement::kRetry;
    retry.due_ns = core::system_clock().wall_ns() + std::int64_t{3600} * 1'000'000'000;
    world.append(retry);
    auto response = world.wait(exchange);
    CHECK(response.status == 503);
    CHECK(code_of(response) == "intake.outcome_held");
    CHECK(event_in(response) == store::to_string(event));
    CHECK(std::stoi(header_of(response, "Retry-After")) > 3000);
}

TEST_CASE("answers: the end of the hub tells everybody, also who comes later",
          "[intake][answers][stop]") {
    Waiting world;
    auto exchange = world.post("m1");
    store::Position event = world.translate(1, {"a"});
    world.intake->stop();
    auto response = world.wait(exchange);
    CHECK(response.status == 503);
    CHECK(code_of(response) == "intake.interrupted");
    CHECK(event_in(response) == store::to_string(event));
    CHECK(code_of(world.wait(world.post("m2"))) == "intake.interrupted");
    world.settle(event, 0, "a", Settlement::kDelivered);  // nobody is there: no harm
    CHECK(world.ledger(2).received == 2);
}

TEST_CASE("answers: the connector words them, with the request before it", "[intake][answers]") {
    Waiting world;
    world.source->words = true;
    auto exchange = world.post("m1", "type=CREATE");
    store::Position event = world.translate(1, {"a"});
    world.settle(event, 0, "a", Settlement::kDelivered, "", "7");
    auto response = world.wait(exchange);
    CHECK(response.status == 201);
    CHECK(response.body == store::to_string(event) + " 17");
    CHECK(header_of(response, "Content-Type") == "text/plain");
    CHECK(world.source->last.query == "type=CREATE");
    CHECK(world.source->last.body == R"({"id":"m1"})");
    CHECK(world.source->last.headers == http_server::Headers{{"x-id", "m1"}});
}

TEST_CASE("answers: without another word, those wait that the manifest names",
          "[intake][answers]") {
    Waiting world{[](Route& route) { route.answer = AnswerWhen::kAsConnectorSays; }};
    CHECK(world.wait(world.post("m1", "type=ADD")).status == 207);
    store::Position first = world.event_of(1);
    world.append(store::Translated{kRoute, first, {}});
    auto exchange = world.post("m2", "type=CREATE");
    world.settle(world.translate(2, {"a"}), 0, "a", Settlement::kDelivered);
    CHECK(world.wait(exchange).status == 200);
    // A repeat of an event that nobody waited for: there is nothing to tell but that it is here.
    auto repeat = world.wait(world.post("m1", "type=CREATE"));
    CHECK(repeat.status == 207);
    CHECK(event_in(repeat) == store::to_string(first));
}

TEST_CASE("answers: a compressed or large request is waited for as well", "[intake][answers]") {
    Waiting world;
    world.source->words = true;
    std::string body;
    while (body.size() < 300 * 1024) body += "line " + std::to_string(body.size()) + "\n";
    std::string coded = http_server::encode(http_server::Coding::kGzip, body).value();
    auto exchange =
        world.begin(World::signed_request(coded, {{"content-encoding", "gzip"}, {"x-id", "m1"}}));
    world.settle(world.translate(1, {"a"}), 0, "a", Settlement::kFiltered);
    CHECK(world.wait(exchange).status == 201);
    CHECK((world.source->last.body == body));
    CHECK(world.source->last.headers == http_server::Headers{{"x-id", "m1"}});
}

TEST_CASE("answers: beyond the limit nothing is stored", "[intake][answers][back-pressure]") {
    Waiting world;
    std::vector<std::shared_ptr<Exchange>> waiting;
    for (std::size_t i = 0; i < kWaitingMax; ++i) waiting.push_back(world.post(std::to_string(i)));
    auto refused = world.wait(world.post("one too many"));
    CHECK(refused.status == 503);
    CHECK(code_of(refused) == "intake.too_many_wait");
    CHECK(header_of(refused, "Retry-After") == "2");
    world.run_until([&] { return world.ledger(0).received == kWaitingMax; });
    world.intake->stop();
    CHECK(world.wait(waiting.back()).status == 503);
    CHECK(world.ledger(0).received == kWaitingMax);
}

TEST_CASE("queries: a request is answered with what the destination holds", "[intake][answers]") {
    plugin::FetchResult result;
    plugin::WebhookRequest asked;
    Waiting world{[&](Route& route) {
        route.query = [&](plugin::WebhookRequest request, auto done) {
            asked = std::move(request);
            done(result);
        };
    }};
    result = {plugin::FetchKind::kFound, R"({"a":1})", {}};
    auto response = world.wait(world.post("m1", "key=7"));
    CHECK(response.status == 200);
    CHECK(response.body == R"({"a":1})");
    CHECK(asked.query == "key=7");
    result = {plugin::FetchKind::kAbsent, "", {}};
    CHECK(world.wait(world.post("m1")).status == 404);
    using plugin::FailureClass;
    for (auto [failure_class, status] : {std::pair{FailureClass::kTransient, 502},
                                         {FailureClass::kDeadline, 504},
                                         {FailureClass::kPermanent, 422}}) {
        result = {plugin::FetchKind::kFailed, "", {failure_class, "no", "", -1}};
        response = world.wait(world.post("m1"));
        CHECK(response.status == status);
        CHECK(code_of(response) == "intake.query_failed");
    }
    CHECK(world.send(World::request("{}")).status == 401);
    world.run_until([&] { return world.ledger(0).queried == 2; });
    CHECK(world.ledger(0).received == 0);
}

TEST_CASE("queries: only so many are out at once", "[intake][answers][back-pressure]") {
    std::vector<std::function<void(plugin::FetchResult)>> open;
    Waiting world{[&](Route& route) {
        route.query = [&](plugin::WebhookRequest, auto done) { open.push_back(std::move(done)); };
    }};
    std::vector<std::shared_ptr<Exchange>> waiting;
    for (std::size_t i = 0; i < kQueriesOutMax; ++i) waiting.push_back(world.post("m"));
    CHECK(code_of(world.wait(world.post("m"))) == "intake.too_many_wait");
    open.front()({plugin::FetchKind::kFound, "1", {}});
    CHECK(world.wait(waiting.front()).body == "1");
    auto again = world.post("m");
    CHECK_FALSE(again->response);
    CHECK(open.size() == kQueriesOutMax + 1);
}
