#include "record/json.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "record/errc.hpp"
#include "support/catch.hpp"

using namespace syncline;
using record::canonical_json;
using record::parse_json;
using record::write_json;

namespace {

std::string message_for(std::string_view text) {
    auto parsed = parse_json(text);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().is(record::kJsonInvalid));
    return parsed.error().what();
}

std::string canonical(std::string_view text) {
    auto parsed = parse_json(text);
    INFO(text);
    REQUIRE(parsed.has_value());
    return canonical_json(*parsed);
}

}  // namespace

TEST_CASE("json: integers of 64 bits, signed and unsigned, are exact", "[record][json]") {
    for (std::string text : {"9223372036854775807", "-9223372036854775808", "18446744073709551615",
                             "9007199254740993", "0"}) {
        CHECK(write_json(parse_json(text).value()) == text);
    }
}

TEST_CASE("json: an integer beyond 64 bits becomes the nearest double", "[record][json]") {
    CHECK(parse_json("18446744073709551616").value().get_double() == 18446744073709551616.0);
    CHECK(parse_json("-9223372036854775809").value().get_double() == -9223372036854775808.0);
}

// Boost's own conversion (1.81) fails this for about one in ten numbers of 17 digits.
TEST_CASE("json: a double survives being written and read, whatever its bits", "[record][json]") {
    std::mt19937_64 random{20};
    for (int i = 0; i < 20'000; ++i) {
        char text[40];
        double exponent = static_cast<double>(random() % 600) - 300;
        double number = std::ldexp(static_cast<double>(random()), static_cast<int>(exponent));
        std::snprintf(text, sizeof text, i % 2 ? "%.17g" : "[%.17e]", i % 3 ? number : -number);
        auto parsed = parse_json(text).value();
        auto value = parsed.is_array() ? parsed.get_array()[0] : parsed;
        double expected = std::strtod(text + (i % 2 ? 0 : 1), nullptr);
        INFO(text);
        REQUIRE(value.to_number<double>() == expected);
        REQUIRE(parse_json(write_json(value)).value().to_number<double>() == expected);
    }
}

TEST_CASE("json: a number too large for a double is refused, one too small is zero",
          "[record][json]") {
    CHECK(message_for("[1e309]") == "line 1, column 7: the number is too large for a double");
    CHECK(canonical("1e-400") == "0");
    CHECK(canonical("-1e-400") == "0");
}

TEST_CASE("json: what is not JSON is refused with line and column", "[record][json]") {
    CHECK(message_for("") == "line 1, column 1: the text ends too early");
    CHECK(message_for("{\n  \"a\": 1,\n  x\n}") == "line 3, column 3: this is not JSON");
    CHECK(message_for("[\"\xC3\xA4\xC3\xB6\", x]") == "line 1, column 8: this is not JSON");
    CHECK(message_for("{\"a\": [1, 2") == "line 1, column 12: the text ends too early");
    CHECK(message_for("1 2") == "line 1, column 3: there is more text after the value");
    CHECK(message_for("\xEF\xBB\xBF{}") ==
          "line 1, column 1: the text begins with a byte order mark");
    for (auto text :
         {"NaN",          "Infinity", "-Infinity", "nan",      "01",        "+1",
          "1.",           ".5",       "0x1",       "'a'",      "{a:1}",     "[1,]",
          "{\"a\":1,}",   "// c\n1",  "tru",       "\"a\nb\"", "\"\\x\"",   "\"\\ud800\"",
          "\"\\udc00x\"", "[",        "{",         "\"",       "\"\\u12\"", " "}) {
        message_for(text);
    }
}

TEST_CASE("json: a string that is not UTF-8 is refused", "[record][json]") {
    for (auto text : {"\"\xff\"", "\"\xC3\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\"",
                      "\"\xF4\x90\x80\x80\"", "{\"\x80\":1}", "\"\xE2\x82\""}) {
        message_for(text);
    }
    CHECK(canonical("\"\xF4\x8F\xBF\xBF\"") == "\"\xF4\x8F\xBF\xBF\"");
}

TEST_CASE("json: nesting is accepted up to the limit and refused beyond", "[record][json]") {
    auto nested = [](std::size_t levels) {
        return std::string(levels, '[') + std::string(levels, ']');
    };
    CHECK(parse_json(nested(64)).has_value());
    CHECK(message_for(nested(65)) == "line 1, column 65: nested deeper than 64 levels");
    CHECK(message_for(std::string(1'000'000, '[')) ==
          "line 1, column 65: nested deeper than 64 levels");
    CHECK(parse_json(nested(3), {.depth_max = 3}).has_value());
    CHECK_FALSE(parse_json(nested(3), {.depth_max = 2}).has_value());
}

TEST_CASE("json: a name that is there twice is refused, wherever it is [E9]",
          "[record][json][E9]") {
    CHECK(message_for("{\"a\":1,\n \"b\":2, \"a\":3}") ==
          "line 2, column 11: the object has a member of this name already");
    for (auto text :
         {R"({"a":1,"a":1})", R"([{"x":{"a":1,"a":{}}}])", R"({"a":{"b":1,"b":2},"a":3})",
          R"({"\u0061":1,"a":2})", R"({"":1,"":2})", R"({"a\u0000b":1,"a\u0000b":2})"}) {
        CHECK(message_for(text).ends_with("the object has a member of this name already"));
    }
    CHECK(canonical(R"([{"a":{"a":1}},{"a":2,"A":3,"a\u0000":4}])") ==
          R"([{"a":{"a":1}},{"A":3,"a":2,"a\u0000":4}])");
    // Where a language says what holds, it is asked for.
    CHECK(
        write_json(parse_json(R"({"a":1,"b":2,"a":3})", {.allows_duplicate_keys = true}).value()) ==
        R"({"a":3,"b":2})");
}

TEST_CASE("json: an object of a million members is read, and a name twice among them found [E9]",
          "[record][json][E9]") {
    std::string text = "{";
    for (int i = 0; i < 1'000'000; ++i) text += '"' + std::to_string(i) + "\":0,";
    CHECK(parse_json(text + "\"x\":0}").value().get_object().size() == 1'000'001);
    message_for(text + "\"500000\":0}");
}

TEST_CASE("json: strings are written with the least escaping and keep every byte",
          "[record][json]") {
    std::string text = R"("\"\\/\b\f\n\r\t\u0000\u001f)"
                       "\x7f\xC3\xA4\xF0\x9F\x98\x80\"";
    CHECK(write_json(parse_json(text).value()) == text);
    CHECK(canonical(R"("\u00e4\ud83d\ude00\/\u0041")") == "\"\xC3\xA4\xF0\x9F\x98\x80/A\"");
}

TEST_CASE("json: values that are equal as JSON have one canonical text", "[record][json]") {
    CHECK(canonical(R"({"b":{"z":1,"y":[ ]},"a":{ }})") == R"({"a":{},"b":{"y":[],"z":1}})");
    CHECK(canonical("1.0") == "1");
    CHECK(canonical("1e0") == "1");
    CHECK(canonical("10e-1") == "1");
    CHECK(canonical("-0") == "0");
    CHECK(canonical("-0.0") == "0");
    CHECK(canonical("1e18") == "1000000000000000000");
    CHECK(canonical("1e19") == "10000000000000000000");
    CHECK(canonical("1e20") == canonical("100000000000000000000"));
    CHECK(canonical("1e20") == "1e+20");
    CHECK(canonical("0.1") == "0.1");
    CHECK(canonical("0.0001") == "0.0001");
    CHECK(canonical("1e-5") == "1e-05");
    CHECK(canonical("1e-7") == canonical("0.0000001"));
    CHECK(canonical(R"({"\u00e4":1,"z":2,"Z":3,"":4})") ==
          "{\"\":4,\"Z\":3,\"z\":2,\"\xC3\xA4\":1}");
}

TEST_CASE("json: values that differ have different canonical texts", "[record][json]") {
    CHECK(canonical("1") != canonical("\"1\""));
    CHECK(canonical("9007199254740993") != canonical("9007199254740992"));
    CHECK(canonical("[1,2]") != canonical("[2,1]"));
    CHECK(canonical("{\"a\":null}") != canonical("{}"));
    CHECK(canonical("0.1") != canonical("0.10000000000000002"));
}
