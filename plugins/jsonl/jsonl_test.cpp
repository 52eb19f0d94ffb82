// Drives the connector through the C interface, as the hub does.
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "syncline/testing.hpp"

using syncline::Failure;
using syncline::testing::FakeHost;
using syncline::testing::RecordToWrite;

namespace {

constexpr const char* kSettings = R"({"path": "/var/lib/people.jsonl"})";

// The fake host's clock stands there.
const std::string kAt = R"({"at":"2023-11-14T22:13:20.000Z",)";

std::string written(FakeHost& host, std::vector<RecordToWrite> records) {
    const auto write = host.write("records", std::move(records));
    CHECK(write->is_complete);
    for (const auto& outcome : write->outcomes) CHECK(outcome.kind == SYNCLINE_DONE);
    CHECK(host.violations.empty());
    return host.files["/var/lib/people.jsonl"];
}

}  // namespace

TEST_CASE("jsonl: each record is a line", "[jsonl]") {
    FakeHost host{syncline_plugin_v1, kSettings};

    CHECK(written(host, {{SYNCLINE_UPSERT, "u1", R"({"id":"u1", "n":12345678901234567890})"},
                         {SYNCLINE_DELETE, "u2", ""}}) ==
          kAt +
              R"("op":"upsert","key":"u1","record":{"id":"u1","n":12345678901234567890}})"
              "\n" +
              kAt +
              R"("op":"delete","key":"u2"})"
              "\n");
    CHECK(host.files.size() == 1);
}

TEST_CASE("jsonl: a line says what changed", "[jsonl]") {
    FakeHost host{syncline_plugin_v1, kSettings};
    RecordToWrite record{SYNCLINE_UPSERT, "u1", R"({"email":"b@example.com"})"};
    record.was_delivered = true;
    record.is_complete = false;
    record.changed_fields = {"email"};
    record.unset_fields = {"name", "age"};

    CHECK(written(host, {record}) ==
          kAt + R"("op":"upsert","key":"u1","changed":["email"],"unset":["name","age"],)" +
              R"("record":{"email":"b@example.com"}})"
              "\n");
}

TEST_CASE("jsonl: a line stays one line, whatever is in the record", "[jsonl]") {
    FakeHost host{syncline_plugin_v1, kSettings};
    const std::string lines =
        written(host, {{SYNCLINE_UPSERT, "a\nb", "{\n\"text\": \"one\\ntwo\"\n}"}});
    CHECK(lines.find('\n') == lines.size() - 1);
    CHECK_THAT(lines,
               Catch::Contains(R"("key":"a\u000ab")") && Catch::Contains(R"("one\u000atwo")"));
}

TEST_CASE("jsonl: after a failure it is open which lines are there", "[jsonl]") {
    FakeHost host{syncline_plugin_v1, kSettings};
    host.fail_appends(Failure{SYNCLINE_E_TRANSIENT, "No space left on device"});

    const auto write = host.write("records", {{SYNCLINE_UPSERT, "u1", "{}"}});

    CHECK(write->is_complete);
    CHECK(write->outcomes[0].kind == SYNCLINE_UNKNOWN);
    CHECK(write->outcomes[0].failure.message == "No space left on device");
    host.stop();
    CHECK(host.violations.empty());
}

TEST_CASE("jsonl: without a path it does not start", "[jsonl]") {
    CHECK_THROWS_WITH((FakeHost{syncline_plugin_v1, "{}"}), Catch::Contains("/path: is required"));
}
