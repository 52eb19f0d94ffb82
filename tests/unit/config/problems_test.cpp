#include "config/problems.hpp"

#include "support/catch.hpp"

using namespace syncline::config;

TEST_CASE("problems: a suggestion comes only when it is near", "[config][problems]") {
    CHECK(did_you_mean("conectors_dir", {"data_dir", "connectors_dir"}) ==
          "did you mean `connectors_dir`?");
    CHECK(did_you_mean("maps", {"map", "when"}) == "did you mean `map`?");
    CHECK(did_you_mean("x", {"version"}).empty());
    CHECK(did_you_mean("map", {}).empty());
    CHECK(did_you_mean(std::string(5'000'000, 'a'), {"a"}).empty());
}

TEST_CASE("problems: the nearest suggestion wins", "[config][problems]") {
    CHECK(did_you_mean("retry_may_ms", {"retry_base_ms", "retry_max_ms"}) ==
          "did you mean `retry_max_ms`?");
}

TEST_CASE("problems: text from the file is cut between characters and cleaned",
          "[config][problems]") {
    CHECK(in_quotes("a\nb\x1b[0m") == "`a b [0m`");
    const std::string umlauts = [] {
        std::string text = "x";
        for (int i = 0; i < 100; ++i) text += "ä";
        return text;
    }();

    const std::string quoted = in_quotes(umlauts);

    CHECK(quoted == "`" + umlauts.substr(0, 119) + "...`");
}

TEST_CASE("problems: the same problem at the same place is told once, in the order of the file",
          "[config][problems]") {
    Problems problems{"f.yaml"};
    problems.add(kValue, {2, 1}, "b");
    problems.add(kValue, {1, 5}, "a");
    problems.add(kValue, {2, 1}, "b");
    problems.add(kValue, {2, 1}, "c");
    problems.add(kValue, {2, 1}, "b");

    const auto taken = problems.take();

    REQUIRE(taken.size() == 3);
    CHECK(taken[0].error.where() == "f.yaml:1:5");
    CHECK(taken[1].error.what() == "b");
    CHECK(taken[2].error.what() == "c");
    CHECK(problems.take().empty());
}
