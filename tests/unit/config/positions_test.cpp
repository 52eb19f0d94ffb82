// Goal: an error inside an expression points at the very character in the file.
// Method: every way to write a scalar in YAML, with the place of its first visible character worked
// out by hand.
#include "support/catch.hpp"
#include "unit/config/fixture.hpp"

using namespace syncline;
using namespace syncline::config;
using test::ConfigFixture;
using test::kGood;

namespace {

struct Place {
    std::string text;
    int line, column;
    bool operator==(const Place&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Place& place) {
    return out << place.line << ":" << place.column << " [" << place.text << "]";
}

Place when_of(const std::string& written) {
    const ConfigFixture fixture;
    const Loaded loaded = fixture.load(kGood + written);
    INFO(test::all_messages(loaded));
    REQUIRE(loaded.config.has_value());
    const auto& when = loaded.config->connections.at(0).when;
    REQUIRE(when.has_value());
    return {when->text, when->at.line, when->at.column};
}

}  // namespace

TEST_CASE("positions: a plain scalar begins where it stands", "[config][positions]") {
    CHECK(when_of("    when: .a == 1\n") == Place{".a == 1", 21, 11});
    CHECK(when_of("    when:   .a  # why\n") == Place{".a", 21, 13});
    CHECK(when_of("    when:\n      .a\n      and .b\n") == Place{".a and .b", 22, 7});
}

TEST_CASE("positions: a quoted scalar begins behind its quote", "[config][positions]") {
    CHECK(when_of("    when: \".a\"\n") == Place{".a", 21, 12});
    CHECK(when_of("    when: '.a == \"it''s\"'\n") == Place{".a == \"it's\"", 21, 12});
    CHECK(when_of("    when: \"  .a \"\n") == Place{".a", 21, 14});
    CHECK(when_of("    when: \"\n      .a\"\n") == Place{".a", 22, 7});
}

TEST_CASE("positions: a block scalar begins in its first line with content",
          "[config][positions]") {
    CHECK(when_of("    when: |\n      .a\n      and .b\n") == Place{".a\nand .b", 22, 7});
    CHECK(when_of("    when: >-\n        .a\n        and .b\n") == Place{".a and .b", 22, 9});
    CHECK(when_of("    when: |  # why | not\n\n   \n      .a\n") == Place{".a", 24, 7});
    CHECK(when_of("    when: |2\n        .a\n") == Place{".a", 22, 9});
    CHECK(when_of("    when: |+\r\n      .a\r\n\r\n") == Place{".a", 22, 7});
}

TEST_CASE("positions: an anchor before a scalar is stepped over", "[config][positions]") {
    CHECK(when_of("    when: &w .a\n") == Place{".a", 21, 14});
    CHECK(when_of("    when: &w \".a\"\n") == Place{".a", 21, 15});
    CHECK(when_of("    when: &w |\n      .a\n") == Place{".a", 22, 7});
}

TEST_CASE("positions: columns count characters, not bytes", "[config][positions]") {
    CHECK(when_of("    \"when\": \".ä + 'ü'\"  # ö\n").column == 14);
    const ConfigFixture fixture;
    CHECK(fixture.problems(kGood + "    map: { ä: .a, ö: [] }\n") ==
          test::Found{"21:22 config.type"});
}

TEST_CASE("positions: a byte order mark takes no column", "[config][positions]") {
    const ConfigFixture fixture;

    CHECK(fixture.problems("\xEF\xBB\xBF" + test::with_line(1, "version: 3")) ==
          test::Found{"1:10 config.version"});
}
