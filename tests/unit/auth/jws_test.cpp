#include "auth/jws.hpp"

#include <array>
#include <random>

#include "auth/errc.hpp"
#include "auth/jwk.hpp"
#include "core/encoding.hpp"
#include "jose_vectors.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::auth;
using core::Secret;

namespace {

constexpr std::string_view kFrodo =
    "It\xe2\x80\x99s a dangerous business, Frodo, going out your door. You step onto the road, and "
    "if "
    "you don't keep your feet, there\xe2\x80\x99s no knowing where you might be swept off to.";
constexpr std::string_view kJoe =
    "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";

JwsKey key_of(std::string_view jwk) {
    auto key = parse_jwk(jwk);
    if (!key) FAIL(key.error().to_string());
    return std::move(*key);
}

bool is_refused(std::string_view compact, const JwsKey& key, const core::ErrorCode& code) {
    const auto verified = verify_jws(compact, {&key, 1});
    return !verified && verified.error().is(code);
}

// A token with any head at all, signed with HMAC by the key.
std::string with_header(std::string_view header, std::string_view payload, const JwsKey& key) {
    std::string text = core::to_base64url(header) + '.' + core::to_base64url(payload);
    return text + '.' + core::to_base64url(key.key.sign(SignatureAlgorithm::kHs256, text).value());
}

struct Vector {
    std::string_view key, jws, payload;
};

constexpr std::array kVectors{
    Vector{test::kRfc7515A1Key, test::kRfc7515A1Jws, kJoe},
    Vector{test::kRfc7515A2Key, test::kRfc7515A2Jws, kJoe},
    Vector{test::kRfc7515A3Key, test::kRfc7515A3Jws, kJoe},
    Vector{test::kRfc7520S41Key, test::kRfc7520S41Jws, kFrodo},
    Vector{test::kRfc7520S44Key, test::kRfc7520S44Jws, kFrodo},
    Vector{test::kRfc8037A4Key, test::kRfc8037A4Jws, "Example of Ed25519 signing"},
};

}  // namespace

TEST_CASE("jws: what the standards published verifies", "[auth][jws]") {
    for (const Vector& vector : kVectors) {
        INFO(vector.jws);
        const JwsKey key = key_of(vector.key);
        const auto verified = verify_jws(vector.jws, {&key, 1});
        REQUIRE(verified.has_value());
        CHECK(verified->payload == vector.payload);
    }
}

TEST_CASE("jws: signs as the standards published", "[auth][jws]") {
    // ECDSA has chance in it, and the head of A.1 has white space.
    for (const Vector& vector : {kVectors[1], kVectors[3], kVectors[4], kVectors[5]}) {
        const JwsKey key = key_of(vector.key);
        CHECK(sign_jws({}, vector.payload, key).value() == vector.jws);
    }
}

TEST_CASE("jws: what was signed verifies, with R and S of 32 bytes each", "[auth][jws]") {
    const JwsKey key = key_of(test::kRfc7515A3Key);
    for (int i = 0; i < 600; ++i) {  // every 128th R or S begins with a zero
        const std::string payload = std::to_string(i);
        const std::string token = sign_jws({{"typ", "JWT"}}, payload, key).value();
        const auto signature = core::from_base64url(token.substr(token.rfind('.') + 1));
        REQUIRE(signature.value().size() == 64);
        REQUIRE(verify_jws(token, {&key, 1}).value().payload == payload);
    }
}

TEST_CASE("jws: a change of any one byte is refused", "[auth][jws]") {
    std::mt19937 random{11};
    for (const Vector& vector : kVectors) {
        const JwsKey key = key_of(vector.key);
        for (std::size_t i = 0; i < vector.jws.size(); ++i) {
            std::string changed{vector.jws};
            char other = changed[i];
            while (other == changed[i]) {
                constexpr std::string_view kLikely =
                    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=\n ";
                other = random() % 4 == 0 ? static_cast<char>(random())
                                          : kLikely[random() % kLikely.size()];
            }
            changed[i] = other;
            INFO(changed);
            REQUIRE_FALSE(verify_jws(changed, {&key, 1}).has_value());
        }
        for (std::size_t size = 0; size < vector.jws.size(); ++size) {
            REQUIRE_FALSE(verify_jws(vector.jws.substr(0, size), {&key, 1}).has_value());
        }
        REQUIRE_FALSE(verify_jws(std::string{vector.jws} + "A", {&key, 1}).has_value());
    }
}

TEST_CASE("jws: a message without a signature is refused whatever it calls its algorithm",
          "[auth][jws]") {
    const JwsKey key = key_of(test::kRfc7515A1Key);
    // RFC 7515, A.5.
    CHECK(is_refused("eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UifQ.", key, kTokenNotAuthentic));
    for (std::string_view name :
         {"none", "None", "NONE", "", "HS256 ", "hs256", "HS384", "PS256"}) {
        INFO(name);
        CHECK(is_refused(with_header("{\"alg\":\"" + std::string{name} + "\"}", "{}", key), key,
                         kTokenNotAuthentic));
    }
    const std::string unsigned_token = core::to_base64url(R"({"alg":"HS256"})") + ".e30.";
    CHECK(is_refused(unsigned_token, key, kTokenNotAuthentic));
}

TEST_CASE("jws: a public key never serves as an HMAC secret", "[auth][jws]") {
    const JwsKey rsa = key_of(test::kRfc7515A2Key);
    constexpr std::string_view kPem =
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
        "-----END PUBLIC KEY-----\n";
    CHECK(Key::from_secret(Secret{std::string{kPem}}).error().is(kKeyInvalid));
    CHECK(Key::from_secret(Secret{}).error().is(kKeyInvalid));
    // The attack: HS256 with what everyone knows of the RSA key.
    const auto known = Key::from_secret(Secret{std::string{test::kRfc7515A2Key}});
    const std::string text = core::to_base64url(R"({"alg":"HS256"})") + ".e30";
    const std::string forged =
        text + '.' + core::to_base64url(known->sign(SignatureAlgorithm::kHs256, text).value());
    CHECK(is_refused(forged, rsa, kTokenNotAuthentic));
    // Not even when the operator's list allows it by mistake.
    const JwsKey lenient{"", rsa.key, {JwsAlgorithm::kHs256, JwsAlgorithm::kRs256}};
    CHECK(is_refused(forged, lenient, kTokenNotAuthentic));
    CHECK(verify_jws(test::kRfc7515A2Jws, {&lenient, 1}).has_value());
}

TEST_CASE("jws: a key verifies with the algorithms that it was allowed only", "[auth][jws]") {
    const JwsKey key = key_of(test::kRfc7515A2Key);
    const JwsKey idle{"", key.key, {}};
    CHECK(is_refused(test::kRfc7515A2Jws, idle, kTokenNotAuthentic));
    CHECK(sign_jws({}, "x", idle).error().is(kKeyInvalid));
    CHECK(is_refused(test::kRfc7520S43Jws, key, kTokenNotAuthentic));  // ES512
}

TEST_CASE("jws: extensions that are demanded, and heads that are none, are refused",
          "[auth][jws]") {
    const JwsKey key = key_of(test::kRfc7515A1Key);
    for (std::string_view header :
         {R"({"alg":"HS256","crit":["exp"],"exp":1})", R"({"alg":"HS256","crit":[]})",
          R"({"alg":"HS256","crit":["b64"],"b64":false})", R"({"alg":"HS256","alg":"HS256"})",
          R"({"alg":["HS256"]})", R"({"alg":"HS256","kid":7})", R"({})", "[]", "null", "", "{",
          "\xff"}) {
        INFO(header);
        CHECK(is_refused(with_header(header, "{}", key), key, kTokenMalformed));
    }
    CHECK(
        verify_jws(with_header(R"({"alg":"HS256","other":1})", "{}", key), {&key, 1}).has_value());
    for (std::string_view text : {"", ".", "..", "...", "a.b", "a.b.c.d", "e30=.e30.e30"}) {
        INFO(text);
        CHECK(is_refused(text, key, kTokenMalformed));
    }
    CHECK(is_refused(std::string(kJwsBytesMax + 1, 'A'), key, kTokenMalformed));
}

TEST_CASE("jws: a named key is found by its name", "[auth][jws]") {
    const Key secret = Key::from_secret(Secret{"one secret, two names"}).value();
    const std::vector<JwsAlgorithm> allowed{JwsAlgorithm::kHs256};
    const std::string token = sign_jws({}, "x", {"b", secret, allowed}).value();
    const JwsKey other_name{"a", secret, allowed};
    const JwsKey no_name{"", secret, allowed};
    const std::array keys{other_name, JwsKey{"b", secret, allowed}};
    CHECK(is_refused(token, other_name, kTokenNotAuthentic));
    CHECK(verify_jws(token, {&no_name, 1}).has_value());
    CHECK(verify_jws(token, keys).value().header.at("kid") == "b");
    CHECK(verify_jws(sign_jws({}, "x", no_name).value(), keys).has_value());
}

TEST_CASE("jws: keys are tried up to a limit", "[auth][jws]") {
    const Key wrong = Key::from_secret(Secret{"wrong"}).value();
    const Key right = Key::from_secret(Secret{"right"}).value();
    const std::vector<JwsAlgorithm> allowed{JwsAlgorithm::kHs256};
    const std::string token = sign_jws({}, "x", {"", right, allowed}).value();
    std::vector<JwsKey> keys(kJwsKeysTriedMax - 1, JwsKey{"", wrong, allowed});
    keys.push_back({"", right, allowed});
    CHECK(verify_jws(token, keys).has_value());
    keys.insert(keys.begin(), JwsKey{"", wrong, allowed});
    CHECK_FALSE(verify_jws(token, keys).has_value());
}
