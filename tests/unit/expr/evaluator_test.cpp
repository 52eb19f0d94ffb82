// Limits, errors of a run, and what the examples of LANGUAGE.md do not show.
#include "expr/errc.hpp"
#include "expr/program.hpp"
#include "record/json.hpp"
#include "support/catch.hpp"

using namespace syncline;
using expr::Program;

namespace {

Result<boost::json::value> run(std::string_view source, std::string_view input = "null",
                               expr::Limits limits = {}) {
    INFO(source);
    auto program = Program::compile(source, {.file = "x.yaml", .line = 3, .column = 5});
    REQUIRE(program.has_value());
    return program->run(record::parse_json(input).value(), limits);
}

std::string value_of(std::string_view source, std::string_view input = "null") {
    auto result = run(source, input);
    INFO(source << ": " << (result ? "" : result.error().to_string()));
    REQUIRE(result.has_value());
    return record::write_json(*result);
}

Error error_of(std::string_view source, std::string_view input = "null", expr::Limits limits = {}) {
    auto result = run(source, input, limits);
    INFO(source);
    REQUIRE_FALSE(result.has_value());
    return result.error();
}

}  // namespace

TEST_CASE("run: a type error names the types, an excerpt and the place", "[expr][evaluator]") {
    auto error = error_of(".a + .b.c", R"({"a":1,"b":{"c":"xyz"}})");
    CHECK(error.is(expr::kType));
    CHECK(error.what() == "number (1) and string (\"xyz\") cannot be added");
    CHECK(error.where() == "x.yaml:3:8");
    CHECK(error_of(".a.b", R"({"a":5})").what() == "cannot index number with string (\"b\")");
    CHECK(error_of("\n .a.b", R"({"a":5})").where() == "x.yaml:4:8");
}

TEST_CASE("run: the excerpt of a long string is bounded and cuts no character",
          "[expr][evaluator]") {
    std::string text = "x";
    for (int i = 0; i < 1000; ++i) text += "\xC3\xA4";
    auto error = error_of(". + 1", "\"" + text + "\"");
    CHECK(error.what().size() < 100);
    CHECK(record::parse_json("\"" + text.substr(0, 31) + "\"").has_value());
    CHECK(error.what() ==
          "string (\"" + text.substr(0, 31) + "\"...) and number (1) cannot be added");
}

TEST_CASE("run: integers of 64 bits are exact through every operator", "[expr][evaluator]") {
    CHECK(value_of(".", "18446744073709551615") == "18446744073709551615");
    CHECK(value_of(". - 1", "9223372036854775808") == "9223372036854775807");
    CHECK(value_of(". + 1", "9223372036854775807") == "9223372036854775808");
    CHECK(value_of("-.", "9223372036854775808") == "-9223372036854775808");
    CHECK(value_of("-9223372036854775808 - 1") == "-9223372036854775808");
    CHECK(value_of("3037000500 * 3037000500") == "9223372037000250000");
    CHECK(value_of("9007199254740993 / 3") == "3002399751580331");
    CHECK(value_of("18446744073709551615 % 10") == "5");
    CHECK(value_of("-9223372036854775808 % -1") == "0");
    CHECK(value_of("9007199254740993 == 9007199254740992.0") == "false");
    CHECK(value_of("[9007199254740993, 9007199254740992.5, 9007199254740992] | sort") ==
          "[9007199254740992,9007199254740992,9007199254740993]");
    CHECK(value_of("\"\\(.)\"", "9007199254740993") == "\"9007199254740993\"");
    CHECK(value_of("tonumber", "\"9007199254740993\"") == "9007199254740993");
    CHECK(value_of("length", "-9223372036854775808") == "9223372036854775808");
}

TEST_CASE("run: precedence and associativity are those of jq", "[expr][evaluator]") {
    CHECK(value_of("1 - 2 - 3") == "-4");
    CHECK(value_of("2 + 3 * 4 % 5") == "4");
    CHECK(value_of("-1 + 2") == "1");
    CHECK(value_of("1 - -1") == "2");
    CHECK(value_of("false // null // 3 | . + 1") == "4");
    CHECK(value_of("1 == 1 and 2 < 1 or true") == "true");
    CHECK(value_of("1 // 2 == 3") == "1");
    CHECK(value_of("[.[0] | . + 1]", "[1]") == "[2]");
    CHECK(value_of("if true then 1 else 2 end + 1") == "2");
}

TEST_CASE("run: no value spreads to the nearest array, `//` or the end", "[expr][evaluator]") {
    CHECK(value_of(".a?", "1") == "null");
    CHECK(value_of("[.a?, .a? + 1, (.a? | not), 2]", "1") == "[2]");
    CHECK(value_of("{a: .a?} // \"none\"", "1") == "\"none\"");
    CHECK(value_of("\"x\\(.a?)\" // \"none\"", "1") == "\"none\"");
    CHECK(value_of("[(if .a? then 1 else 2 end), (.a? and true), has(.a?)]", "1") == "[]");
    CHECK(value_of("(.a + [])? // 5", R"({"a":1})") == "5");
    CHECK(error_of(".a.b?", "1").is(expr::kType));
}

TEST_CASE("run: a result taken from a temporary value is whole", "[expr][evaluator]") {
    CHECK(value_of("{a: {b: \"a text that is too long to be kept inside\"}}.a.b") ==
          "\"a text that is too long to be kept inside\"");
    CHECK(value_of("{a: [.]} | .a | [first, .[0]] | .[1]",
                   R"({"x":"long enough to be allocated"})") ==
          R"({"x":"long enough to be allocated"})");
    CHECK(value_of("[[.] | first] + [. | [.] | last]", "{\"x\":[1]}") ==
          "[{\"x\":[1]},{\"x\":[1]}]");
    CHECK(value_of("[[1, 2], [3]] | add | max") == "3");
}

TEST_CASE("run: a run that takes too many steps ends with expr.limit", "[expr][evaluator]") {
    std::string numbers = "[0";
    for (int i = 1; i < 500; ++i) numbers += "," + std::to_string(i);
    numbers += "]";
    CHECK(run(". - .", numbers, {.steps_max = 300'000}).has_value());
    CHECK(error_of(". - .", numbers).is(expr::kLimit));
    CHECK(error_of("sort", numbers, {.steps_max = 499}).is(expr::kLimit));
    CHECK(error_of("(sort)?", numbers, {.steps_max = 499}).is(expr::kLimit));
    CHECK(error_of("1 + 2", "null", {.steps_max = 2}).is(expr::kLimit));
}

TEST_CASE("run: a run that builds too much ends with expr.limit", "[expr][evaluator]") {
    expr::Limits limits{.result_bytes_max = 10'000};
    for (auto source :
         {"\"ab\" * 1e300", "\"ab\" * 6000", ". + .", ". * 1.5 | . + .", "[., .]", "{a: .}",
          "\"\\(.)\\(.)\"", "ascii_upcase + .", "split(\"\")", "explode", "[.] | tojson", "."}) {
        CHECK(error_of(source, "\"" + std::string(9'990, 'x') + "\"", limits).is(expr::kLimit));
    }
    CHECK(run("length", "\"" + std::string(9'990, 'x') + "\"", limits).has_value());
}

TEST_CASE("run: a result deeper than a record may be ends with expr.limit", "[expr][evaluator]") {
    std::string deep(64, '[');
    deep += std::string(64, ']');
    CHECK(value_of(".", deep) == deep);
    CHECK(error_of("[.]", deep).is(expr::kLimit));
}

TEST_CASE("run: a program may be moved and run again", "[expr][evaluator]") {
    auto program = Program::compile(".a + 1").value();
    Program moved{std::move(program)};
    CHECK(moved.run({{"a", 1}}).value() == 2);
    CHECK(moved.run({{"a", 2}}).value() == 3);
    CHECK(Program::is_true(0));
    CHECK(Program::is_true(""));
    CHECK_FALSE(Program::is_true(nullptr));
    CHECK_FALSE(Program::is_true(false));
}
