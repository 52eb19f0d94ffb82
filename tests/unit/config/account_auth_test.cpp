#include "config/account_auth.hpp"

#include "support/catch.hpp"
#include "unit/config/fixture.hpp"

using namespace syncline;
using namespace syncline::config;
using test::ConfigFixture;
using test::Found;

namespace {

// kGood with credentials at the account of line 9, in line 11.
std::string with_auth(const std::string& auth) {
    return test::with_line(
        11, "    settings: { base_url: \"http://127.0.0.1:9100\" }\n    auth: " + auth);
}

}  // namespace

TEST_CASE("auth: every scheme is read", "[config][auth]") {
    ConfigFixture fixture;
    for (const char* auth :
         {R"({ scheme: api_key, header: X-Key, key: "${KEY}" })",
          R"({ scheme: api_key, query: key, key: "${KEY}" })",
          R"({ scheme: basic, username: u, password: "${KEY}" })",
          R"({ scheme: basic, username: u })",
          R"({ scheme: bearer, token: "${KEY}", hosts: ["*.a.org", "[::1]", "::1"] })",
          R"({ scheme: oauth1, consumer_key: c, consumer_secret: "${KEY}", method: hmac-sha256 })",
          R"({ scheme: aws_sigv4, access_key_id: a, secret_access_key: "${KEY}", )"
          R"(region: eu-west-1, service: s3 })",
          R"({ scheme: azure_shared_key, account: a, key: a2V5 })",
          R"({ scheme: azure_sas, token: "sv=2021-12-02&sig=abc" })",
          R"({ scheme: hmac, key: "${KEY}", signed: "{method}{body}", )"
          R"(headers: { X-S: "v1={signature}" } })"}) {
        INFO(auth);
        const Loaded loaded = fixture.load(with_auth(auth));
        INFO(test::all_messages(loaded));
        REQUIRE(loaded.config.has_value());
        CHECK(loaded.config->accounts.at("pangolin").auth.has_value());
        CHECK_FALSE(loaded.config->accounts.at("acme-dmp").auth.has_value());
    }
}

TEST_CASE("auth: what is read is what was written", "[config][auth]") {
    ConfigFixture fixture;
    const Loaded loaded =
        fixture.load(with_auth(R"({ scheme: api_key, header: X-Key, prefix: "Token ", )"
                               R"(key: "${KEY}", hosts: [a.example] })"));
    REQUIRE(loaded.config.has_value());
    const AccountAuth& auth = *loaded.config->accounts.at("pangolin").auth;
    CHECK(auth.hosts == std::vector<std::string>{"a.example"});
    const auto& key = std::get<auth::ApiKey>(std::get<auth::Credential>(auth.credential));
    CHECK(key.header == "X-Key");
    CHECK(key.prefix == "Token ");
    CHECK(key.key.equals("k3y"));
}

TEST_CASE("auth: what is wrong is told at its place, without the secret", "[config][auth]") {
    ConfigFixture fixture;
    const std::pair<const char*, Found> cases[] = {
        {"{ scheme: digest }", {"12:21 config.value"}},
        {"{ token: t }", {"12:11 config.missing_key"}},
        {"bearer", {"12:11 config.type"}},
        {"{ scheme: bearer }", {"12:11 config.missing_key"}},
        {"{ scheme: bearer, token: \"${EMPTY}\" }", {"12:36 config.secret_empty"}},
        {"{ scheme: bearer, token: \"k3y\\n\" }", {"12:11 auth.credential_invalid"}},
        {"{ scheme: bearer, tokn: t, token: t }", {"12:29 config.unknown_key"}},
        {"{ scheme: bearer, token: t, hosts: api.example.com }", {"12:46 config.type"}},
        {"{ scheme: bearer, token: t, hosts: [\"https://a.example\"] }", {"12:46 config.type"}},
        {"{ scheme: bearer, token: t, hosts: [\"a.example:8443\"] }", {"12:46 config.type"}},
        {"{ scheme: bearer, token: t, hosts: [\"[::1]:8443\"] }", {"12:46 config.type"}},
        {"{ scheme: api_key, key: k3y }", {"12:11 auth.credential_invalid"}},
        {"{ scheme: azure_shared_key, account: a, key: \"k3y?\" }",
         {"12:11 auth.credential_invalid"}},
        {"{ scheme: hmac, key: k3y, signed: \"{nothing}\", headers: { S: \"{signature}\" } }",
         {"12:11 auth.template_invalid"}},
        {"{ scheme: oauth1, consumer_key: c, method: rsa-sha1, private_key: k3y }",
         {"12:11 auth.key_invalid"}}};
    for (const auto& [auth, found] : cases) {
        INFO(auth);
        CHECK(fixture.problems(with_auth(auth)) == found);
        CHECK(test::all_messages(fixture.load(with_auth(auth))).find("k3y") == std::string::npos);
    }
}
