#include "auth/jwt.hpp"

#include "auth/errc.hpp"
#include "auth/jwk.hpp"
#include "auth/pkce.hpp"
#include "core/encoding.hpp"
#include "jose_vectors.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::auth;
using core::Secret;
using std::chrono::seconds;

namespace {

constexpr core::WallTime kSecond = 1'000'000'000;
constexpr std::int64_t kNow = 1'700'000'000;

Result<boost::json::object> check_at_now(std::string_view payload, const ClaimRules& rules = {}) {
    return check_claims(payload, rules, kNow * kSecond);
}

bool is_refused(std::string_view payload, const ClaimRules& rules = {}) {
    const auto claims = check_at_now(payload, rules);
    return !claims && claims.error().is(kTokenNotAccepted);
}

}  // namespace

TEST_CASE("jwt: is valid until it expires, with leeway", "[auth][jwt]") {
    const ClaimRules rules{.issuer = {}, .audiences = {}, .leeway = seconds{60}};
    CHECK(check_at_now(R"({"exp":1700000001})", rules).has_value());
    CHECK(check_at_now(R"({"exp":1699999941})", rules).has_value());
    CHECK(is_refused(R"({"exp":1699999940})", rules));
    CHECK(check_at_now(R"({"exp":1699999940.5})", rules).has_value());
    CHECK(is_refused("{}", rules));
    const ClaimRules lasting{.issuer = {}, .audiences = {}, .requires_expiry = false};
    CHECK(check_at_now("{}", lasting).has_value());
    CHECK(is_refused(R"({"exp":1})", lasting));
}

TEST_CASE("jwt: is not valid before its time", "[auth][jwt]") {
    CHECK(check_at_now(R"({"exp":1700001000,"nbf":1700000060})").has_value());
    CHECK(is_refused(R"({"exp":1700001000,"nbf":1700000061})"));
}

TEST_CASE("jwt: names its issuer and its audience", "[auth][jwt]") {
    const ClaimRules rules{.issuer = "joe", .audiences = {"hub", "https://hub.example"}};
    const auto claims = [](std::string_view rest) {
        return R"({"exp":1700001000,)" + std::string{rest} + "}";
    };
    CHECK(check_at_now(claims(R"("iss":"joe","aud":"hub")"), rules).has_value());
    CHECK(check_at_now(claims(R"("iss":"joe","aud":["x",7,"https://hub.example"])"), rules)
              .has_value());
    for (std::string_view rest :
         {R"("iss":"joe")", R"("iss":"joe","aud":"x")", R"("iss":"joe","aud":[])",
          R"("iss":"joe","aud":7)", R"("iss":"joe","aud":{"hub":1})", R"("aud":"hub")",
          R"("iss":"Joe","aud":"hub")", R"("iss":["joe"],"aud":"hub")"}) {
        INFO(rest);
        CHECK(is_refused(claims(rest), rules));
    }
    // Without rules about it, a token for others is still not ours.
    CHECK(is_refused(claims(R"("aud":"hub")")));
    CHECK(check_at_now(claims(R"("iss":"anyone")")).has_value());
}

TEST_CASE("jwt: claims that are none are malformed", "[auth][jwt]") {
    for (std::string_view payload :
         {"", "[]", "null", "{", R"({"exp":"1700001000"})", R"({"exp":-1})", R"({"exp":1e300})",
          R"({"exp":null})", R"({"exp":1700001000,"exp":1800000000})",
          R"({"exp":1700001000,"nbf":true})", R"({"exp":18446744073709551615})"}) {
        INFO(payload);
        CHECK(check_at_now(payload).error().is(kTokenMalformed));
    }
}

TEST_CASE("jwt: an assertion holds what RFC 7523 asks for, and verifies", "[auth][jwt]") {
    for (const char* text :
         {test::kRfc7515A1Key, test::kRfc7515A2Key, test::kRfc7515A3Key, test::kRfc8037A4Key}) {
        const JwsKey key = parse_jwk(text).value();
        const AssertionOptions options{.issuer = "client",
                                       .subject = "client",
                                       .audience = "https://as.example/token",
                                       .more_claims = {{"scope", "a b"}, {"iss", "other"}}};
        const Secret token = make_assertion(options, key, kNow * kSecond, "id-1").value();
        const Jws jws = verify_jws(token.reveal(), {&key, 1}).value();
        const ClaimRules rules{.issuer = "client", .audiences = {"https://as.example/token"}};
        const auto claims = check_at_now(jws.payload, rules).value();
        CHECK(claims.at("sub") == "client");
        CHECK(claims.at("iat") == kNow);
        CHECK(claims.at("exp") == kNow + 300);
        CHECK(claims.at("jti") == "id-1");
        CHECK(claims.at("scope") == "a b");
        CHECK(jws.header.at("typ") == "JWT");
    }
}

TEST_CASE("jwt: an assertion that can't serve is not made", "[auth][jwt]") {
    const JwsKey key = parse_jwk(test::kRfc7515A1Key).value();
    const AssertionOptions good{.issuer = "a", .subject = {}, .audience = "b", .more_claims = {}};
    CHECK(make_assertion(good, key, 0, "").has_value());
    for (int i = 0; i < 4; ++i) {
        AssertionOptions options = good;
        if (i == 0) options.issuer.clear();
        if (i == 1) options.audience.clear();
        if (i == 2) options.life = seconds{0};
        if (i == 3) options.life = seconds{3601};
        CHECK(make_assertion(options, key, 0, "").error().is(kCredentialInvalid));
    }
}

TEST_CASE("pkce: agrees with RFC 7636, appendix B", "[auth][pkce]") {
    const auto chance = core::from_base64url("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    const auto pkce = make_pkce(Secret{chance.value()});
    CHECK(pkce->verifier.reveal() == "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    CHECK(pkce->challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    CHECK(make_pkce(Secret{"short"}).error().is(kCredentialInvalid));
    CHECK(make_pkce(Secret{}).error().is(kCredentialInvalid));
}
