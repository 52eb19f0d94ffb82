// A connector that has seen nothing of the C++ layer keeps the rules, driven by the fake host.
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "syncline/testing.hpp"

using syncline::Failure;
using syncline::testing::FakeHost;
using syncline::testing::RecordToWrite;

namespace {

constexpr const char* kSettings = R"({"base_url": "https://api.example.com/"})";

std::vector<RecordToWrite> records(int count) {
    std::vector<RecordToWrite> made;
    for (int i = 0; i < count; ++i) {
        made.push_back({SYNCLINE_UPSERT, std::to_string(i), R"({"n":)" + std::to_string(i) + '}'});
    }
    return made;
}

}  // namespace

TEST_CASE("plain C: each record is a request of its own", "[plain_c]") {
    FakeHost host{syncline_plugin_v1, kSettings};

    const auto write = host.write("things", records(4));
    REQUIRE(host.exchanges().size() == 4);
    CHECK(host.exchanges()[1].method == "POST");
    CHECK(host.exchanges()[1].url == "https://api.example.com/things");
    CHECK(host.exchanges()[1].body == R"({"n":1})");
    host.respond(201, "");
    host.respond(422, "");
    host.respond(429, "");
    CHECK_FALSE(write->is_complete);
    host.respond(500, "");

    REQUIRE(write->is_complete);
    CHECK(write->outcomes[0].kind == SYNCLINE_DONE);
    CHECK(write->outcomes[1].failure.failure_class == SYNCLINE_E_PERMANENT);
    CHECK(write->outcomes[1].failure.provider_code == "422");
    CHECK(write->outcomes[2].failure.failure_class == SYNCLINE_E_RATE_LIMITED);
    CHECK(write->outcomes[3].kind == SYNCLINE_UNKNOWN);
    host.stop();
    CHECK(host.violations.empty());
}

TEST_CASE("plain C: what is lost, cancelled or refused is told as it was", "[plain_c]") {
    FakeHost host{syncline_plugin_v1, kSettings};

    const auto lost = host.write("things", records(2));
    host.fail(Failure{SYNCLINE_E_TRANSIENT, "connection reset"}, true);
    host.fail(Failure{SYNCLINE_E_TRANSIENT, "connection refused"}, false);
    CHECK(lost->outcomes[0].kind == SYNCLINE_UNKNOWN);
    CHECK(lost->outcomes[1].kind == SYNCLINE_FAILED);

    const auto cancelled = host.write("things", records(3));
    host.respond(200, "");
    host.cancel_writes();
    CHECK(cancelled->is_complete);
    CHECK(cancelled->outcomes[0].kind == SYNCLINE_DONE);
    CHECK(cancelled->outcomes[2].failure.failure_class == SYNCLINE_E_CANCELLED);

    host.refuse_sends(Failure{SYNCLINE_E_CONFIG, "the host is not granted"});
    const auto refused = host.write("things", records(2));
    CHECK(refused->is_complete);
    CHECK(refused->outcomes[1].failure.failure_class == SYNCLINE_E_CONFIG);
    CHECK(host.violations.empty());
}

TEST_CASE("plain C: a stop ends what is open, and only then is it stopped", "[plain_c]") {
    FakeHost host{syncline_plugin_v1, kSettings};
    const auto write = host.write("things", records(2));

    host.stop();

    CHECK(write->is_complete);
    CHECK(host.is_stopped());
    CHECK(host.violations.empty());
}

TEST_CASE("plain C: settings without an address are refused", "[plain_c]") {
    CHECK_THROWS_WITH((FakeHost{syncline_plugin_v1, "{}"}), Catch::Contains("'base_url'"));
    CHECK_THROWS_WITH((FakeHost{syncline_plugin_v1, R"({"base_url":7})"}),
                      Catch::Contains("'base_url'"));
}
