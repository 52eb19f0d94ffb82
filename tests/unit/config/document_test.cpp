#include "config/document.hpp"

#include "support/catch.hpp"
#include "unit/config/fixture.hpp"

using namespace syncline;
using namespace syncline::config;
using test::ConfigFixture;
using test::kGood;

namespace {

// Problems of the form of a text, as `line:column code: what`.
std::vector<std::string> form_problems(const std::string& text) {
    config::Problems problems{"f"};
    const Document document = Document::parse(text, problems);
    std::vector<std::string> out;
    for (const auto& problem : problems.take())
        out.push_back(problem.error.where().substr(2) + " " + std::string{problem.error.code()} +
                      ": " + problem.error.what());
    return out;
}

using test::Found;

}  // namespace

TEST_CASE("document: what is not YAML is one problem with its place", "[config][document]") {
    const auto found = form_problems("a: 1\nb: [1, 2\nc: 3\n");

    REQUIRE(found.size() == 1);
    CHECK(found[0].substr(0, 17) == "3:2 config.syntax");
}

TEST_CASE("document: a variable between braces without quotes gets the right advice",
          "[config][document]") {
    const ConfigFixture fixture;

    const Loaded loaded = fixture.load(test::with_line(20, "          - { key: ${KEY} }"));

    REQUIRE(loaded.problems.size() == 1);
    CHECK(loaded.problems[0].error.is(kSyntax));
    CHECK(loaded.problems[0].error.remedy().find("needs quotes") != std::string::npos);
}

TEST_CASE("document: a key stands once in a map", "[config][document]") {
    CHECK(form_problems("a: 1\n'a': 2\nb: { c: 1, c: 2 }\n") ==
          Found{"2:1 config.duplicate: the key `a` stands here twice",
                "3:12 config.duplicate: the key `c` stands here twice"});
    CHECK(form_problems("a: { x: 1 }\nb: { x: 1 }\n").empty());
}

TEST_CASE("document: merge keys, tags and keys that are no text are refused",
          "[config][document]") {
    CHECK(form_problems("a: &a { x: 1 }\nb: { <<: *a }\n") ==
          Found{"2:6 config.syntax: merge keys (`<<`) are not supported"});
    CHECK(form_problems("a: !!str 5\n") == Found{"1:4 config.syntax: tags are not supported"});
    CHECK(form_problems("a: &x !foo bar\n") == Found{"1:7 config.syntax: tags are not supported"});
    CHECK(form_problems("a: !m { x: 1 }\n") == Found{"1:4 config.syntax: tags are not supported"});
    CHECK(form_problems("[1]: x\n~: y\n") ==
          Found{"1:1 config.type: a key must be a text", "2:1 config.type: a key must be a text"});
}

TEST_CASE("document: a second document is refused", "[config][document]") {
    CHECK(form_problems("---\na: 1\n").empty());
    CHECK(form_problems("a: 1\n---\nb: 1\n") ==
          Found{"2:1 config.syntax: the file holds more than one document"});
}

TEST_CASE("document: bytes that could hide a part of the file are refused", "[config][document]") {
    // The YAML library takes 0x04 for the end of the file.
    CHECK(form_problems("a: 1\nb: \x04\nc: 1\n") ==
          Found{"2:4 config.syntax: the file contains a control character"});
    CHECK(form_problems(std::string{"a: 1\0b", 6}) ==
          Found{"1:5 config.syntax: the file contains a control character"});
    for (const std::string wrong :
         {"\xFF", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
          "\xF0\x80\x80\x80", "\xC3", "\xE2\x82", "\x80"}) {
        CHECK(form_problems("ä: " + wrong) ==
              Found{"1:4 config.syntax: the file is not valid UTF-8"});
    }
    CHECK(form_problems("ä: \xE2\x82\xAC \xF0\x9F\x98\x80\n").empty());
}

TEST_CASE("document: aliases stand for what they name", "[config][document]") {
    const ConfigFixture fixture;

    const Loaded loaded = fixture.load(
        kGood +
        "    deliver: &d { batch_records: 7 }\n  d:\n    from: { account: acme-dmp, stream: s }\n"
        "    to: { account: pangolin, stream: s }\n    triggers: { webhook: { name: acme } }\n"
        "    deliver: *d\n");

    INFO(test::all_messages(loaded));
    REQUIRE(loaded.config.has_value());
    CHECK(loaded.config->connections.at(1).deliver.batch_records == 7);
}

TEST_CASE("document: a problem in something with aliases is told once", "[config][document]") {
    const ConfigFixture fixture;

    CHECK(fixture.problems("version: 1\nhub: { data_dir: d, connectors_dir: c }\naccounts:\n"
                           "  a: &a { connector: '' }\n  b: *a\n") ==
          test::Found{"4:22 config.value", "4:22 config.value"});
    CHECK(fixture.problems("version: 1\nhub: { data_dir: d, connectors_dir: c }\naccounts:\n"
                           "  a: { connector: x, settings: &a { v: '${NONE}' } }\n"
                           "  b: { connector: x, settings: *a }\n") ==
          test::Found{"4:41 config.variable_unset"});
}

TEST_CASE("document: aliases that multiply are stopped", "[config][document]") {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        const std::string before = "*a" + std::to_string(i - 1);
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int j = 0; j < 9; ++j) bomb += before + ", ";
        bomb += before + "]\n";
    }

    const auto found = form_problems(bomb);

    REQUIRE(found.size() == 1);
    CHECK(found[0].find("the file holds more than 200000 values") != std::string::npos);
}

TEST_CASE("document: nesting is bounded, through aliases too, and an alias of itself is refused",
          "[config][document]") {
    const std::string open(64, '['), close(64, ']');

    CHECK(form_problems(open.substr(1) + "x" + close.substr(1)).empty());
    CHECK(form_problems(open + "x" + close) ==
          Found{"1:65 config.syntax: the file is nested deeper than 64 levels"});
    CHECK(form_problems("a: &a " + open.substr(4) + "x" + close.substr(4) + "\nb: [[[[*a]]]]\n") ==
          Found{"2:8 config.syntax: the file is nested deeper than 64 levels"});
    const auto endless = form_problems(std::string(100'000, '['));
    REQUIRE(endless.size() == 1);
    CHECK(endless[0].find("the file is nested deeper than 64 levels") != std::string::npos);
    CHECK(form_problems("a: &a [*a]\n") ==
          Found{"1:8 config.syntax: the alias stands inside what it refers to"});
}
