// The rules about who a client is: tokens and certificates.
#include "support/catch.hpp"
#include "unit/config/fixture.hpp"

using namespace syncline;
using namespace syncline::config;
using test::ConfigFixture;
using test::Found;

namespace {

// kGood with one rule, which begins at 17:36.
std::string with_rule(const std::string& rule, const std::string& hub = "") {
    const std::size_t begin = test::kGood.find("      webhook:");
    std::string text =
        test::kGood.substr(0, begin) + "      webhook: { name: x, verify: [" + rule + "] }\n";
    const std::string listen = "hub:\n";
    if (!hub.empty()) text.insert(text.find(listen) + listen.size(), hub);
    return text;
}

VerifyRule rule_of(const std::string& rule, const std::string& hub = "") {
    const ConfigFixture fixture;
    const Loaded loaded = fixture.load(with_rule(rule, hub));
    INFO(test::all_messages(loaded));
    REQUIRE(loaded.config.has_value());
    return loaded.config->connections.at(0).webhook->verify.at(0);
}

Found problems_of(const std::string& rule) {
    const ConfigFixture fixture;
    return fixture.problems(with_rule("{ scheme: jwt, " + rule + " }"));
}

bool is_refused(const std::string& rule) {
    const Found problems = problems_of(rule);
    return problems.size() == 1 && problems[0].starts_with("17:");
}

constexpr const char* kTls = "  tls: { certificate: c.pem, key: k.pem, client_ca: a.pem }\n";

}  // namespace

TEST_CASE("verify: a token is looked for behind `Bearer`, unless that is said otherwise",
          "[config][verify]") {
    const VerifyRule rule = rule_of("{ scheme: jwt, algorithms: [HS256], key: \"${KEY}\" }");
    CHECK(rule.scheme == VerifyScheme::kJwt);
    CHECK(rule.header == "authorization");
    CHECK(rule.prefix == "Bearer ");
    CHECK(rule.algorithms == std::vector{auth::JwsAlgorithm::kHs256});
    CHECK(rule.keys.at(0).value.equals("k3y"));
    CHECK(rule.tolerance == std::chrono::seconds{60});
    const VerifyRule other = rule_of(
        "{ scheme: jwt, algorithms: [RS256, EdDSA], header: X-Token, prefix: '', issuer: i, "
        "audience: a, jwks_url: \"https://i.example/keys\", tolerance_s: 5 }");
    CHECK(other.header == "x-token");
    CHECK(other.prefix.empty());
    CHECK(other.algorithms == std::vector{auth::JwsAlgorithm::kRs256, auth::JwsAlgorithm::kEdDsa});
    CHECK(other.issuer == "i");
    CHECK(other.audience == "a");
    CHECK(other.jwks_url == "https://i.example/keys");
    CHECK(other.tolerance == std::chrono::seconds{5});
}

TEST_CASE("verify: a shared secret is never beside public keys", "[config][verify]") {
    const std::string who = ", issuer: i, audience: a";
    CHECK(is_refused("algorithms: [RS256], key: k"));
    CHECK(is_refused("algorithms: [HS256, RS256], key: k"));
    CHECK(is_refused("algorithms: [HS256], public_key: p" + who));
    CHECK(is_refused("algorithms: [RS256, HS256], public_key: p" + who));
    CHECK(is_refused("algorithms: [HS256], key: k, public_key: p" + who));
    CHECK(is_refused("algorithms: [none], key: k"));
    CHECK(is_refused("algorithms: [], key: k"));
    CHECK(is_refused("algorithms: HS256, key: k"));
    CHECK(is_refused("algorithms: [HS256], key: ''"));
}

TEST_CASE("verify: public keys need an issuer, an audience, and one place", "[config][verify]") {
    const std::string who = ", issuer: i, audience: a";
    CHECK(problems_of("algorithms: [RS256], public_key: p" + who).empty());
    CHECK(is_refused("algorithms: [RS256], public_key: p, issuer: i"));
    CHECK(is_refused("algorithms: [RS256], public_key: p, audience: a"));
    CHECK(is_refused("algorithms: [RS256], public_key: p, jwks_file: f" + who));
    CHECK(is_refused("algorithms: [RS256], jwks_file: f, jwks_url: 'https://a/'" + who));
    CHECK(is_refused("algorithms: [RS256]" + who));
}

TEST_CASE("verify: keys come in the clear from this machine alone", "[config][verify]") {
    const auto is_taken = [](const std::string& url) {
        return problems_of("algorithms: [RS256], issuer: i, audience: a, jwks_url: \"" + url + "\"")
            .empty();
    };
    for (const char* url :
         {"https://a.example/keys", "HTTPS://a.example:8443/?a=b", "http://127.0.0.1:1/",
          "http://localhost/k", "http://[::1]/", "http://[::1]:80/k"})
        CHECK(is_taken(url));
    for (const char* url :
         {"http://a.example/keys", "http://127.0.0.1.a.example/", "http://127.0.0.1@a.example/",
          "http://localhost.a.example/", "http://[::2]/", "ftp://127.0.0.1/", "a.example", "",
          "file:///etc/passwd", "https://"})
        CHECK_FALSE(is_taken(url));
}

TEST_CASE("verify: certificates are listed in one spelling", "[config][verify]") {
    const std::string hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    std::string colons = "01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:";
    colons += colons.substr(0, colons.size() - 1);
    const VerifyRule rule = rule_of(
        "{ scheme: client_certificate, subjects: ['CN=Shop,O=Example'], sans: "
        "['DNS:Shop.Example', 'URI:spiffe://a/B'], fingerprints: ['" +
            colons + "'] }",
        kTls);
    CHECK(rule.scheme == VerifyScheme::kClientCertificate);
    CHECK(rule.subjects == Found{"CN=Shop,O=Example"});
    CHECK(rule.sans == Found{"DNS:shop.example", "URI:spiffe://a/B"});
    CHECK(rule.fingerprints == Found{hex});

    const auto is_wrong = [](const std::string& lists) {
        const ConfigFixture fixture;
        return fixture.problems(with_rule("{ scheme: client_certificate" + lists + " }", kTls))
                   .size() == 1;
    };
    CHECK(is_wrong(""));
    CHECK(is_wrong(", subjects: []"));
    CHECK(is_wrong(", subjects: ['']"));
    CHECK(is_wrong(", sans: ['shop.example']"));
    CHECK(is_wrong(", sans: ['IP:10.0.0.1']"));
    CHECK(is_wrong(", sans: ['DNS:']"));
    CHECK(is_wrong(", fingerprints: ['" + hex.substr(2) + "']"));
    CHECK(is_wrong(", fingerprints: ['zz" + hex.substr(2) + "']"));
}

TEST_CASE("verify: a certificate that nobody asks for can't be a rule", "[config][verify]") {
    const ConfigFixture fixture;
    const std::string rule = "{ scheme: client_certificate, subjects: [CN=a] }";
    CHECK(fixture.problems(with_rule(rule, kTls)).empty());
    CHECK(fixture.problems(with_rule(rule)) == Found{"17:36 config.client_ca_missing"});
    const std::string without = "  tls: { certificate: c.pem, key: k.pem }\n";
    CHECK(fixture.problems(with_rule(rule, without)) == Found{"18:36 config.client_ca_missing"});
}
