// Drives the connector through the C interface, as the hub does.
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "syncline/testing.hpp"

using syncline::Failure;
using syncline::testing::FakeHost;
using syncline::testing::RecordToWrite;

namespace {

constexpr const char* kSettings = R"({"base_url": "https://pangolin.example.com/"})";

std::vector<RecordToWrite> two_records() {
    return {{SYNCLINE_UPSERT, "a/u1", R"({"audience":"a","user":"u1"})"},
            {SYNCLINE_DELETE, "a/u2", R"({"audience":"a","user":"u2"})"}};
}

// Writes two records and answers; both outcomes must then be of that kind.
syncline::testing::Outcome outcome_of_both(int status, const std::string& body,
                                           const syncline::testing::Headers& headers = {}) {
    FakeHost host{syncline_plugin_v1, kSettings};
    const auto write = host.write("audience_memberships", two_records());
    host.respond(status, body, headers);
    CHECK(write->is_complete);
    CHECK(write->outcomes[0].kind == write->outcomes[1].kind);
    CHECK(write->outcomes[0].failure.message == write->outcomes[1].failure.message);
    host.stop();
    CHECK(host.violations.empty());
    return write->outcomes[0];
}

}  // namespace

TEST_CASE("pangolin: a batch is one request", "[pangolin]") {
    FakeHost host{syncline_plugin_v1, kSettings};

    const auto write = host.write("audience_memberships", two_records());

    CHECK_FALSE(write->is_complete);
    REQUIRE(host.exchanges().size() == 1);
    const auto request = host.exchanges()[0];
    CHECK(request.method == "POST");
    CHECK(request.url == "https://pangolin.example.com/v1/memberships");
    CHECK(request.headers.at(0) ==
          std::pair<std::string, std::string>{"Content-Type", "application/json"});
    CHECK(request.body == R"({"memberships":[{"audience":"a","user":"u1","action":"add"},)"
                          R"({"audience":"a","user":"u2","action":"remove"}]})");
}

TEST_CASE("pangolin: each record gets what the reply says of it, the others are done",
          "[pangolin]") {
    FakeHost host{syncline_plugin_v1, kSettings};
    auto records = two_records();
    records.push_back({SYNCLINE_UPSERT, "a/u3", R"({"audience":"a","user":"u3"})"});
    records.push_back({SYNCLINE_UPSERT, "a/u4", R"({"audience":"a","user":"u4"})"});
    const auto write = host.write("audience_memberships", records);

    host.respond(200, R"({"results":[
        {"index":2,"error":{"code":"E7","message":"no such user","retryable":false}},
        {"index":1,"id":"m-1"},
        {"index":3,"error":{"code":"E8","message":"busy","retryable":true}}]})");

    REQUIRE(write->is_complete);
    CHECK(write->outcomes[0].kind == SYNCLINE_DONE);
    CHECK(write->outcomes[0].destination_key.empty());
    CHECK(write->outcomes[1].kind == SYNCLINE_DONE);
    CHECK(write->outcomes[1].destination_key == "m-1");
    CHECK(write->outcomes[2].kind == SYNCLINE_FAILED);
    CHECK(write->outcomes[2].failure.failure_class == SYNCLINE_E_PERMANENT);
    CHECK(write->outcomes[2].failure.provider_code == "E7");
    CHECK(write->outcomes[2].failure.message == "no such user");
    CHECK(write->outcomes[3].failure.failure_class == SYNCLINE_E_TRANSIENT);
    CHECK(host.violations.empty());
}

TEST_CASE("pangolin: a membership goes to the id that its audience got", "[pangolin]") {
    FakeHost host{syncline_plugin_v1, kSettings};
    auto records = two_records();
    records[0].parent_key = "a-17";
    host.write("audience_memberships", records);

    CHECK(host.exchanges().at(0).body ==
          R"({"memberships":[{"audience":"a-17","user":"u1","action":"add"},)"
          R"({"audience":"a","user":"u2","action":"remove"}]})");
}

TEST_CASE("pangolin: an audience is made under our id, and its answer is Pangolin's",
          "[pangolin]") {
    FakeHost host{syncline_plugin_v1, kSettings};
    const auto write = host.write(
        "audiences", {{SYNCLINE_UPSERT, "a", R"({"audience":"a","name":"Spring","customer":1})"}});

    REQUIRE(host.exchanges().size() == 1);
    CHECK(host.exchanges()[0].method == "POST");
    CHECK(host.exchanges()[0].url == "https://pangolin.example.com/v1/audiences");
    CHECK(host.exchanges()[0].body == R"({"external_id":"a","name":"Spring"})");
    host.respond(201, R"({"id":"a-17"})");

    CHECK(write->is_complete);
    CHECK(write->outcomes[0].kind == SYNCLINE_DONE);
    CHECK(write->outcomes[0].destination_key == "a-17");
    CHECK(write->outcomes[0].reply == R"({"id":"a-17"})");

    const auto nameless = host.write("audiences", {{SYNCLINE_UPSERT, "b", R"({"audience":"b"})"}});
    CHECK(host.exchanges()[0].body == R"({"external_id":"b","name":"b"})");
    host.respond(200, "{}");
    CHECK(nameless->outcomes[0].kind == SYNCLINE_UNKNOWN);
    CHECK(host.violations.empty());
}

TEST_CASE("pangolin: an audience is deleted under Pangolin's id, if it has one", "[pangolin]") {
    FakeHost host{syncline_plugin_v1, kSettings};
    const auto write = host.write("audiences", {{SYNCLINE_DELETE, "a", "", "a/17", true}});
    CHECK(host.exchanges().at(0).method == "DELETE");
    CHECK(host.exchanges()[0].url == "https://pangolin.example.com/v1/audiences/a%2F17");
    host.respond(404, "");
    CHECK(write->outcomes[0].kind == SYNCLINE_DONE);

    const auto refused = host.write("audiences", {{SYNCLINE_DELETE, "a", "", "a-17", true}});
    host.respond(409, "");
    CHECK(refused->outcomes[0].kind == SYNCLINE_FAILED);

    const auto unknown = host.write("audiences", {{SYNCLINE_DELETE, "b", ""}});
    CHECK(host.exchanges().empty());
    CHECK(unknown->outcomes[0].kind == SYNCLINE_DONE);
}

TEST_CASE("pangolin: an invalid record fails alone, and the reply still finds the right ones",
          "[pangolin]") {
    FakeHost host{syncline_plugin_v1, kSettings};
    auto records = two_records();
    records.insert(records.begin(), {SYNCLINE_UPSERT, "bad", R"({"audience":"a"})"});
    const auto write = host.write("audience_memberships", records);

    host.respond(200, R"({"results":[{"index":0,"id":"m-0"},{"index":1,"id":"m-1"}]})");

    CHECK(write->outcomes[0].kind == SYNCLINE_FAILED);
    CHECK(write->outcomes[0].failure.failure_class == SYNCLINE_E_PERMANENT);
    CHECK(write->outcomes[1].destination_key == "m-0");
    CHECK(write->outcomes[2].destination_key == "m-1");
}

TEST_CASE("pangolin: a batch without a valid record completes without a request", "[pangolin]") {
    FakeHost host{syncline_plugin_v1, kSettings};

    const auto write = host.write("audience_memberships",
                                  {{SYNCLINE_UPSERT, "k", "not json"}, {SYNCLINE_DELETE, "l", ""}});

    CHECK(host.exchanges().empty());
    CHECK(write->is_complete);
    CHECK(write->outcomes[0].kind == SYNCLINE_FAILED);
    CHECK(write->outcomes[1].kind == SYNCLINE_FAILED);
    CHECK(host.violations.empty());
}

TEST_CASE("pangolin: a refused request had no effect and says when to come back", "[pangolin]") {
    const auto limited = outcome_of_both(429, R"({"error":"slow down"})", {{"retry-after", "7"}});
    CHECK(limited.kind == SYNCLINE_FAILED);
    CHECK(limited.failure.failure_class == SYNCLINE_E_RATE_LIMITED);
    CHECK(limited.failure.retry_after_ms == 7000);
    CHECK(limited.failure.message == "Pangolin answered 429: slow down");

    // The fake host's clock stands at Tue, 14 Nov 2023 22:13:20 GMT.
    const auto down = outcome_of_both(503, "", {{"retry-after", "Tue, 14 Nov 2023 22:13:50 GMT"}});
    CHECK(down.kind == SYNCLINE_FAILED);
    CHECK(down.failure.failure_class == SYNCLINE_E_TRANSIENT);
    CHECK(down.failure.retry_after_ms == 30'000);

    CHECK(outcome_of_both(401, "").failure.failure_class == SYNCLINE_E_AUTH_DENIED);
    CHECK(outcome_of_both(403, "").failure.failure_class == SYNCLINE_E_AUTH_DENIED);

    const auto wrong = outcome_of_both(422, R"({"error":{"message":"bad field"}})");
    CHECK(wrong.kind == SYNCLINE_FAILED);
    CHECK(wrong.failure.failure_class == SYNCLINE_E_PERMANENT);
    CHECK(wrong.failure.message == "Pangolin answered 422: bad field");
    CHECK(wrong.failure.retry_after_ms == -1);
}

TEST_CASE("pangolin: an answer that leaves the effect open makes the outcome unknown",
          "[pangolin]") {
    const auto kinds = {outcome_of_both(500, "oops").kind,
                        outcome_of_both(502, "").kind,
                        outcome_of_both(204, "").kind,
                        outcome_of_both(200, "").kind,
                        outcome_of_both(200, R"({"results":{}})").kind,
                        outcome_of_both(200, R"({"results":[{"id":"x"}]})").kind,
                        outcome_of_both(200, R"({"results":[{"index":2,"id":"x"}]})").kind,
                        outcome_of_both(200, R"({"results":[{"index":-1,"id":"x"}]})").kind,
                        outcome_of_both(200, R"({"results":[{"index":0},{"index":0}]})").kind};

    for (const auto kind : kinds) CHECK(kind == SYNCLINE_UNKNOWN);
}

TEST_CASE("pangolin: without a response it matters whether the request has left", "[pangolin]") {
    FakeHost host{syncline_plugin_v1, kSettings};

    const auto lost = host.write("audience_memberships", two_records());
    host.fail(Failure{SYNCLINE_E_TRANSIENT, "connection reset"}, true);
    CHECK(lost->outcomes[0].kind == SYNCLINE_UNKNOWN);

    const auto unsent = host.write("audience_memberships", two_records());
    host.fail(Failure{SYNCLINE_E_TRANSIENT, "connection refused"}, false);
    CHECK(unsent->outcomes[0].kind == SYNCLINE_FAILED);
    CHECK(unsent->outcomes[0].failure.failure_class == SYNCLINE_E_TRANSIENT);

    const auto cancelled = host.write("audience_memberships", two_records());
    host.fail(Failure{SYNCLINE_E_CANCELLED, "cancelled"}, false);
    CHECK(cancelled->outcomes[0].kind == SYNCLINE_NOT_ATTEMPTED);

    host.refuse_sends(Failure{SYNCLINE_E_CONFIG, "the host is not granted"});
    const auto refused = host.write("audience_memberships", two_records());
    CHECK(refused->is_complete);
    CHECK(refused->outcomes[1].kind == SYNCLINE_FAILED);
    CHECK(refused->outcomes[1].failure.failure_class == SYNCLINE_E_CONFIG);
    CHECK(host.violations.empty());
}

TEST_CASE("pangolin: a cancelled batch and a stop complete what is open", "[pangolin]") {
    FakeHost host{syncline_plugin_v1, kSettings};

    const auto cancelled = host.write("audience_memberships", two_records());
    host.cancel_writes();
    CHECK(cancelled->is_complete);
    CHECK(cancelled->outcomes[0].kind == SYNCLINE_UNKNOWN);

    const auto stopped = host.write("audience_memberships", two_records());
    host.stop();
    CHECK(stopped->is_complete);
    CHECK(host.is_stopped());
    CHECK(host.violations.empty());
}

TEST_CASE("pangolin: without base_url it does not start", "[pangolin]") {
    CHECK_THROWS_WITH((FakeHost{syncline_plugin_v1, "{}"}),
                      Catch::Contains("/base_url: is required"));
}
