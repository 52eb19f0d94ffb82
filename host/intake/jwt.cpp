// Signed tokens with claims (RFC 7519), in a header.
#include "auth/jwt.hpp"

#include <algorithm>
#include <utility>

#include "auth/jwk.hpp"
#include "intake/errc.hpp"
#include "intake/key_ring.hpp"
#include "intake/scheme.hpp"
#include "intake/token_keys.hpp"

namespace syncline::intake {
namespace {

constexpr const char* kSetName = "jwks";  // what the keys of a set are counted under

Error not_authentic(const Error& error) {
    return Error(kNotAuthentic, std::string{error.what()});
}

// The set of a file: it is what it is.
class KeysOfFile final : public TokenKeys {
  public:
    explicit KeysOfFile(Set set) : set_(std::make_shared<const Set>(std::move(set))) {}
    std::shared_ptr<const Set> current() const override { return set_; }
    bool ask_again() override { return false; }

  private:
    const std::shared_ptr<const Set> set_;
};

class Jwt final : public Scheme {
  public:
    Jwt(const JwtOptions& options, KeyRing ring, TokenKeys::Set keys,
        std::shared_ptr<TokenKeys> set)
        : header_(options.header),
          prefix_(options.prefix),
          algorithms_(options.algorithms),
          ring_(std::move(ring)),
          keys_(std::move(keys)),
          set_(std::move(set)) {
        rules_.issuer = options.issuer;
        if (!options.audience.empty()) rules_.audiences.push_back(options.audience);
        rules_.leeway = options.tolerance;
    }

    Result<void> verify(const Message& message) override {
        const auto value = message.headers.only_value(header_);
        if (!value || !value->starts_with(prefix_))
            return Error(kNotAuthentic,
                         "there is not exactly one header " + header_ + " with a token");
        const std::string_view token = value->substr(prefix_.size());
        const auto head = auth::read_jws_head(token);
        if (!head) return not_authentic(head.error());
        if (std::ranges::find(algorithms_, head->algorithm) == algorithms_.end())
            return Error(kNotAuthentic, "the token's algorithm is not one that is allowed");
        SYNCLINE_TRY(const std::shared_ptr<const TokenKeys::Set> set, current_set());
        std::string payload;
        const auto key = ring_.find(message.now_ns, [&](std::size_t i) {
            const std::span<const auth::JwsKey> keys =
                set ? std::span{*set} : std::span{&keys_[i], 1};
            auto jws = auth::verify_jws(token, keys);
            if (jws) payload = std::move(jws->payload);
            return jws.has_value();
        });
        if (!key) return no_key(*head, set.get());
        const auto claims = auth::check_claims(payload, rules_, message.now_ns);
        if (!claims) return not_authentic(claims.error());
        ring_.count(*key);
        return {};
    }
    std::vector<std::string> headers() const override { return {header_}; }
    std::span<const std::unique_ptr<KeyUses>> key_uses() const override { return ring_.uses(); }

  private:
    // Null when the keys are the configuration's.
    Result<std::shared_ptr<const TokenKeys::Set>> current_set() const {
        std::shared_ptr<const TokenKeys::Set> set;
        if (!set_) return set;
        set = set_->current();
        if (!set) return Error(kKeysMissing, "the keys of the token's issuer are not known now");
        return set;
    }

    // An issuer may use a new key before we have read of it.
    Error no_key(const auth::JwsHead& head, const TokenKeys::Set* set) {
        const auto is_it = [&](const auth::JwsKey& key) { return key.id == head.key_id; };
        if (set != nullptr && head.key_id && std::ranges::none_of(*set, is_it) && set_->ask_again())
            return Error(kKeysMissing, "the token's key is not known yet");
        return Error(kNotAuthentic, "no key verifies the token");
    }

    const std::string header_, prefix_;
    const std::vector<auth::JwsAlgorithm> algorithms_;
    auth::ClaimRules rules_;
    KeyRing ring_;
    const TokenKeys::Set keys_;             // by place in the ring; or
    const std::shared_ptr<TokenKeys> set_;  // all of them in one place
};

Error invalid(std::string what) {
    return Error(kVerifierInvalid, std::move(what));
}

// A public key is known to everyone: as the secret of an HMAC it would prove nothing.
Result<void> check(const JwtOptions& options, bool has_secrets) {
    if (options.header.empty()) return invalid("the token's header has no name");
    if (options.algorithms.empty()) return invalid("no algorithm is allowed");
    if (has_secrets && options.algorithms.size() > 1)
        return invalid("HS256 can't be beside algorithms with public keys");
    if (!has_secrets && (options.issuer.empty() || options.audience.empty()))
        return invalid("public keys prove nothing without an issuer and an audience");
    if (options.tolerance < std::chrono::seconds{0}) return invalid("the tolerance is negative");
    const int sources = static_cast<int>(!options.keys.empty()) +
                        static_cast<int>(!options.key_set.empty()) +
                        static_cast<int>(options.remote_keys != nullptr);
    if (sources != 1) return invalid("the keys come from one place");
    if (has_secrets && options.keys.empty()) return invalid("HS256 has secrets, which no set has");
    return {};
}

Result<auth::JwsKey> make_key(const VerifyKey& written, const JwtOptions& options,
                              bool has_secrets) {
    auto key = has_secrets ? auth::Key::from_secret(written.value)
                           : auth::Key::from_pem(written.value.reveal());
    if (!key) return invalid(std::string{key.error().what()});
    if (!has_secrets && key->can_sign())
        return invalid("a key is private, and belongs to the issuer");
    const auth::JwsAlgorithm algorithm = auth::jws_algorithm_of(key->family());
    if (std::ranges::find(options.algorithms, algorithm) == options.algorithms.end())
        return invalid("a key is of an algorithm that is not allowed");
    return auth::JwsKey{{}, std::move(*key), {algorithm}};
}

}  // namespace

Result<std::unique_ptr<Scheme>> make_jwt(const JwtOptions& options) {
    const bool has_secrets = std::ranges::find(options.algorithms, auth::JwsAlgorithm::kHs256) !=
                             options.algorithms.end();
    SYNCLINE_CHECK(check(options, has_secrets));
    if (options.keys.empty()) {
        std::shared_ptr<TokenKeys> set = options.remote_keys;
        if (!set) {
            auto read = auth::parse_jwks(options.key_set);
            if (!read) return invalid(std::string{read.error().what()});
            set = std::make_shared<KeysOfFile>(std::move(*read));
        }
        return std::make_unique<Jwt>(options, KeyRing::of_one(kSetName), TokenKeys::Set{},
                                     std::move(set));
    }
    SYNCLINE_TRY(KeyRing ring, KeyRing::make(options.keys));
    TokenKeys::Set keys;
    for (const VerifyKey& written : options.keys) {
        SYNCLINE_TRY(auth::JwsKey key, make_key(written, options, has_secrets));
        keys.push_back(std::move(key));
    }
    return std::make_unique<Jwt>(options, std::move(ring), std::move(keys), nullptr);
}

}  // namespace syncline::intake
