// Keys as JSON (RFC 7517): what a platform publishes to verify its tokens with, or gives to sign.
#pragma once

#include <string_view>
#include <vector>

#include "auth/jws.hpp"

namespace syncline::auth {

inline constexpr std::size_t kJwksBytesMax = 256 * 1024;
inline constexpr std::size_t kJwksKeysMax = 100;

// One key: RSA, EC of P-256, OKP of Ed25519, or oct. It is allowed the one algorithm of its kind;
// `alg` must agree with it, and `use` and `key_ops` must not keep it from signatures. Errors:
// kKeyInvalid. [any]
Result<JwsKey> parse_jwk(std::string_view text);

// `{"keys":[...]}` of public keys. Keys of kinds and uses that are not used here, and secret ones
// (who publishes a secret has none), are left out; a set of which no key is left is an error, as
// is one that is not JSON or over the limits. Errors: kKeyInvalid. [any]
Result<std::vector<JwsKey>> parse_jwks(std::string_view text);

}  // namespace syncline::auth
