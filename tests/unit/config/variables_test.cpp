#include "support/catch.hpp"
#include "unit/config/fixture.hpp"

using namespace syncline;
using namespace syncline::config;
using test::ConfigFixture;
using test::Found;

namespace {

std::string with_setting(const std::string& written) {
    return "version: 1\nhub: { data_dir: d, connectors_dir: c }\naccounts:\n  a:\n    connector: "
           "x\n"
           "    settings:\n      v: " +
           written + "\n";
}

std::string setting(const ConfigFixture& fixture, const std::string& written) {
    const Loaded loaded = fixture.load(with_setting(written));
    INFO(test::all_messages(loaded));
    REQUIRE(loaded.config.has_value());
    return std::string{loaded.config->accounts.at("a").settings.at("v").as_string()};
}

}  // namespace

TEST_CASE("variables: every form gives its value", "[config][variables]") {
    ConfigFixture fixture;
    fixture.source.files[(fixture.folder() / "key").string()] = "from file";
    fixture.source.files["/run/key"] = "absolute";

    CHECK(setting(fixture, "${KEY}") == "k3y");
    CHECK(setting(fixture, "a${KEY}b${PORT}") == "ak3yb9000");
    CHECK(setting(fixture, "'${PORT}'") == "9000");
    CHECK(setting(fixture, "${PORT}") == "9000");
    CHECK(setting(fixture, "${EMPTY}") == "");
    CHECK(setting(fixture, "${EMPTY:-d}") == "d");
    CHECK(setting(fixture, "${NONE:-d:-e}") == "d:-e");
    CHECK(setting(fixture, "${NONE:-}") == "");
    CHECK(setting(fixture, "${KEY:-d}") == "k3y");
    CHECK(setting(fixture, "${KEY:?say}") == "k3y");
    CHECK(setting(fixture, "${file:key}") == "from file");
    CHECK(setting(fixture, "${file:/run/key}") == "absolute");
    CHECK(setting(fixture, "$${KEY}") == "${KEY}");
    CHECK(setting(fixture, "$$${KEY} $ 5$") == "$${KEY} $ 5$");
    CHECK(setting(fixture, "$KEY") == "$KEY");
}

TEST_CASE("variables: a value is never read again as YAML or as a variable",
          "[config][variables]") {
    ConfigFixture fixture;
    fixture.source.variables["SLY"] = "}\nhub: ${KEY}";

    CHECK(setting(fixture, "${SLY}") == "}\nhub: ${KEY}");
}

TEST_CASE("variables: what is not set or not a variable is told at its own place",
          "[config][variables]") {
    const ConfigFixture fixture;
    const auto problem = [&](const std::string& written) {
        return fixture.problems(with_setting(written));
    };

    CHECK(problem("${NONE}") == Found{"7:10 config.variable_unset"});
    CHECK(problem("ä${NONE}${NONE2}") ==
          Found{"7:11 config.variable_unset", "7:18 config.variable_unset"});
    CHECK(problem("\"-${NONE}\"") == Found{"7:12 config.variable_unset"});
    CHECK(problem("${EMPTY:?}") == Found{"7:10 config.variable_unset"});
    CHECK(problem("a${KEY") == Found{"7:11 config.variable_syntax"});
    for (const std::string wrong : {"${}", "${1A}", "${A-B}", "${A:x}", "${A B}", "${vault:a}",
                                    "${file:}", "${A:=b}", "${ä}"}) {
        CAPTURE(wrong);
        CHECK(problem(wrong) == Found{"7:10 config.variable_syntax"});
    }
}

TEST_CASE("variables: the message of the file becomes the advice", "[config][variables]") {
    const ConfigFixture fixture;

    const Loaded loaded = fixture.load(with_setting("${NONE:?ask the platform team}"));

    REQUIRE(loaded.problems.size() == 1);
    CHECK(loaded.problems[0].error.is(kVariableUnset));
    CHECK(loaded.problems[0].error.what() == "the variable `NONE` is not set");
    CHECK(loaded.problems[0].error.remedy() == "ask the platform team");
}

TEST_CASE("variables: what a secret source refuses keeps its code", "[config][variables]") {
    const ConfigFixture fixture;

    CHECK(fixture.problems(with_setting("${file:none}")) == Found{"7:10 config.file_mode"});
    CHECK(fixture.problems(with_setting("${secret:acme}")) == Found{"7:10 config.file_missing"});
}

TEST_CASE("variables: a secret comes from the vault of the hub", "[config][variables]") {
    ConfigFixture fixture;
    fixture.source.secrets["acme"] = "s3cret";

    CHECK(setting(fixture, "${secret:acme}") == "s3cret");
    CHECK(fixture.source.vault_dir == fixture.folder() / "d");
}

TEST_CASE("variables: what depends on a sealed secret is marked, and nothing else",
          "[config][variables]") {
    ConfigFixture fixture;
    fixture.source.secrets = {{"open", "s3cret"}, {"sealed", ""}};
    const auto is_sealed = [&](int line, const std::string& text) {
        const Loaded loaded = fixture.load(test::with_line(line, text));
        INFO(test::all_messages(loaded));
        REQUIRE(loaded.config.has_value());
        return std::vector<bool>{loaded.config->accounts.at("acme-dmp").is_sealed,
                                 loaded.config->accounts.at("pangolin").is_sealed,
                                 loaded.config->connections.at(0).webhook->is_sealed};
    };
    const std::string account = "    settings: { base_url: \"${secret:NAME}\" }";
    const std::string rule = "          - { scheme: hmac, preset: mapp, key: \"${secret:NAME}\" }";
    const auto with = [](std::string text, const std::string& name) {
        return text.replace(text.find("NAME"), 4, name);
    };

    CHECK(is_sealed(11, with(account, "open")) == std::vector{false, false, false});
    CHECK(is_sealed(11, with(account, "sealed")) == std::vector{false, true, false});
    CHECK(is_sealed(20, with(rule, "open")) == std::vector{false, false, false});
    CHECK(is_sealed(20, with(rule, "sealed")) == std::vector{false, false, true});
}

TEST_CASE("variables: secrets are refused where messages show values", "[config][variables]") {
    ConfigFixture fixture;
    fixture.source.files["/run/key"] = "s3cret";

    CHECK(fixture.problems(test::kGood + "    when: .a == \"${file:/run/key}\"\n") ==
          Found{"21:18 config.variable_syntax"});
    CHECK(fixture.problems(test::with_line(3, "  data_dir: ${secret:x}")) ==
          Found{"3:13 config.variable_syntax"});
}

TEST_CASE("variables: no message contains what a variable stands for", "[config][variables]") {
    ConfigFixture fixture;
    fixture.source.variables["SECRET"] = "h u n t e r 2:";
    fixture.source.variables["BYTES"] = "hunter2\xFF";

    for (const auto& text :
         {test::with_line(3, "  data_dir: ${BYTES}"), test::with_line(5, "  listen: ${SECRET}"),
          test::with_line(5, "  admin: { listen: '${SECRET}' }"),
          test::with_line(8, "    connector: ${SECRET}"),
          test::with_line(11, "    settings: { a: '${BYTES}' }"),
          test::with_line(14, "    from: { account: '${SECRET}', stream: '${SECRET}' }"),
          test::with_line(18, "        name: '${SECRET}'"),
          test::with_line(20, "          - { scheme: '${SECRET}' }"),
          test::with_line(20, "          - { scheme: hmac, preset: '${SECRET}', key: '${EMPTY}' }"),
          test::with_line(20, "          - { scheme: basic, username: '${SECRET}', password: x }"),
          test::with_line(20,
                          "          - { scheme: hmac, algorithm: '${SECRET}', header: '${SECRET}',"
                          " encoding: '${SECRET}', key: x }"),
          test::with_line(20, "            none\n        success_status: ${SECRET}"),
          test::kGood + "    deliver: { concurrency: '${SECRET}' }\n"}) {
        const Loaded loaded = fixture.load(text);
        const std::string messages = test::all_messages(loaded);
        CAPTURE(messages);
        CHECK_FALSE(loaded.problems.empty());
        CHECK(messages.find("h u n t e r 2") == std::string::npos);
        CHECK(messages.find("hunter2") == std::string::npos);
    }
}

TEST_CASE("variables: all replaced values together are bounded", "[config][variables]") {
    ConfigFixture fixture;
    fixture.source.variables["BIG"] = std::string(1024 * 1024, 'x');
    std::string written;
    for (int i = 0; i < 16; ++i) written += "${BIG}";

    CHECK(setting(fixture, written).size() == 16u * 1024 * 1024);
    CHECK(fixture.problems(with_setting(written + "${PORT}")) == Found{"7:106 config.value"});
}

TEST_CASE("variables: keys and comments are left alone", "[config][variables]") {
    const ConfigFixture fixture;

    const Loaded loaded = fixture.load(with_setting("1  # ${NONE}\n      ${NONE}: 2"));

    REQUIRE(loaded.config.has_value());
    CHECK(loaded.config->accounts.at("a").settings.contains("${NONE}"));
}
