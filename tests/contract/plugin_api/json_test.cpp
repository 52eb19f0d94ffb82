#include <cstdint>
#include <limits>
#include <string>

#include "support/catch.hpp"
#include "syncline/json.hpp"

namespace json = syncline::json;

namespace {

std::string round_trip(const std::string& text) {
    const auto parsed = json::parse(text);
    REQUIRE(parsed);
    return json::write(*parsed.value);
}

}  // namespace

TEST_CASE("json: what is read is what was written", "[plugin_api][json]") {
    for (const char* text : {"null", "true", "false", "0", "-0", "1.50e+10", "\"\"", "[]", "{}",
                             R"({"a":[1,{"b":null}],"c":"x"})", R"([[],[[]],{"":{}}])"}) {
        CHECK(round_trip(text) == text);
    }
    CHECK(round_trip(" { \"a\" :\t[ 1 ,\r\n2 ] } ") == R"({"a":[1,2]})");
}

TEST_CASE("json: integers of 64 bits are exact and others keep their text", "[plugin_api][json]") {
    CHECK(json::parse("9223372036854775807").value->int64() ==
          std::numeric_limits<std::int64_t>::max());
    CHECK(json::parse("-9223372036854775808").value->int64() ==
          std::numeric_limits<std::int64_t>::min());
    CHECK(json::parse("18446744073709551615").value->uint64() ==
          std::numeric_limits<std::uint64_t>::max());
    CHECK_FALSE(json::parse("9223372036854775808").value->int64());
    CHECK_FALSE(json::parse("-1").value->uint64());
    CHECK_FALSE(json::parse("1.0").value->int64());
    CHECK_FALSE(json::parse("1e3").value->int64());
    CHECK(json::parse("123456789012345678901234567890.10").value->number()->text ==
          "123456789012345678901234567890.10");
    CHECK(json::Writer{}.value(std::numeric_limits<std::uint64_t>::max()).take() ==
          "18446744073709551615");
    CHECK(json::Writer{}.value(-5).take() == "-5");
}

TEST_CASE("json: escapes and surrogate pairs become UTF-8", "[plugin_api][json]") {
    const auto parsed = json::parse(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83D\uDe00")");

    REQUIRE(parsed);
    CHECK(*parsed.value->string() == "\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    CHECK(*json::parse(R"("a\u0000b")").value->string() == std::string("a\0b", 3));
}

TEST_CASE("json: hostile text is refused with a place and a reason", "[plugin_api][json]") {
    const std::string refused[] = {"",
                                   " ",
                                   "{",
                                   "[",
                                   "]",
                                   "[1",
                                   "[1,",
                                   "[1,]",
                                   "[,1]",
                                   "{\"a\"",
                                   "{\"a\":",
                                   "{\"a\":1",
                                   "{\"a\":1,}",
                                   "{1:2}",
                                   "{a:1}",
                                   "nul",
                                   "nulll",
                                   "True",
                                   "+1",
                                   "01",
                                   "-",
                                   "-a",
                                   ".5",
                                   "1.",
                                   "1e",
                                   "1e+",
                                   "0x1",
                                   "NaN",
                                   "Infinity",
                                   "1 2",
                                   "'a'",
                                   "\"",
                                   "\"a",
                                   "\"\\",
                                   "\"\\x\"",
                                   "\"\\u\"",
                                   "\"\\u12\"",
                                   "\"\\u12g4\"",
                                   "\"\\u+123\"",
                                   "\"\\ud800\"",
                                   "\"\\ud800x\"",
                                   "\"\\ud800\\n\"",
                                   "\"\\ud800\\u0041\"",
                                   "\"\\udc00\"",
                                   "\"\t\"",
                                   "\"\n\"",
                                   "\"\xFF\"",
                                   "\"\xC0\x80\"",
                                   "\"\xE0\x80\x80\"",
                                   "\"\xED\xA0\x80\"",
                                   "\"\xF4\x90\x80\x80\"",
                                   "\"\xF0\x9F\x98\"",
                                   "\"\xC3",
                                   "// x",
                                   "[1]x",
                                   "\xEF\xBB\xBF{}",
                                   std::string("\0", 1),
                                   std::string("1\0", 2),
                                   std::string("\"\0\"", 3)};
    for (const std::string& text : refused) {
        INFO(text);
        const auto parsed = json::parse(text);
        CHECK_FALSE(parsed);
        CHECK(std::string{parsed.problem} != "");
        CHECK(parsed.offset <= text.size());
    }
}

TEST_CASE("json: depth is bounded, so the stack is", "[plugin_api][json]") {
    const auto nested = [](std::size_t depth) {
        return std::string(depth, '[') + std::string(depth, ']');
    };

    CHECK(json::parse(nested(json::kDepthMax)));
    CHECK_FALSE(json::parse(nested(json::kDepthMax + 1)));
    CHECK_FALSE(json::parse(std::string(1'000'000, '[')));
    CHECK_FALSE(json::parse(std::string(1'000'000, '{')));
    CHECK(std::string{json::parse(nested(3), 2).problem} == "nested too deeply");
}

TEST_CASE("json: no prefix of a text is taken for the text", "[plugin_api][json]") {
    const std::string text = R"({"a":[1.5e3,"\ud83d\ude00é",true,null],"b":{"c":"d"}})";

    for (std::size_t size = 0; size < text.size(); ++size)
        CHECK_FALSE(json::parse(text.substr(0, size)));
    CHECK(json::parse(text));
}

TEST_CASE("json: two members of one name are refused, wherever they are [E9]",
          "[plugin_api][json][E9]") {
    for (const char* text :
         {R"({"a":1,"b":2,"a":3})", R"([{"x":{"a":1,"a":1}}])", R"({"\u0061":1,"a":2})",
          R"({"":1,"":2})", R"({"a\u0000b":1,"a\u0000b":2})"}) {
        const auto parsed = json::parse(text);
        INFO(text);
        CHECK_FALSE(parsed);
        CHECK(std::string{parsed.problem} == "an object has two members of one name");
    }
    const auto parsed = json::parse(R"([{"a":{"a":1}},{"a":2,"A":3,"a\u0000":4}])");
    REQUIRE(parsed);
    CHECK(parsed.value->array()->at(1).find("a")->int64() == 2);
    CHECK(parsed.value->array()->at(1).find("c") == nullptr);
    CHECK(parsed.value->find("a") == nullptr);
}

TEST_CASE("json: an object of a million members is read, and a name twice among them found [E9]",
          "[plugin_api][json][E9]") {
    std::string text = "{";
    for (int i = 0; i < 1'000'000; ++i) text += '"' + std::to_string(i) + "\":0,";
    CHECK(json::parse(text + "\"x\":0}").value->object()->size() == 1'000'001);
    CHECK_FALSE(json::parse(text + "\"500000\":0}"));
}

TEST_CASE("json: a number that no double holds keeps its text and is no integer [E9]",
          "[plugin_api][json][E9]") {
    const auto parsed = json::parse("[1e400]");
    REQUIRE(parsed);
    CHECK(parsed.value->array()->at(0).number()->text == "1e400");
    CHECK_FALSE(parsed.value->array()->at(0).int64());
}

TEST_CASE("json: the writer escapes what must be, and repairs what is not UTF-8",
          "[plugin_api][json]") {
    json::Writer writer;
    writer.begin_object().member("a\"b", "x\\y").key("l").begin_array().value(1).value(true).null();
    writer.value("\x01\n").value("\xFFz").end_array().member("t", std::string{"é"}).end_object();

    CHECK(writer.text() ==
          "{\"a\\\"b\":\"x\\\\y\",\"l\":[1,true,null,\"\\u0001\\u000a\",\"\xEF\xBF\xBDz\"],\"t\":"
          "\"é\"}");
    CHECK(json::parse(writer.text()));
}

TEST_CASE("json: a member is found by the type that is wanted", "[plugin_api][json]") {
    const auto parsed = json::parse(R"({"text":"x","list":[1],"yes":true,"no":false,"null":null})");
    REQUIRE(parsed);
    const json::Value& value = *parsed.value;

    CHECK(*value.find_string("text") == "x");
    CHECK(value.find_array("list")->size() == 1);
    CHECK(value.text_or("text", "y") == "x");
    CHECK(value.is_true("yes"));
    for (const char* other : {"no", "null", "none"}) {
        CHECK(value.find_string(other) == nullptr);
        CHECK(value.find_array(other) == nullptr);
        CHECK(value.text_or(other, "y") == "y");
        CHECK_FALSE(value.is_true(other));
    }
    CHECK(value.text_or("yes", "y") == "y");
    CHECK(value.find_array("text") == nullptr);
    CHECK_FALSE(value.is_true("text"));
    CHECK_FALSE(json::Value{}.is_true("yes"));
}

TEST_CASE("json: a pointer leads to a value, or nowhere", "[plugin_api][json]") {
    const auto parsed = json::parse(R"({"a":{"b/c":[1,{"~d":"x"}],"":2},"0":3})");
    REQUIRE(parsed);
    const json::Value& value = *parsed.value;

    CHECK(value.at("") == &value);
    CHECK(json::write(*value.at("/a/b~1c/0")) == "1");
    CHECK(json::write(*value.at("/a/b~1c/1/~0d")) == R"("x")");
    CHECK(json::write(*value.at("/a/")) == "2");
    CHECK(json::write(*value.at("/0")) == "3");
    for (const char* nowhere : {"a", "/b", "/a/b", "/a/b~1c/2", "/a/b~1c/-", "/a/b~1c/-1",
                                "/a/b~1c/0x", "/a/b~1c/0/0", "/a/b~1c/99999999999999999999", "//"})
        CHECK(value.at(nowhere) == nullptr);
}
