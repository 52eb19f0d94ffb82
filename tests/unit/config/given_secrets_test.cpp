// `accounts.NAME.secrets`, and that every secret of a configuration is kept out of what is said.
#include "config/account_auth.hpp"
#include "core/redact.hpp"
#include "support/catch.hpp"
#include "unit/config/fixture.hpp"

using namespace syncline;
using namespace syncline::config;
using test::ConfigFixture;
using test::Found;

namespace {

std::string with_account(const std::string& more) {
    return test::with_line(11, "    settings: { base_url: \"http://127.0.0.1:9100\" }\n" + more);
}

}  // namespace

TEST_CASE("given secrets: they are read by name, with their places", "[config][secrets]") {
    ConfigFixture fixture;
    fixture.source.secrets["acme"] = "canary-of-acme";
    const Loaded loaded = fixture.load(with_account("    secrets: { site_key: '${secret:acme}' }"));
    INFO(test::all_messages(loaded));
    REQUIRE(loaded.config.has_value());
    const auto& secrets = loaded.config->accounts.at("pangolin").secrets;
    REQUIRE(secrets.size() == 1);
    CHECK(secrets.at("site_key").value.equals("canary-of-acme"));
    CHECK(secrets.at("site_key").at.line == 12);
}

TEST_CASE("given secrets: what is empty, no text or too much is told", "[config][secrets]") {
    ConfigFixture fixture;
    CHECK(fixture.problems(with_account("    secrets: { a: '' }")) ==
          Found{"12:19 config.secret_empty"});
    CHECK(fixture.problems(with_account("    secrets: { a: [1] }")) == Found{"12:19 config.type"});
    CHECK(fixture.problems(with_account("    secrets: text")) == Found{"12:14 config.type"});
    std::string many;
    for (int i = 0; i < 21; ++i) many += (i ? ", s" : "s") + std::to_string(i) + ": v";
    CHECK(fixture.problems(with_account("    secrets: { " + many + " }")) ==
          Found{"12:14 config.type"});
}

TEST_CASE("secrets: whatever a configuration keeps secret is watched as long as it is there",
          "[config][secrets][G5]") {
    ConfigFixture fixture;
    fixture.source.secrets["a"] = "canary-of-a-setting";
    fixture.source.files["/run/key"] = "canary-of-a-file";
    fixture.source.variables["ENV"] = "canary-of-a-variable";
    const auto hidden = [](const char* text) { return core::has_secret(text); };
    {
        Loaded loaded = fixture.load(with_account(
            "      # more\n    auth: { scheme: basic, username: '${file:/run/key}', password: "
            "'${ENV}' }\n    secrets: { k: canary-of-a-literal, l: 'x${secret:a}' }"));
        INFO(test::all_messages(loaded));
        REQUIRE(loaded.config.has_value());
        CHECK(hidden("canary-of-a-setting"));
        CHECK(hidden("canary-of-a-file"));
        CHECK(hidden("canary-of-a-variable"));
        CHECK(hidden("canary-of-a-literal"));
        const Config config = std::move(*loaded.config);
        loaded = {};
        CHECK(hidden("canary-of-a-literal"));
    }
    CHECK_FALSE(hidden("canary-of-a-literal"));
    CHECK_FALSE(hidden("canary-of-a-setting"));
}

TEST_CASE("secrets: also those of a configuration with mistakes", "[config][secrets][G5]") {
    ConfigFixture fixture;
    const Loaded loaded =
        fixture.load(with_account("    secrets: { k: canary-of-a-literal, e: '' }"));
    CHECK_FALSE(loaded.config.has_value());
    CHECK(core::has_secret("canary-of-a-literal"));
}

TEST_CASE("secrets: settings are in memory for secrets, however deep", "[config][secrets]") {
    ConfigFixture fixture;
    const Loaded loaded =
        fixture.load(test::with_line(11, "    settings: { a: { b: ['${KEY}'] } }"));
    REQUIRE(loaded.config.has_value());
    const auto& settings = loaded.config->accounts.at("pangolin").settings;
    const auto& text = settings.at("a").at("b").as_array()[0].as_string();
    CHECK(text == "k3y");
    CHECK(text.storage().get() == record::locked_storage().get());
}
