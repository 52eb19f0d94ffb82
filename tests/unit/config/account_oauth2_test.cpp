#include "auth/key.hpp"
#include "config/account_auth.hpp"
#include "support/catch.hpp"
#include "unit/auth/jose_vectors.hpp"
#include "unit/config/fixture.hpp"

using namespace syncline;
using namespace syncline::config;
using test::ConfigFixture;
using test::Found;

namespace {

// kGood with OAuth 2.0 at the account of line 9, from line 12 on; `auth` is `scheme` and what
// follows it, in braces.
std::string with_oauth2(const std::string& keys) {
    return test::with_line(11,
                           "    settings: { base_url: \"http://127.0.0.1:9100\" }\n"
                           "    auth: { scheme: oauth2, " +
                               keys + " }");
}

OAuth2 read(const ConfigFixture& fixture, const std::string& keys) {
    const Loaded loaded = fixture.load(with_oauth2(keys));
    INFO(test::all_messages(loaded));
    REQUIRE(loaded.config.has_value());
    return std::get<OAuth2>(loaded.config->accounts.at("pangolin").auth->credential);
}

const std::string kClient = R"(token_url: "https://h.example/t", client_id: c, )";

}  // namespace

TEST_CASE("oauth2: a client's credentials are read, and the rest is what the standard says",
          "[config][auth]") {
    const OAuth2 oauth2 =
        read(ConfigFixture{}, "grant: client_credentials, " + kClient +
                                  R"(client_secret: "${KEY}", scope: "read write", )"
                                  R"(parameters: { audience: https://api.example })");
    CHECK(oauth2.grant == OAuth2Grant::kClientCredentials);
    CHECK(oauth2.endpoint.url == "https://h.example/t");
    CHECK(oauth2.endpoint.method == "POST");
    CHECK(oauth2.endpoint.proof == auth::ClientProof::kBasic);
    CHECK(oauth2.endpoint.client_id == "c");
    CHECK(oauth2.endpoint.client_secret.equals("k3y"));
    CHECK(oauth2.endpoint.extra == std::vector<auth::Parameter>{{"audience", "https://api.example"},
                                                                {"scope", "read write"}});
    CHECK(oauth2.header == "Authorization");
    CHECK(oauth2.prefix == "Bearer ");
    CHECK_FALSE(oauth2.authorize.has_value());
    CHECK_FALSE(oauth2.assertion.has_value());
    CHECK_FALSE(keeps_refresh_token(oauth2));
}

TEST_CASE("oauth2: a disorderly token endpoint is described", "[config][auth]") {
    const OAuth2 oauth2 =
        read(ConfigFixture{},
             "grant: client_credentials, " + kClient +
                 R"(client_secret: "${KEY}", proof: header, request: query, )"
                 R"(secret_header: X-Secret, secret_prefix: "Key ", sends_grant_type: false, )"
                 R"(header: X-Token, prefix: "", )"
                 R"(answer: { format: text, default_life_s: 60 })");
    CHECK(oauth2.endpoint.method == "GET");
    CHECK(oauth2.endpoint.parameters == auth::TokenParameters::kQuery);
    CHECK(oauth2.endpoint.proof == auth::ClientProof::kHeader);
    CHECK(oauth2.endpoint.secret_header == "X-Secret");
    CHECK(oauth2.endpoint.secret_prefix == "Key ");
    CHECK_FALSE(oauth2.endpoint.sends_grant_type);
    CHECK(oauth2.endpoint.answer == auth::TokenAnswer::kText);
    CHECK(oauth2.endpoint.default_life == std::chrono::seconds{60});
    CHECK(oauth2.header == "X-Token");
    CHECK(oauth2.prefix.empty());
}

TEST_CASE("oauth2: a login has its scope, its page and its way back", "[config][auth]") {
    const OAuth2 oauth2 =
        read(ConfigFixture{},
             "grant: authorization_code, " + kClient +
                 R"(proof: none, scope: "openid", authorize: { url: "https://h.example/a", )"
                 R"(parameters: { access_type: offline }, issuer: "https://h.example" })");
    REQUIRE(oauth2.authorize.has_value());
    CHECK(oauth2.authorize->url == "https://h.example/a");
    CHECK(oauth2.authorize->scope == "openid");
    CHECK(oauth2.authorize->parameters == std::vector<auth::Parameter>{{"access_type", "offline"}});
    CHECK(oauth2.authorize->redirect_url == "http://127.0.0.1/callback");
    CHECK(oauth2.authorize->issuer == "https://h.example");
    CHECK(oauth2.endpoint.extra.empty());
    CHECK(keeps_refresh_token(oauth2));
}

TEST_CASE("oauth2: a refresh token may lie in the vault", "[config][auth]") {
    ConfigFixture fixture;
    fixture.source.secrets["first"] = "r3fresh";
    const OAuth2 oauth2 = read(fixture, "grant: refresh_token, " + kClient +
                                            R"(proof: none, refresh_token: "${secret:first}")");
    CHECK(oauth2.refresh_token.equals("r3fresh"));
    CHECK(keeps_refresh_token(oauth2));
}

TEST_CASE("oauth2: an assertion speaks for the client to the token endpoint", "[config][auth]") {
    ConfigFixture fixture;
    fixture.source.variables["PEM"] = test::kRfc7515A2Pem;
    const OAuth2 proof =
        read(fixture, "grant: client_credentials, " + kClient +
                          R"(proof: assertion, assertion: { key: "${PEM}", key_id: k1 })");
    REQUIRE(proof.assertion.has_value());
    CHECK(proof.assertion->options.issuer == "c");
    CHECK(proof.assertion->options.subject == "c");
    CHECK(proof.assertion->options.audience == "https://h.example/t");
    CHECK(proof.assertion->key.id == "k1");
    CHECK(proof.assertion->key.algorithms == std::vector{auth::JwsAlgorithm::kRs256});
    const OAuth2 grant =
        read(fixture, "grant: jwt_bearer, " + kClient +
                          R"(proof: none, assertion: { key: "${KEY}", algorithm: HS256, )"
                          R"(issuer: me, life_s: 60, claims: { scope: s, n: 1 } })");
    REQUIRE(grant.assertion.has_value());
    CHECK(grant.assertion->options.issuer == "me");
    CHECK(grant.assertion->options.subject.empty());
    CHECK(grant.assertion->options.life == std::chrono::seconds{60});
    CHECK(grant.assertion->options.more_claims == boost::json::object{{"scope", "s"}, {"n", 1}});
    CHECK(grant.assertion->key.algorithms == std::vector{auth::JwsAlgorithm::kHs256});
}

TEST_CASE("oauth2: what is wrong is told at its place, without the secret", "[config][auth]") {
    ConfigFixture fixture;
    fixture.source.variables["PEM"] = test::kRfc7515A2Pem;
    const std::string credentials = "grant: client_credentials, " + kClient;
    const std::string login = "grant: authorization_code, proof: none, " + kClient;
    const std::string bearer = "grant: jwt_bearer, proof: none, " + kClient;
    const std::pair<std::string, Found> cases[] = {
        {"grant: password, " + kClient + "proof: none", {"12:36 config.value"}},
        {"grant: client_credentials", {"12:11 config.missing_key"}},
        {credentials + "client_secret: \"${EMPTY}\"", {"12:119 config.secret_empty"}},
        {credentials + "proof: parameter", {"12:11 auth.credential_invalid"}},
        {credentials + "proof: none, secret: k3y", {"12:117 config.unknown_key"}},
        {credentials + "proof: none, answer: { default_life_s: 0 }", {"12:143 config.value"}},
        {credentials + "proof: none, answer: { token: \"\" }",
         {"12:11 auth.token_endpoint_invalid"}},
        {credentials + "proof: none, parameters: [k3y]", {"12:129 config.type"}},
        {credentials + "proof: none, header: \"a b\"", {"12:11 auth.credential_invalid"}},
        {credentials + "proof: none, refresh_token: k3y", {"12:11 auth.token_endpoint_invalid"}},
        {credentials + "proof: none, authorize: { url: \"https://h/a\" }",
         {"12:11 auth.token_endpoint_invalid"}},
        {credentials + "proof: assertion", {"12:11 auth.token_endpoint_invalid"}},
        {"grant: client_credentials, proof: none, token_url: \"http://h.example/t\"",
         {"12:11 auth.token_endpoint_invalid"}},
        {"grant: client_credentials, proof: none, token_url: nothing",
         {"12:11 auth.request_unsignable"}},
        {"grant: refresh_token, proof: none, " + kClient, {"12:11 auth.token_endpoint_invalid"}},
        {login, {"12:11 auth.token_endpoint_invalid"}},
        {login + "authorize: { url: \"http://h.example/a\" }",
         {"12:11 auth.token_endpoint_invalid"}},
        {login + "authorize: { url: \"https://h/a\", redirect_url: \"http://h.example/\" }",
         {"12:11 auth.token_endpoint_invalid"}},
        {login + "authorize: { url: \"https://h/a\", parameters: { state: s } }",
         {"12:11 auth.token_endpoint_invalid"}},
        {login + "authorize: { url: \"${secret:any}\" }", {"12:136 config.variable_syntax"}},
        {"grant: authorization_code, proof: none, token_url: \"https://h/t\", "
         "authorize: { url: \"https://h/a\" }",
         {"12:11 auth.token_endpoint_invalid"}},
        {bearer, {"12:11 auth.token_endpoint_invalid"}},
        {bearer + "assertion: { key: k3y }", {"12:11 auth.key_invalid"}},
        {bearer + "assertion: { key: \"${PEM}\", algorithm: ES256 }", {"12:11 auth.key_invalid"}},
        {bearer + "assertion: { key: \"${PEM}\", life_s: 3601 }", {"12:145 config.value"}},
        {"grant: jwt_bearer, proof: none, token_url: \"https://h/t\", "
         "assertion: { key: \"${PEM}\" }",
         {"12:11 auth.credential_invalid"}},
        {"grant: jwt_bearer, proof: assertion, " + kClient + "assertion: { key: \"${PEM}\" }",
         {"12:11 auth.token_endpoint_invalid"}}};
    for (const auto& [keys, found] : cases) {
        INFO(keys);
        INFO(test::all_messages(fixture.load(with_oauth2(keys))));
        CHECK(fixture.problems(with_oauth2(keys)) == found);
        CHECK(test::all_messages(fixture.load(with_oauth2(keys))).find("k3y") == std::string::npos);
    }
}

TEST_CASE("oauth2: what is only for this machine may be plain", "[config][auth]") {
    ConfigFixture fixture;
    for (const char* host : {"127.0.0.1:8080", "localhost", "[::1]:80"}) {
        const OAuth2 oauth2 =
            read(fixture, "grant: client_credentials, proof: none, token_url: \"http://" +
                              std::string{host} + "/t\"");
        CHECK(oauth2.endpoint.url == "http://" + std::string{host} + "/t");
    }
    for (const char* host :
         {"127.0.0.1.example.com", "localhost.example.com", "10.0.0.1", "[::2]"}) {
        CAPTURE(host);
        CHECK(fixture.problems(with_oauth2("grant: client_credentials, proof: none, "
                                           "token_url: \"http://" +
                                           std::string{host} + "/t\"")) ==
              Found{"12:11 auth.token_endpoint_invalid"});
    }
}

TEST_CASE("oauth2: a sealed secret leaves the account waiting, and is no mistake",
          "[config][auth]") {
    ConfigFixture fixture;
    fixture.source.secrets["sealed"] = "";
    const Loaded loaded = fixture.load(with_oauth2("grant: jwt_bearer, proof: none, " + kClient +
                                                   "assertion: { key: \"${secret:sealed}\" }"));
    INFO(test::all_messages(loaded));
    REQUIRE(loaded.config.has_value());
    CHECK(loaded.config->accounts.at("pangolin").is_sealed);
    CHECK_FALSE(loaded.config->accounts.at("pangolin").auth.has_value());
}
