#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "support/catch.hpp"
#include "unit/config/fixture.hpp"

using namespace syncline;
using namespace syncline::config;
using test::ConfigFixture;
using test::Found;

namespace {

std::string with_settings(const std::string& written) {
    return "version: 1\nhub: { data_dir: d, connectors_dir: c }\naccounts:\n  a:\n    connector: "
           "x\n"
           "    settings:\n" +
           written;
}

}  // namespace

TEST_CASE("settings: plain scalars have the types of the core schema", "[config][settings]") {
    const ConfigFixture fixture;

    const Loaded loaded = fixture.load(with_settings(R"(
      truth: [true, True, FALSE, yes, on, n]
      none: [~, null, NULL, Null, '', nil]
      integers: [0, -7, +7, 007, 0x1F, 0o17, 9223372036854775807, -9223372036854775808]
      large: 18446744073709551615
      floats: [1.5, -0.25, 1e3, .5, 2., +1.5]
      texts: ["1", 'true', "null", 1.2.3, 0x, 1_000, 2001-01-01, -0x1, "", e5, ., -]
)"));

    INFO(test::all_messages(loaded));
    REQUIRE(loaded.config.has_value());
    const auto& settings = loaded.config->accounts.at("a").settings;
    CHECK(boost::json::serialize(settings.at("truth")) == R"([true,true,false,"yes","on","n"])");
    CHECK(boost::json::serialize(settings.at("none")) == R"([null,null,null,null,"","nil"])");
    CHECK(boost::json::serialize(settings.at("integers")) ==
          "[0,-7,7,7,31,15,9223372036854775807,-9223372036854775808]");
    CHECK(settings.at("large").as_uint64() == 18446744073709551615u);
    CHECK(settings.at("floats") == boost::json::parse("[1.5,-0.25,1000.0,0.5,2.0,1.5]"));
    CHECK(boost::json::serialize(settings.at("texts")) ==
          R"(["1","true","null","1.2.3","0x","1_000","2001-01-01","-0x1","","e5",".","-"])");
}

TEST_CASE("settings: numbers that JSON can't hold are refused", "[config][settings]") {
    const ConfigFixture fixture;

    CHECK(fixture.problems(with_settings(
              "      a: 18446744073709551616\n      b: -9223372036854775809\n      c: .nan\n"
              "      d: [-.inf]\n      e: 1e999\n      f: \"1e999\"\n")) ==
          Found{"7:10 config.value", "8:10 config.value", "9:10 config.value", "10:11 config.value",
                "11:10 config.value"});
}

TEST_CASE("settings: every value has its place under its JSON pointer", "[config][settings]") {
    const ConfigFixture fixture;

    const Loaded loaded = fixture.load(with_settings(R"(      url: x
      list: [a, { b: 1 }]
      "a/b~c": "quoted"
      nothing:
)"));

    INFO(test::all_messages(loaded));
    REQUIRE(loaded.config.has_value());
    const Account& account = loaded.config->accounts.at("a");
    const auto place = [&](const std::string& pointer) {
        const Position at = account.setting_positions.at(pointer);
        return std::to_string(at.line) + ":" + std::to_string(at.column);
    };
    CHECK(place("") == "7:7");
    CHECK(place("/url") == "7:12");
    CHECK(place("/list") == "8:13");
    CHECK(place("/list/0") == "8:14");
    CHECK(place("/list/1/b") == "8:22");
    CHECK(place("/a~1b~0c") == "9:16");
    CHECK(place("/nothing") == "10:7");
    CHECK(account.setting_positions.size() == 8);
    CHECK(account.settings_at.line == 7);
    CHECK(account.connector_at.line == 5);
    CHECK(account.connector_at.column == 16);
}

TEST_CASE("settings: they are a map", "[config][settings]") {
    const ConfigFixture fixture;

    CHECK(fixture.problems(with_settings("      - a\n")) == Found{"7:7 config.type"});
}
