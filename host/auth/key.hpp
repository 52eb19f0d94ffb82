// A key that signs or verifies: an HMAC secret, RSA, P-256 or Ed25519.
//
// Purpose: a key belongs to one family and serves the algorithms of that family only; bytes of a
// public key can't become an HMAC secret. Lifecycle: immutable and shared; private parts are
// cleansed with the last copy. Limits: RSA of 2048 to 8192 bits. [any]
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/secret.hpp"

namespace syncline::auth {

enum class KeyFamily { kHmac, kRsa, kP256, kEd25519 };

// HMAC-SHA256; RSASSA-PKCS1-v1_5 with SHA-256 (and SHA-1, which OAuth 1.0a demands); ECDSA of P-256
// with SHA-256, as R and S of 32 bytes each; Ed25519.
enum class SignatureAlgorithm { kHs256, kRs256, kRsaSha1, kEs256, kEdDsa };

// Big-endian numbers as they stand in a JWK. A public key has neither d nor the primes.
struct RsaNumbers {
    std::string n, e;
    core::Secret d, p, q, dp, dq, qi;
};

class Key {
  public:
    // Errors of all of these: kKeyInvalid.
    // An empty secret, and one that is the text of a public key or a certificate, are refused.
    static Result<Key> from_secret(core::Secret secret);
    // One public or private key, not encrypted (`-----BEGIN PUBLIC KEY-----`, `... PRIVATE KEY`,
    // `... CERTIFICATE` is not one).
    static Result<Key> from_pem(std::string_view pem);
    static Result<Key> from_rsa(const RsaNumbers& numbers);
    // Coordinates of 32 bytes; `d` is empty in a public key.
    static Result<Key> from_p256(std::string_view x, std::string_view y, const core::Secret& d);
    // 32 bytes; `d` is empty in a public key.
    static Result<Key> from_ed25519(std::string_view x, const core::Secret& d);

    KeyFamily family() const;
    // HMAC secrets and private keys can.
    bool can_sign() const;

    // kKeyInvalid when the algorithm is of another family, or the key is public.
    Result<std::string> sign(SignatureAlgorithm algorithm, std::string_view data) const;
    // False as well when the algorithm is of another family.
    bool verify(SignatureAlgorithm algorithm, std::string_view data,
                std::string_view signature) const;

  private:
    struct State;
    explicit Key(std::shared_ptr<const State> state) : state_(std::move(state)) {}
    std::shared_ptr<const State> state_;
};

}  // namespace syncline::auth
