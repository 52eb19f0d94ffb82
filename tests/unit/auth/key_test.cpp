#include "auth/key.hpp"

#include <random>

#include "auth/errc.hpp"
#include "auth/jwk.hpp"
#include "core/encoding.hpp"
#include "jose_vectors.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::auth;

namespace {

constexpr std::string_view kPublicEd25519 =
    R"({"kty":"OKP","crv":"Ed25519","kid":"e","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";
constexpr std::string_view kPublicP256 =
    R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const std::size_t at = text.find(from);
    if (at == std::string::npos) FAIL("there is no " << from);
    return text.replace(at, from.size(), to);
}

void check_refused(std::string_view jwk) {
    INFO(jwk);
    const auto key = parse_jwk(jwk);
    REQUIRE_FALSE(key.has_value());
    CHECK(key.error().is(kKeyInvalid));
}

}  // namespace

TEST_CASE("jwk: a public key verifies and does not sign", "[auth][jwk]") {
    for (std::string_view text : {kPublicEd25519, kPublicP256}) {
        const JwsKey key = parse_jwk(text).value();
        CHECK_FALSE(key.key.can_sign());
        CHECK(sign_jws({}, "x", key).error().is(kKeyInvalid));
    }
    CHECK(parse_jwk(kPublicEd25519)->id == "e");
    CHECK(parse_jwk(test::kRfc8037A4Key)->key.can_sign());
}

TEST_CASE("jwk: what is no key, or not one for us, is refused", "[auth][jwk]") {
    for (std::string_view text :
         {"", "[]", "{}", "null", R"({"kty":"RSA"})", R"({"kty":"oct"})", R"({"kty":"oct","k":""})",
          R"({"kty":"oct","k":"A==="})", R"({"kty":"EC","crv":"P-256"})", R"({"kty":7,"k":"AAAA"})",
          R"({"kty":"oct","k":"AAAA","k":"BBBB"})", R"({"kty":"RSA","n":"AQAB","e":"AQAB"})",
          R"({"kty":"OKP","crv":"X25519","x":"AAAA"})"}) {
        check_refused(text);
    }
    const std::string ed{kPublicEd25519}, ec{kPublicP256}, rsa{test::kRfc7515A2Key};
    check_refused(replaced(ed, "\"kid\"", R"("use":"enc","kid")"));
    check_refused(replaced(ed, "\"kid\"", R"("alg":"ES256","kid")"));
    check_refused(replaced(ed, "\"kid\"", R"("alg":"none","kid")"));
    check_refused(replaced(ed, "\"kid\"", R"("key_ops":["encrypt"],"kid")"));
    check_refused(replaced(ed, "11qY", "11"));
    check_refused(replaced(ec, "f83O", "f83P"));  // not on the curve
    // One wrong number is made up for by the others, and signs nothing wrong.
    check_refused(
        replaced(replaced(rsa, "\"q\":\"uQPE", "\"q\":\"uQPF"), "\"d\":\"Eq5", "\"d\":\"Eq6"));
    check_refused(replaced(rsa, "\"p\":", "\"ignored\":"));
    check_refused(replaced(test::kRfc7515A3Key, "\"d\":\"jpsQ", "\"d\":\"jpsR"));
    check_refused(replaced(test::kRfc8037A4Key, "\"d\":\"nWGx", "\"d\":\"nWGy"));
    check_refused(test::kRfc7520S43Key);  // P-521
}

TEST_CASE("jwk: an error does not hold the key", "[auth][jwk]") {
    const auto key = parse_jwk(R"({"kty":"oct","k":"c2VjcmV0 c2VjcmV0"})");
    REQUIRE_FALSE(key.has_value());
    CHECK(key.error().to_string().find("c2Vjcm") == std::string::npos);
}

TEST_CASE("jwks: keys that are not for us are left out", "[auth][jwk]") {
    const std::string set = std::string{R"({"keys":[7,{"kty":"new"},)"} + test::kRfc7515A1Key +
                            "," + test::kRfc7520S43Key + "," + test::kRfc7515A2Key + "," +
                            std::string{kPublicEd25519} + "," + std::string{kPublicP256} + "]}";
    const auto keys = parse_jwks(set).value();
    REQUIRE(keys.size() == 2);  // neither the secret, nor P-521, nor the private key
    CHECK(keys[0].id == "e");
    CHECK(verify_jws(test::kRfc8037A4Jws, keys).has_value());
    CHECK(verify_jws(test::kRfc7515A3Jws, keys).has_value());
}

TEST_CASE("jwks: a set without a key, and one without end, are refused", "[auth][jwk]") {
    std::string many = R"({"keys":[)";
    for (std::size_t i = 0; i <= kJwksKeysMax; ++i) many += std::string{i > 0 ? "," : ""} + "{}";
    many += "]}";
    for (const std::string& text :
         {std::string{"{}"}, std::string{R"({"keys":[]})"}, std::string{R"({"keys":7})"},
          std::string{R"({"keys":[{"kty":"oct","k":"AAAA"}]})"}, many,
          std::string(kJwksBytesMax + 1, ' ')}) {
        INFO(text.substr(0, 80));
        CHECK(parse_jwks(text).error().is(kKeyInvalid));
    }
}

TEST_CASE("jwk: random text and random damage never crash", "[auth][jwk]") {
    std::mt19937 random{3};
    const std::string samples[] = {test::kRfc7515A2Key, test::kRfc7515A3Key, test::kRfc8037A4Key,
                                   std::string{R"({"keys":[)"} + std::string{kPublicP256} + "]}"};
    std::size_t accepted = 0;
    for (int i = 0; i < 2'000; ++i) {
        std::string text = samples[random() % std::size(samples)];
        for (unsigned n = random() % 4; n > 0; --n) {
            const std::size_t at = random() % text.size();
            if (random() % 3 == 0)
                text.erase(at, random() % 40);
            else
                text[at] = static_cast<char>(random());
            if (text.empty()) text = "{";
        }
        if (parse_jwk(text).has_value()) ++accepted;
        if (parse_jwks(text).has_value()) ++accepted;
    }
    CHECK(accepted > 0);
    CHECK(accepted < 2'000);  // most are damaged
}

TEST_CASE("key: keys in PEM sign and verify", "[auth][key]") {
    // openssl genpkey -algorithm ed25519; an example like every key of this file.
    constexpr std::string_view kPrivate =
        "-----BEGIN PRIVATE "
        "KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
        "-----END PRIVATE KEY-----\n";
    const Key key = Key::from_pem(kPrivate).value();
    CHECK(key.family() == KeyFamily::kEd25519);
    const JwsKey jws{"", key, {JwsAlgorithm::kEdDsa}};
    CHECK(sign_jws({}, "Example of Ed25519 signing", jws).value() == test::kRfc8037A4Jws);
    for (std::string_view text : std::initializer_list<std::string_view>{
             {},
             "",
             "-----BEGIN PRIVATE KEY-----",
             "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
             "secret"}) {
        CHECK(Key::from_pem(text).error().is(kKeyInvalid));
    }
}

TEST_CASE("key: an algorithm of another family neither signs nor verifies", "[auth][key]") {
    const Key key = parse_jwk(test::kRfc8037A4Key)->key;
    const std::string signature = key.sign(SignatureAlgorithm::kEdDsa, "x").value();
    CHECK(key.verify(SignatureAlgorithm::kEdDsa, "x", signature));
    for (SignatureAlgorithm other : {SignatureAlgorithm::kHs256, SignatureAlgorithm::kRs256,
                                     SignatureAlgorithm::kRsaSha1, SignatureAlgorithm::kEs256}) {
        CHECK_FALSE(key.verify(other, "x", signature));
        CHECK(key.sign(other, "x").error().is(kKeyInvalid));
    }
}
