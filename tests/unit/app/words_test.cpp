#include "app/words.hpp"

#include "record/json.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::app;

TEST_CASE("words: a line is broken between words, and only where it is too long", "[app][words]") {
    CHECK(wrapped("  short line", 6) == "  short line");
    CHECK(wrapped("", 4).empty());
    const std::string full(kLineColumns, 'x');
    CHECK(wrapped(full, 4) == full);
    CHECK(wrapped(full + " y", 4) == full + "\n    y");
    CHECK(wrapped("  " + full + " y z", 4) == "  " + full + "\n    y z");
    CHECK(wrapped(full + full, 4) == full + full);  // what can't be broken stays whole

    std::string long_line = "  first";
    for (int i = 0; i < 60; ++i) long_line += " word" + std::to_string(i);
    const std::string text = wrapped(long_line, 6);
    std::string joined;
    std::size_t begin = 0;
    while (begin <= text.size()) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        CHECK(end - begin <= kLineColumns);
        if (begin > 0) {
            CHECK(text.substr(begin, 6) == "      ");
            joined += " " + text.substr(begin + 6, end - begin - 6);
        } else {
            joined = text.substr(0, end);
        }
        begin = end + 1;
    }
    CHECK(joined == long_line);
}

TEST_CASE("words: JSON is spread for an editor, and stays the same JSON", "[app][words]") {
    const std::string text =
        R"({"a":1,"b":[],"c":{},"d":[1.5,{"e":"\"x\" ü"}],"f":18446744073709551615,"":null})";
    const auto value = *record::parse_json(text);
    const std::string pretty = pretty_json(value);
    CHECK(pretty ==
          "{\n  \"a\": 1,\n  \"b\": [],\n  \"c\": {},\n  \"d\": [\n    1.5,\n    {\n"
          "      \"e\": \"\\\"x\\\" ü\"\n    }\n  ],\n  \"f\": 18446744073709551615,\n"
          "  \"\": null\n}\n");
    CHECK(record::write_json(*record::parse_json(pretty)) == text);
}
