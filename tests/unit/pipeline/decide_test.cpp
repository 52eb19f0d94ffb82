#include "pipeline/decide.hpp"

#include "fixture.hpp"
#include "pipeline/errc.hpp"
#include "record/record.hpp"

using namespace syncline;
using namespace syncline::pipeline;

namespace {

constexpr std::uint64_t kSeed = 42;

struct Case {
    ConnectionPlan plan;
    store::LaneHead head;
    record::Operation operation = record::Operation::kUpsert;

    Case() { head.record = {store::Position::of(1, 10), 0}; }

    Case& when(const std::string& text) {
        plan.when = std::move(*expr::Program::compile(text, {"syncline.yaml", 20, 11}));
        return *this;
    }
    Case& map(const std::string& field, const std::string& text) {
        plan.map.emplace_back(field,
                              std::move(*expr::Program::compile(text, {"syncline.yaml", 21, 15})));
        return *this;
    }
    Case& deletion() {
        operation = record::Operation::kDelete;
        return *this;
    }
    // The key got this record, at this position.
    Case& knows(store::Position position, core::Hash128 hash = {}) {
        head.key_map.emplace();
        head.key_map->last = {position, 0};
        head.key_map->row_hash = hash;
        return *this;
    }
    Decision operator()(std::string_view body) {
        store::RecordRow row{};
        row.operation = operation;
        head.row = std::make_shared<const store::RecordRow>(std::move(row));
        return decide(plan, head, body, kSeed);
    }
};

core::Hash128 hash_of(std::string_view body) {
    Case test;
    return std::get<Send>(test(body)).fingerprint.row;
}

Error error_of(Decision decision) {
    return std::get<Unmappable>(std::move(decision)).error;
}

const store::Position kBefore = store::Position::of(1, 9);
const store::Position kAfter = store::Position::of(1, 11);

}  // namespace

TEST_CASE("decide: a record goes out as it came, or as it is mapped", "[pipeline][decide]") {
    CHECK(std::get<Send>(Case{}(R"({"b":1,"a":2})")).body == R"({"b":1,"a":2})");
    Case mapped;
    mapped.map("user", ".u | ascii_downcase").map("none", ".nothing");
    CHECK(std::get<Send>(mapped(R"({"u":"ME"})")).body == R"({"user":"me","none":null})");
}

TEST_CASE("decide: older than what the key got is superseded, unless forced",
          "[pipeline][decide]") {
    CHECK(std::holds_alternative<Superseded>(Case{}.knows(kAfter)("{}")));
    CHECK(std::holds_alternative<Send>(Case{}.knows(kBefore)("{}")));
    CHECK(std::holds_alternative<Send>(Case{}.knows(store::Position::of(1, 10))("{}")));
    Case forced;
    forced.knows(kAfter, hash_of("{}"));
    forced.head.is_forced = true;
    CHECK(std::holds_alternative<Send>(forced("{}")));  // even when it is unchanged
}

TEST_CASE("decide: what the filter turns down stays, and deletions of delivered ones go",
          "[pipeline][decide]") {
    CHECK(std::holds_alternative<Filtered>(Case{}.when(".yes")(R"({"yes":false})")));
    CHECK(std::holds_alternative<Filtered>(Case{}.when(".yes")("{}")));
    CHECK(std::holds_alternative<Send>(Case{}.when(".yes")(R"({"yes":0})")));
    CHECK(std::holds_alternative<Filtered>(Case{}.when(".yes").deletion()("")));
    CHECK(std::holds_alternative<Send>(Case{}.when(".yes").deletion().knows(kBefore)("")));
}

TEST_CASE("decide: what the destination has is unchanged, unless its fate is unknown",
          "[pipeline][decide]") {
    core::Hash128 hash = hash_of(R"({"a":1,"b":2})");
    // Other order, other spelling, same record.
    Decision same = Case{}.knows(kBefore, hash)(R"({ "b": 2.0, "a": 1 })");
    REQUIRE(std::holds_alternative<Unchanged>(same));
    CHECK(std::get<Unchanged>(same).row_hash == hash);
    CHECK(std::holds_alternative<Send>(Case{}.knows(kBefore, hash)(R"({"a":1,"b":3})")));
    Case unknown;
    unknown.knows(kBefore, hash);
    unknown.head.key_map->is_unknown = true;
    CHECK(std::holds_alternative<Send>(unknown(R"({"a":1,"b":2})")));
}

TEST_CASE("decide: a destination that wants it is told what changed and what went away",
          "[pipeline][decide]") {
    auto fields = [](std::string_view body) {
        Case test;
        return record::encode_field_hashes(std::get<Send>(test(body)).fingerprint.fields);
    };
    static constexpr std::string_view kOld = R"({"a":1,"b":[1],"c":null})";
    struct Known : Case {
        explicit Known(std::string field_hashes) {
            plan.takes_partial_updates = true;
            knows(kBefore, hash_of(kOld)).head.key_map->field_hashes = std::move(field_hashes);
        }
    };

    Send send = std::get<Send>(Known{fields(kOld)}(R"({"a":1,"b":[2],"d":true})"));
    CHECK_FALSE(send.is_complete);
    CHECK(send.changes.changed == std::vector<std::string>{"b", "d"});
    CHECK(send.changes.unset == std::vector<std::string>{"c"});
    CHECK(send.body == R"({"a":1,"b":[2],"d":true})");  // the whole is there all the same

    auto is_complete = [](Case& test, std::string_view body = R"({"a":2})") {
        Send sent = std::get<Send>(test(body));
        CHECK(sent.changes.changed.empty());
        CHECK(sent.changes.unset.empty());
        return sent.is_complete;
    };
    Known unknown{fields(kOld)};
    unknown.head.key_map->is_unknown = true;
    CHECK(is_complete(unknown));  // rule 13
    Known forced{fields(kOld)};
    forced.head.is_forced = true;
    CHECK(is_complete(forced));
    Known older{""};  // a row of format 1, or a deletion
    CHECK(is_complete(older));
    Known unasked{fields(kOld)};
    unasked.plan.takes_partial_updates = false;
    CHECK(is_complete(unasked));
    Known deletion{fields(kOld)};
    CHECK(is_complete(deletion.deletion(), ""));
}

TEST_CASE("decide: a deletion is sent once", "[pipeline][decide]") {
    Decision first = Case{}.deletion()("");
    REQUIRE(std::holds_alternative<Send>(first));
    CHECK(std::get<Send>(first).body == "{}");
    core::Hash128 deleted = std::get<Send>(first).fingerprint.row;
    CHECK(std::holds_alternative<Unchanged>(Case{}.deletion().knows(kBefore, deleted)("")));
    CHECK(std::holds_alternative<Send>(Case{}.deletion().knows(kBefore, hash_of("{}"))("")));
    CHECK(std::holds_alternative<Send>(Case{}.knows(kBefore, deleted)("{}")));  // it comes back
    // Deleted already: the filter has its say again.
    CHECK(std::holds_alternative<Filtered>(
        Case{}.when(".yes").deletion().knows(kBefore, deleted)("")));
}

TEST_CASE("decide: what can't be mapped says where in the configuration", "[pipeline][decide]") {
    Error mapping = error_of(Case{}.map("n", ".a + 1")(R"({"a":"x"})"));
    CHECK(mapping.is(kMappingFailed));
    CHECK_THAT(mapping.what(), Catch::StartsWith("syncline.yaml:21:18: "));
    Error filter = error_of(Case{}.when(".a | length | keys")(R"({"a":"x"})"));
    CHECK(filter.is(kFilterFailed));
    CHECK_THAT(filter.what(), Catch::StartsWith("syncline.yaml:20:"));
}

TEST_CASE("decide: a body that is no object is unmappable", "[pipeline][decide]") {
    for (const char* body : {"[]", "1", "null", "\"text\"", "{", "{\"a\":\xff}"}) {
        CAPTURE(body);
        CHECK(error_of(Case{}(body)).is(kBodyNotJson));
    }
    CHECK(std::holds_alternative<Send>(Case{}("")));  // a deletion may have no body
}

TEST_CASE("decide: a record of 16 MiB is mapped, one that grows beyond is not",
          "[pipeline][decide]") {
    std::string body = R"({"a":")" + std::string(record::kRecordBytesMax - 100, 'x') + "\"}";
    Case copied;
    CHECK(std::holds_alternative<Send>(copied.map("a", ".a")(body)));
    Case doubled;
    CHECK(error_of(doubled.map("a", ".a").map("b", ".a")(body)).is(kMappingFailed));
}
