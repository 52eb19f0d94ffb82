// Signed tokens: which of them are believed, and with whose keys.
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <functional>
#include <initializer_list>
#include <utility>

#include "auth/jwk.hpp"
#include "auth/jwt.hpp"
#include "core/encoding.hpp"
#include "fields.hpp"
#include "fixture.hpp"
#include "intake/errc.hpp"
#include "intake/token_keys.hpp"
#include "unit/auth/jose_vectors.hpp"

using namespace syncline;
using namespace syncline::intake;
using namespace syncline::test;
using auth::JwsAlgorithm;
using boost::json::object;

namespace {

constexpr std::int64_t kIssued_s = 1'700'000'000;
constexpr const char* kSecret = "a secret of the sender and the hub";

class OneField final : public HeaderLookup {
  public:
    explicit OneField(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {}
    std::optional<std::string_view> only_value(std::string_view name) const override {
        if (name != "authorization" || tokens_.size() != 1) return std::nullopt;
        return tokens_.front();
    }

  private:
    std::vector<std::string> tokens_;
};

// A pair of keys for RS256 that nobody else has.
struct Rsa {
    Rsa() {
        EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048});
        REQUIRE(key != nullptr);
        for (std::string* pem : {&private_pem, &public_pem}) {
            BIO* out = BIO_new(BIO_s_mem());
            if (pem == &private_pem)
                PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
            else
                PEM_write_bio_PUBKEY(out, key);
            char* data = nullptr;
            const long size = BIO_get_mem_data(out, &data);
            pem->assign(data, static_cast<std::size_t>(size));
            BIO_free(out);
        }
        EVP_PKEY_free(key);
    }
    auth::JwsKey signer(std::string id = "") const {
        return {std::move(id), *auth::Key::from_pem(private_pem), {JwsAlgorithm::kRs256}};
    }
    std::string private_pem, public_pem;
};

const Rsa& ours() {
    static const Rsa rsa;
    return rsa;
}

auth::JwsKey secret_signer(const char* secret = kSecret) {
    return {{}, *auth::Key::from_secret(core::Secret{secret}), {JwsAlgorithm::kHs256}};
}

object claims(const std::function<void(object&)>& change = {}) {
    object claims{{"iss", "https://issuer.example"}, {"aud", "hub"}, {"exp", kIssued_s + 600}};
    if (change) change(claims);
    return claims;
}

std::string signed_by(const auth::JwsKey& key, const object& payload, object head = {}) {
    auto token =
        auth::sign_jws(std::move(head), record::write_json(boost::json::value(payload)), key);
    REQUIRE(token.has_value());
    return *token;
}

JwtOptions with_secret() {
    JwtOptions options;
    options.header = "authorization";
    options.prefix = "Bearer ";
    options.algorithms = {JwsAlgorithm::kHs256};
    options.issuer = "https://issuer.example";
    options.audience = "hub";
    options.keys.push_back({core::Secret{kSecret}, std::nullopt, ""});
    return options;
}

JwtOptions with_public_key() {
    JwtOptions options = with_secret();
    options.algorithms = {JwsAlgorithm::kRs256, JwsAlgorithm::kEs256};
    options.keys.front().value = core::Secret{ours().public_pem};
    return options;
}

Result<void> verify(Verifier& verifier, std::vector<std::string> headers,
                    std::int64_t now_s = kIssued_s) {
    const OneField fields{std::move(headers)};
    return verifier.verify(Message{fields, "{}", "POST", "/hooks/shop", now_s * kSecond_ns});
}

bool accepts(const JwtOptions& options, const std::string& token, std::int64_t now_s = kIssued_s) {
    auto verifier = Verifier::make(options);
    REQUIRE(verifier.has_value());
    const auto verified = verify(*verifier, {"Bearer " + token}, now_s);
    if (verified.has_error()) CHECK(verified.error().is(kNotAuthentic));
    return verified.has_value();
}

bool is_invalid(const JwtOptions& options) {
    const auto verifier = Verifier::make(options);
    return verifier.has_error() && verifier.error().is(kVerifierInvalid);
}

// A set that a test changes.
struct Remote final : TokenKeys {
    std::shared_ptr<const Set> current() const override { return keys; }
    bool ask_again() override {
        ++asked;
        return is_fetched;
    }
    std::shared_ptr<const Set> keys;
    bool is_fetched = false;
    int asked = 0;
};

std::shared_ptr<const TokenKeys::Set> public_set(const std::string& id) {
    TokenKeys::Set set;
    set.push_back({id, *auth::Key::from_pem(ours().public_pem), {JwsAlgorithm::kRs256}});
    return std::make_shared<const TokenKeys::Set>(std::move(set));
}

}  // namespace

TEST_CASE("jwt: a token is believed with the key that it was signed with", "[intake][jwt]") {
    CHECK(accepts(with_secret(), signed_by(secret_signer(), claims())));
    CHECK_FALSE(accepts(with_secret(), signed_by(secret_signer("another"), claims())));
    CHECK(accepts(with_public_key(), signed_by(ours().signer(), claims())));
    CHECK(accepts(with_public_key(), signed_by(ours().signer("any name"), claims())));
    CHECK_FALSE(accepts(with_public_key(), signed_by(Rsa{}.signer(), claims())));
    std::string changed = signed_by(secret_signer(), claims());
    const std::size_t payload = changed.find('.') + 5;
    changed[payload] = changed[payload] == 'A' ? 'B' : 'A';
    CHECK_FALSE(accepts(with_secret(), changed));
}

TEST_CASE("jwt: the algorithm is one that is allowed, and that of the key", "[intake][jwt]") {
    // Who knows the public key signs with it as if it were a secret.
    const std::string_view pem = ours().public_pem;
    const std::string head = core::to_base64url(R"({"alg":"HS256"})");
    const std::string payload =
        core::to_base64url(record::write_json(boost::json::value(claims())));
    const std::string text = head + "." + payload;
    const std::string confused =
        text + "." + core::to_base64url(core::hmac(core::HmacDigest::kSha256, pem, text));
    CHECK_FALSE(accepts(with_public_key(), confused));
    for (const char* name : {"none", "None", "NONE", ""}) {
        const std::string unsigned_head =
            core::to_base64url("{\"alg\":\"" + std::string{name} + "\"}");
        CHECK_FALSE(accepts(with_public_key(), unsigned_head + "." + payload + "."));
        CHECK_FALSE(accepts(with_secret(), unsigned_head + "." + payload + "."));
    }
    const auto es256 = auth::parse_jwk(kRfc7515A3Key);
    REQUIRE(es256.has_value());
    JwtOptions set = with_public_key();
    set.keys.clear();
    set.key_set = R"({"keys":[{"kty":"EC","crv":"P-256",)"
                  R"("x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
                  R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})";
    CHECK(accepts(set, signed_by(*es256, claims())));
    set.algorithms = {JwsAlgorithm::kRs256};
    CHECK_FALSE(accepts(set, signed_by(*es256, claims())));
}

TEST_CASE("jwt: an extension that is not understood is refused", "[intake][jwt]") {
    const object critical{{"crit", {"exp"}}};
    CHECK_FALSE(accepts(with_secret(), signed_by(secret_signer(), claims(), critical)));
    CHECK(accepts(with_secret(), signed_by(secret_signer(), claims(), {{"x", 1}})));
}

TEST_CASE("jwt: a token has its time", "[intake][jwt][F2]") {
    const auto at = [](const char* claim, std::int64_t seconds_from_now) {
        return signed_by(secret_signer(),
                         claims([&](object& all) { all[claim] = kIssued_s + seconds_from_now; }));
    };
    CHECK(accepts(with_secret(), at("exp", -59)));
    CHECK_FALSE(accepts(with_secret(), at("exp", -60)));
    CHECK(accepts(with_secret(), at("nbf", 60)));
    CHECK_FALSE(accepts(with_secret(), at("nbf", 61)));
    CHECK(accepts(with_secret(), at("iat", 60)));
    CHECK_FALSE(accepts(with_secret(), at("iat", 61)));
    CHECK_FALSE(accepts(with_secret(),
                        signed_by(secret_signer(), claims([](object& all) { all.erase("exp"); }))));
}

TEST_CASE("jwt: issuer and audience are those of the rule, exactly", "[intake][jwt]") {
    const auto with = [](const char* claim, boost::json::value value) {
        return signed_by(secret_signer(),
                         claims([&](object& all) { all[claim] = std::move(value); }));
    };
    CHECK(accepts(with_secret(), with("aud", {"other", "hub"})));
    for (const boost::json::value& wrong :
         {boost::json::value{"hub2"}, boost::json::value{"Hub"}, boost::json::value{{"a", "b"}},
          boost::json::value{1}, boost::json::value{nullptr}}) {
        CHECK_FALSE(accepts(with_secret(), with("aud", wrong)));
        CHECK_FALSE(accepts(with_secret(), with("iss", wrong)));
    }
    CHECK_FALSE(accepts(with_secret(), with("iss", "https://issuer.example/")));
    JwtOptions any = with_secret();
    any.issuer.clear();
    any.audience.clear();
    CHECK(accepts(any, signed_by(secret_signer(), {{"exp", kIssued_s + 1}})));
    CHECK_FALSE(accepts(any, with("aud", "someone else")));
}

TEST_CASE("jwt: one header has one token behind the prefix", "[intake][jwt]") {
    auto verifier = Verifier::make(with_secret());
    REQUIRE(verifier.has_value());
    const std::string token = signed_by(secret_signer(), claims());
    CHECK(verify(*verifier, {"Bearer " + token}).has_value());
    const std::vector<std::vector<std::string>> wrong{
        {},
        {"Bearer " + token, "Bearer " + token},
        {token},
        {"Basic " + token},
        {"Bearer "},
        {"Bearer " + token + "."},
        {"Bearer " + token + " "},
        {"Bearer ."},
        {"Bearer .."},
        {"Bearer " + std::string(100'000, 'a')},
    };
    for (const auto& headers : wrong) {
        const auto verified = verify(*verifier, headers);
        REQUIRE(verified.has_error());
        CHECK(verified.error().is(kNotAuthentic));
        CHECK(std::string{verified.error().what()}.find(kSecret) == std::string::npos);
    }
    CHECK(verifier->authenticating_headers() == std::vector<std::string>{"authorization"});
}

TEST_CASE("jwt: keys follow one another, and each counts its uses", "[intake][jwt][F6]") {
    JwtOptions options = with_secret();
    options.keys = {{core::Secret{"the new one"}, std::nullopt, "new"},
                    {core::Secret{"the old one"}, (kIssued_s + 10) * kSecond_ns, "old"}};
    auto verifier = Verifier::make(options);
    REQUIRE(verifier.has_value());
    const std::string of_old = "Bearer " + signed_by(secret_signer("the old one"), claims());
    const std::string of_new = "Bearer " + signed_by(secret_signer("the new one"), claims());
    CHECK(verify(*verifier, {of_old}, kIssued_s + 9).has_value());
    CHECK_FALSE(verify(*verifier, {of_old}, kIssued_s + 10).has_value());
    CHECK(verify(*verifier, {of_new}, kIssued_s + 10).has_value());
    const std::string expired =
        "Bearer " + signed_by(secret_signer("the new one"),
                              claims([](object& all) { all["exp"] = kIssued_s - 1000; }));
    CHECK_FALSE(verify(*verifier, {expired}).has_value());
    CHECK(verifier->key_uses()[0]->count.value() == 1);
    CHECK(verifier->key_uses()[1]->count.value() == 1);
}

TEST_CASE("jwt: while an issuer's keys are not there, nobody is refused for good",
          "[intake][jwt]") {
    const auto remote = std::make_shared<Remote>();
    JwtOptions options = with_public_key();
    options.keys.clear();
    options.remote_keys = remote;
    auto verifier = Verifier::make(options);
    REQUIRE(verifier.has_value());
    const auto code = [&](const auth::JwsKey& key) {
        const auto verified = verify(*verifier, {"Bearer " + signed_by(key, claims())});
        return verified.has_value() ? std::string{} : std::string{verified.error().code()};
    };
    CHECK(code(ours().signer("1")) == kKeysMissing.name);
    // Nonsense is nonsense, whatever the keys will be.
    CHECK(verify(*verifier, {"Bearer x.y.z"}).error().is(kNotAuthentic));

    remote->keys = public_set("1");
    CHECK(code(ours().signer("1")) == "");
    CHECK(code(Rsa{}.signer("1")) == kNotAuthentic.name);
    CHECK(remote->asked == 0);
    // A name that is not known may be a new key.
    remote->is_fetched = true;
    CHECK(code(Rsa{}.signer("2")) == kKeysMissing.name);
    remote->is_fetched = false;
    CHECK(code(Rsa{}.signer("2")) == kNotAuthentic.name);
    CHECK(remote->asked == 2);
    CHECK(code(Rsa{}.signer()) == kNotAuthentic.name);
    CHECK(remote->asked == 2);
    REQUIRE(verifier->key_uses().size() == 1);
    CHECK(verifier->key_uses()[0]->name == "jwks");
    CHECK(verifier->key_uses()[0]->count.value() == 1);
}

TEST_CASE("jwt: a rule that would prove too little is refused", "[intake][jwt][F1]") {
    const auto changed = [](JwtOptions options, const std::function<void(JwtOptions&)>& change) {
        change(options);
        return is_invalid(options);
    };
    CHECK_FALSE(is_invalid(with_secret()));
    CHECK_FALSE(is_invalid(with_public_key()));
    CHECK(changed(with_secret(), [](auto& o) { o.algorithms.clear(); }));
    CHECK(changed(with_secret(), [](auto& o) { o.algorithms.push_back(JwsAlgorithm::kRs256); }));
    CHECK(
        changed(with_public_key(), [](auto& o) { o.algorithms.push_back(JwsAlgorithm::kHs256); }));
    CHECK(changed(with_public_key(), [](auto& o) { o.algorithms = {JwsAlgorithm::kEs256}; }));
    CHECK(changed(with_public_key(), [](auto& o) { o.issuer.clear(); }));
    CHECK(changed(with_public_key(), [](auto& o) { o.audience.clear(); }));
    CHECK(changed(with_public_key(), [](auto& o) { o.header.clear(); }));
    CHECK(changed(with_public_key(), [](auto& o) { o.keys.clear(); }));
    CHECK(changed(with_public_key(), [](auto& o) { o.key_set = "{}"; }));
    CHECK(changed(with_public_key(), [](auto& o) { o.remote_keys = std::make_shared<Remote>(); }));
    CHECK(changed(with_public_key(),
                  [](auto& o) { o.keys.front().value = core::Secret{ours().private_pem}; }));
    CHECK(changed(with_secret(), [](auto& o) { o.keys.front().value = {}; }));
    CHECK(changed(with_secret(),
                  [](auto& o) { o.keys.front().value = core::Secret{ours().public_pem}; }));
    CHECK(changed(with_secret(), [](auto& o) {
        o.keys.clear();
        o.remote_keys = std::make_shared<Remote>();
    }));
}

TEST_CASE("jwt: the intake answers 503 with Retry-After until the keys are there",
          "[intake][jwt]") {
    const auto remote = std::make_shared<Remote>();
    World world{1 << 30, "", [&](Route& route) {
                    JwtOptions options = with_public_key();
                    options.keys.clear();
                    options.remote_keys = remote;
                    route.verifiers->clear();
                    route.verifiers->push_back(std::move(*Verifier::make(options)));
                }};
    // By the machine's clock.
    const std::int64_t now_s = core::system_clock().wall_ns() / kSecond_ns;
    const std::string token =
        "Bearer " +
        signed_by(ours().signer("1"), claims([&](object& all) { all["exp"] = now_s + 600; }));
    const auto send = [&] { return world.send(World::request("{}", {{"authorization", token}})); };
    const http_server::Response busy = send();
    CHECK(busy.status == 503);
    CHECK(code_of(busy) == kKeysMissing.name);
    CHECK_FALSE(header_of(busy, "Retry-After").empty());
    remote->keys = public_set("1");
    CHECK(send().status == 207);
    const auto events = world.events(1);
    REQUIRE(events.size() == 1);
    CHECK(events.front().received->headers.empty());  // the token is not stored
}
