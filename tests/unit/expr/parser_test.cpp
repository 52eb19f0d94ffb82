// What compile() refuses, and where it says so.
#include "expr/errc.hpp"
#include "expr/program.hpp"
#include "support/catch.hpp"

using namespace syncline;
using expr::Program;

namespace {

Error refusal(std::string_view source, const expr::Origin& origin = {}) {
    INFO(source);
    auto program = Program::compile(source, origin);
    REQUIRE_FALSE(program.has_value());
    return program.error();
}

std::string repeat(std::string_view part, int times) {
    std::string text;
    while (times-- > 0) text += part;
    return text;
}

}  // namespace

TEST_CASE("compile: an error points at the offending token", "[expr][parser]") {
    CHECK(refusal("").where() == "1:1");
    CHECK(refusal(".a +").where() == "1:5");
    CHECK(refusal(".a\n  | )").where() == "2:5");
    CHECK(refusal("\"\xC3\xA4\" ]").where() == "1:5");
    CHECK(refusal("# comment\n!").where() == "2:1");
    CHECK(refusal(".a == \"abc").where() == "1:7");
    CHECK(refusal("lenght + 1").where() == "1:1");
    CHECK(refusal("1 + [.a[]]").where() == "1:8");
}

TEST_CASE("compile: the place counts from where the expression begins in its file",
          "[expr][parser]") {
    expr::Origin origin{.file = "syncline.yaml", .line = 12, .column = 9};
    CHECK(refusal(")", origin).where() == "syncline.yaml:12:9");
    CHECK(refusal(".a |\n.b )", origin).where() == "syncline.yaml:13:12");
}

TEST_CASE("compile: what jq has and the language leaves out is refused by name", "[expr][parser]") {
    for (auto source : {".[]",
                        ".a[]?",
                        "..",
                        ".a, .b",
                        "\"\\(1, 2)\"",
                        "map(.a)",
                        "select(.a)",
                        "empty",
                        "range(3)",
                        "reduce .[] as $x (0; . + $x)",
                        "foreach .[] as $x (0; .)",
                        "def f: 1; f",
                        "1 as $x | $x",
                        "$x",
                        "$ENV",
                        "$__loc__",
                        "try .a",
                        "try .a catch 1",
                        "import \"a\" as a; .",
                        "include \"a\"; .",
                        "label $x | 1",
                        "input",
                        "inputs",
                        "env",
                        "now",
                        "limit(1; .)",
                        "recurse",
                        "test(\"a\")",
                        "match(\"a\")",
                        "sub(\"a\"; \"b\")",
                        "@base64",
                        "@json \"x\"",
                        "todate",
                        "first(.a)",
                        "any(.a)",
                        "split(\"a\"; \"g\")",
                        "getpath([\"a\"])",
                        "with_entries(.)",
                        "error",
                        "trim",
                        "abs",
                        ".a = 1",
                        ".a |= 1",
                        ".a += 1",
                        ".a //= 1",
                        "del(.a)",
                        "group_by(.a)",
                        "[.a | .b, .c]",
                        "[.a, .b | .c]",
                        ".a?//1"}) {
        auto error = refusal(source);
        CHECK(error.is(expr::kUnsupported));
        CHECK(error.exit_code() == core::ExitCode::kInvalidInput);
    }
    CHECK(refusal("map(.a)").what() == "`map` is outside the expression language");
    CHECK(refusal("now").remedy().find("clock") != std::string::npos);
}

TEST_CASE("compile: an unknown function is refused with the nearest name", "[expr][parser]") {
    CHECK(refusal("lenght").is(expr::kUnknownFunction));
    CHECK(refusal("lenght").remedy() == "did you mean `length/0`?");
    CHECK(refusal("starts_with(\"a\")").remedy() == "did you mean `startswith/1`?");
    CHECK(refusal("length(1)").what() == "there is no function `length/1`");
    CHECK(refusal("length(1)").remedy() == "did you mean `length/0`?");
    CHECK(refusal("frobnicate").remedy() == expr::kUnknownFunction.remedy);
}

TEST_CASE("compile: what jq does not accept is a syntax error", "[expr][parser]") {
    for (auto source : {"",
                        " ",
                        "#",
                        "1 == 1 == 1",
                        "if . then 1 end",
                        "if . then 1 else 2",
                        "{a: 1 + 2}",
                        "{a 1}",
                        "{if}",
                        "{1: 2}",
                        "[1,]",
                        "(1",
                        "1)",
                        ".[",
                        ".[1",
                        ".[:]",
                        ".a.[0]",
                        ".a.",
                        "\"a",
                        "\"\\q\"",
                        "\"\\ud800\"",
                        "\"\\u12\"",
                        "\"\\(1\"",
                        "\"\\(\"",
                        "'a'",
                        "1 2",
                        ".a .b .",
                        "and",
                        "1 +",
                        "* 2",
                        "\"\xff\"",
                        "\\",
                        "1 ! 2",
                        "~",
                        "if",
                        "then",
                        ";",
                        "%%"}) {
        INFO(source);
        CHECK(refusal(source).code() == std::string_view{"expr.syntax"});
    }
    CHECK(refusal("{a: 1 + 2}").what().find("parentheses") != std::string::npos);
    CHECK(refusal(std::string(70'000, ' ')).is(expr::kSyntax));
}

TEST_CASE("compile: nesting is accepted up to the limit and refused beyond", "[expr][parser]") {
    CHECK(Program::compile(repeat("(", 200) + "." + repeat(")", 200)).has_value());
    for (auto part : {"(", "[", "{a:", "-", ".[", "\"\\(", "if ", ". // "}) {
        INFO(part);
        CHECK(refusal(repeat(part, 5'000) + "1").is(expr::kTooDeep));
    }
    for (auto part : {"1 + ", "[.] | "}) {
        INFO(part);
        CHECK(Program::compile(repeat(part, 100) + "1").has_value());
        CHECK(refusal(repeat(part, 300) + "1").is(expr::kTooDeep));
    }
}
