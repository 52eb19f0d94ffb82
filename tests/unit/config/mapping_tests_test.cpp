#include "support/catch.hpp"
#include "unit/config/fixture.hpp"

using namespace syncline;
using namespace syncline::config;
using test::ConfigFixture;
using test::Found;
using test::kGood;
using Outcome = MappingTest::Outcome;

namespace {

// kGood with the tests of the connection below it: they begin in line 22.
std::string with_tests(const std::string& tests) {
    return kGood + "    tests:\n" + tests;
}

}  // namespace

TEST_CASE("mapping tests: a record, and what is to come of it", "[config][tests]") {
    const ConfigFixture fixture;

    const Loaded loaded = fixture.load(with_tests(R"(
      - name: all of it
        given: { user: u1, size: 3, big: 18446744073709551615, on: true, none: ~, list: [1, x] }
        expect: { user: "${KEY}", size: "3" }
      - { given: {}, expect_filtered: true }
      - { given: { user: 5 }, expect_error: can't index }
      - { given: {}, expect: {} }
)"));

    INFO(test::all_messages(loaded));
    REQUIRE(loaded.config.has_value());
    const std::vector<MappingTest>& tests = loaded.config->connections.front().tests;
    REQUIRE(tests.size() == 4);
    CHECK(tests[0].name == "all of it");
    CHECK(tests[0].at.line == 23);
    CHECK(tests[0].at.column == 9);
    CHECK(tests[0].outcome == Outcome::kMapped);
    CHECK(tests[0].given.at("user") == "u1");
    CHECK(tests[0].given.at("size") == 3);
    CHECK(tests[0].given.at("big") == 18446744073709551615ull);
    CHECK(tests[0].given.at("on") == true);
    CHECK(tests[0].given.at("none").is_null());
    CHECK(tests[0].given.at("list") == boost::json::array{1, "x"});
    CHECK(tests[0].expected.at("user") == "k3y");
    CHECK(tests[0].expected.at("size") == "3");
    CHECK(tests[1].outcome == Outcome::kFiltered);
    CHECK(tests[1].name.empty());
    CHECK(tests[2].outcome == Outcome::kError);
    CHECK(tests[2].error_part == "can't index");
    CHECK(tests[3].outcome == Outcome::kMapped);
    CHECK(tests[3].expected.empty());
}

TEST_CASE("mapping tests: none are no mistake", "[config][tests]") {
    const ConfigFixture fixture;
    CHECK(fixture.problems(kGood + "    tests:\n").empty());
    CHECK(fixture.problems(kGood + "    tests: []\n").empty());
}

TEST_CASE("mapping tests: every mistake is told at its place", "[config][tests]") {
    const ConfigFixture fixture;
    const auto told = [&](const std::string& tests) { return fixture.problems(with_tests(tests)); };

    CHECK(fixture.problems(kGood + "    tests: x\n") == Found{"21:12 config.type"});
    CHECK(told("      - x\n") == Found{"22:9 config.type"});
    CHECK(told("      - { expect: {} }\n") == Found{"22:9 config.missing_key"});
    CHECK(told("      - { given: {} }\n") == Found{"22:9 config.missing_key"});
    CHECK(told("      - { given: {}, expect: {}, expected: {} }\n") ==
          Found{"22:34 config.unknown_key"});
    CHECK(told("      - { given: [], expect: filtered }\n") ==
          Found{"22:18 config.type", "22:30 config.type"});
    CHECK(told("      - { given: {}, expect: {}, expect_filtered: true }\n") ==
          Found{"22:51 config.duplicate"});
    CHECK(told("      - { given: {}, expect_filtered: false }\n") == Found{"22:39 config.value"});
    CHECK(told("      - { given: {}, expect_filtered: \"true\" }\n") == Found{"22:39 config.type"});
    CHECK(told("      - { given: {}, expect_error: \"\" }\n") == Found{"22:36 config.value"});
    CHECK(told("      - { given: {}, expect_error: [x] }\n") == Found{"22:36 config.type"});
    CHECK(told("      - { name: \"" + std::string(257, 'n') + "\", given: {}, expect: {} }\n") ==
          Found{"22:17 config.value"});
    CHECK(told("      - { given: { n: 99999999999999999999 }, expect: { n: .inf } }\n") ==
          Found{"22:23 config.value", "22:60 config.value"});
    CHECK(told("      - { given: { n: \"${UNSET}\" }, expect: {} }\n") ==
          Found{"22:24 config.variable_unset"});
}

TEST_CASE("mapping tests: a secret has no place in what is printed", "[config][tests]") {
    ConfigFixture fixture;
    fixture.source.files["/secret"] = "s3cret";

    const Loaded loaded =
        fixture.load(with_tests("      - { given: { n: \"${file:/secret}\" }, expect: {} }\n"));

    REQUIRE(loaded.problems.size() == 1);
    CHECK(loaded.problems[0].at.column == 24);
    CHECK(test::all_messages(loaded).find("s3cret") == std::string::npos);
}
