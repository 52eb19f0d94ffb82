// Drives the connector through the C interface, as the hub does.
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "syncline/testing.hpp"

using syncline::Failure;
using syncline::testing::Exchange;
using syncline::testing::FakeHost;
using syncline::testing::Headers;
using syncline::testing::Outcome;
using syncline::testing::RecordToWrite;

namespace {

constexpr const char* kSimple = R"({"url": "https://crm.example.com/users"})";
constexpr const char* kFull = R"({
    "url": "https://crm.example.com/users", "id_from": "/data/id",
    "update": {"method": "PATCH", "url": "https://crm.example.com/users/{id}"},
    "delete": {"url": "https://crm.example.com/users/{id}?by={key}"},
    "authorization": "Bearer t0ken", "headers": {"X-Team": "blue"},
    "idempotency_header": "Idempotency-Key"})";

const RecordToWrite kAnn{SYNCLINE_UPSERT, "u/1", R"({"name":"Ann"})"};

RecordToWrite known(syncline_operation operation) {
    return {operation, "u/1", R"({"name":"Ann"})", "id 7", true};
}

// What is sent for one record.
Exchange sent(const char* settings, const RecordToWrite& record) {
    FakeHost host{syncline_plugin_v1, settings};
    host.write("records", {record});
    REQUIRE(host.exchanges().size() == 1);
    return host.exchanges()[0];
}

Outcome outcome_of(const char* settings, const RecordToWrite& record, int status,
                   const std::string& body = "", const Headers& headers = {}) {
    FakeHost host{syncline_plugin_v1, settings};
    const auto write = host.write("records", {record});
    host.respond(status, body, headers);
    CHECK(write->is_complete);
    host.stop();
    CHECK(host.violations.empty());
    return write->outcomes[0];
}

}  // namespace

TEST_CASE("http: a record is a request", "[http]") {
    const Exchange exchange = sent(kSimple, kAnn);
    CHECK(exchange.method == "POST");
    CHECK(exchange.url == "https://crm.example.com/users");
    CHECK(exchange.body == R"({"name":"Ann"})");
    CHECK(exchange.headers == Headers{{"Content-Type", "application/json"}});
    CHECK(outcome_of(kSimple, kAnn, 201, R"({"id":7})").kind == SYNCLINE_DONE);
}

TEST_CASE("http: the key stands in the URL as the settings say", "[http]") {
    const char* settings = R"({"url": "https://crm.example.com/users/{key}", "method": "PUT"})";
    const Exchange exchange = sent(settings, kAnn);
    CHECK(exchange.method == "PUT");
    CHECK(exchange.url == "https://crm.example.com/users/u%2F1");
}

TEST_CASE("http: a key that would lead to another resource fails its record", "[http]") {
    const char* settings = R"({"url": "https://crm.example.com/users/{key}", "method": "PUT"})";
    for (const char* key : {".", ".."}) {
        FakeHost host{syncline_plugin_v1, settings};
        const auto write = host.write("records", {{SYNCLINE_UPSERT, key, "{}"}});
        CHECK(host.exchanges().empty());
        CHECK(write->outcomes[0].kind == SYNCLINE_FAILED);
        CHECK(write->outcomes[0].failure.failure_class == SYNCLINE_E_PERMANENT);
    }
    CHECK(sent(settings, {SYNCLINE_UPSERT, "...", "{}"}).url ==
          "https://crm.example.com/users/...");
    CHECK(sent(kSimple, {SYNCLINE_UPSERT, "..", "{}"}).url == "https://crm.example.com/users");
}

TEST_CASE("http: headers go with every request", "[http]") {
    const Headers wanted{{"Authorization", "Bearer t0ken"},
                         {"X-Team", "blue"},
                         {"Content-Type", "application/json"},
                         {"Idempotency-Key", "u/1"}};
    CHECK(sent(kFull, kAnn).headers == wanted);
}

TEST_CASE("http: what the platform has is updated under the id that it gave", "[http]") {
    CHECK(sent(kFull, kAnn).method == "POST");
    CHECK(outcome_of(kFull, kAnn, 200, R"({"data":{"id":7}})").destination_key == "7");
    CHECK(outcome_of(kFull, kAnn, 200, R"({"data":{"id":"a-7"}})").destination_key == "a-7");
    CHECK(outcome_of(kFull, kAnn, 200, "fine").destination_key.empty());

    const Exchange exchange = sent(kFull, known(SYNCLINE_UPSERT));
    CHECK(exchange.method == "PATCH");
    CHECK(exchange.url == "https://crm.example.com/users/id%207");
}

TEST_CASE("http: a deletion goes out as the settings say, or not at all", "[http]") {
    const Exchange exchange = sent(kFull, known(SYNCLINE_DELETE));
    CHECK(exchange.method == "DELETE");
    CHECK(exchange.url == "https://crm.example.com/users/id%207?by=u%2F1");
    CHECK(exchange.body.empty());
    CHECK(outcome_of(kFull, known(SYNCLINE_DELETE), 404).kind == SYNCLINE_DONE);
    CHECK(outcome_of(kFull, known(SYNCLINE_DELETE), 409).kind == SYNCLINE_FAILED);
    CHECK(outcome_of(kFull, known(SYNCLINE_UPSERT), 404).kind == SYNCLINE_FAILED);

    FakeHost silent{syncline_plugin_v1, kSimple};
    const auto refused = silent.write("records", {known(SYNCLINE_DELETE)});
    CHECK(silent.exchanges().empty());
    CHECK(refused->outcomes[0].failure.failure_class == SYNCLINE_E_UNSUPPORTED);

    FakeHost host{syncline_plugin_v1, kFull};
    const auto unknown = host.write("records", {{SYNCLINE_DELETE, "u1", ""}});
    CHECK(host.exchanges().empty());
    CHECK(unknown->outcomes[0].failure.failure_class == SYNCLINE_E_NOT_FOUND);
}

TEST_CASE("http: a batch is a list, deletions follow one by one", "[http]") {
    FakeHost host{syncline_plugin_v1, kFull};
    const auto write = host.write(
        "batches", {kAnn, known(SYNCLINE_DELETE), {SYNCLINE_UPSERT, "u2", R"({"name":"Bo"})"}});

    REQUIRE(host.exchanges().size() == 1);
    CHECK(host.exchanges()[0].url == "https://crm.example.com/users");
    CHECK(host.exchanges()[0].body == R"([{"name":"Ann"},{"name":"Bo"}])");
    host.respond(200, "");
    CHECK(write->outcomes[0].kind == SYNCLINE_DONE);
    CHECK(write->outcomes[2].kind == SYNCLINE_DONE);
    REQUIRE(host.exchanges().size() == 1);
    CHECK(host.exchanges()[0].method == "DELETE");
    host.respond(204, "");
    CHECK(write->is_complete);
    CHECK(write->outcomes[1].kind == SYNCLINE_DONE);
    host.stop();
    CHECK(host.violations.empty());
}

TEST_CASE("http: a batch that is refused fails as a whole, and says what it knows", "[http]") {
    FakeHost host{syncline_plugin_v1, kSimple};
    const auto write = host.write("batches", {kAnn, {SYNCLINE_UPSERT, "u2", "{}"}});
    host.respond(500, "oops");
    CHECK(write->is_complete);
    CHECK(write->outcomes[0].kind == SYNCLINE_UNKNOWN);
    CHECK(write->outcomes[1].kind == SYNCLINE_UNKNOWN);
    CHECK(host.violations.empty());
}

TEST_CASE("http: a status tells the class of a failure, in the platform's words", "[http]") {
    const Outcome limited =
        outcome_of(kSimple, kAnn, 429, R"({"error":"slow down"})", {{"retry-after", "7"}});
    CHECK(limited.kind == SYNCLINE_FAILED);
    CHECK(limited.failure.failure_class == SYNCLINE_E_RATE_LIMITED);
    CHECK(limited.failure.retry_after_ms == 7000);
    CHECK(limited.failure.message == "crm.example.com answered 429: slow down");

    CHECK(outcome_of(kSimple, kAnn, 422).failure.failure_class == SYNCLINE_E_PERMANENT);
    CHECK(outcome_of(kSimple, kAnn, 401).failure.failure_class == SYNCLINE_E_AUTH_DENIED);
    CHECK(outcome_of(kSimple, kAnn, 503).failure.failure_class == SYNCLINE_E_TRANSIENT);
    CHECK(outcome_of(kSimple, kAnn, 500).kind == SYNCLINE_UNKNOWN);
    CHECK(outcome_of(kSimple, kAnn, 302).kind == SYNCLINE_UNKNOWN);
}

TEST_CASE("http: a new record can't have the platform's id in its URL", "[http]") {
    CHECK_THROWS_WITH((FakeHost{syncline_plugin_v1, R"({"url": "https://x.example/{id}"})"}),
                      Catch::Contains("see `update`"));
}
