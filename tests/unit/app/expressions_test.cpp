// Expressions as connectors get them.
#include "app/expressions.hpp"

#include <string>

#include "expr/errc.hpp"
#include "support/catch.hpp"

using namespace syncline;

TEST_CASE("expressions: JSON goes in, JSON comes out", "[app][expressions]") {
    const auto program = app::make_expressions()->compile(R"(.shop + "/" + (.id | tostring))");
    REQUIRE(program.has_value());
    CHECK((*program)(R"({"shop":"eu","id":18446744073709551615})").value() ==
          R"("eu/18446744073709551615")");
}

TEST_CASE("expressions: what is wrong with a text is told with its place", "[app][expressions]") {
    const auto program = app::make_expressions()->compile("\n .a | frobnicate");
    REQUIRE_FALSE(program.has_value());
    CHECK(program.error().where() == "2:7");
    CHECK_THAT(program.error().what(), Catch::Contains("frobnicate"));
}

TEST_CASE("expressions: an input that is no JSON or does not fit is an error",
          "[app][expressions]") {
    const auto program = app::make_expressions()->compile(".a.b").value();
    CHECK_FALSE(program("{").has_value());
    CHECK_FALSE(program("").has_value());
    const auto wrong = program(R"({"a":7})");
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error().is(expr::kType));
}

TEST_CASE("expressions: work is bounded by the size of the input", "[app][expressions]") {
    std::string doubled = ".";
    for (int i = 0; i < 20; ++i) doubled += " | . + .";
    const auto program = app::make_expressions()->compile(doubled).value();
    const auto result = program(R"("0123456789")");
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().is(expr::kLimit));
}
