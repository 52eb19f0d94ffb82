// Signed messages in the compact form of JWS (RFC 7515): HS256, RS256, ES256 and EdDSA.
//
// What a message says of itself decides nothing: the algorithm must be one that the key was
// allowed, keys come from the caller alone (`jwk`, `jku`, `x5c` in a head are ignored), `none` does
// not exist here, and a head with `crit` is refused because no extension is understood. [any]
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/key.hpp"
#include "core/error.hpp"

namespace syncline::auth {

enum class JwsAlgorithm { kHs256, kRs256, kEs256, kEdDsa };

// `HS256`, `RS256`, `ES256`, `EdDSA`; nothing for every other name.
std::optional<JwsAlgorithm> jws_algorithm(std::string_view name);
std::string_view jws_name(JwsAlgorithm algorithm);

// The algorithm of a key's family.
JwsAlgorithm jws_algorithm_of(KeyFamily family);

struct JwsKey {
    std::string id;  // `kid`; empty for none
    Key key;
    std::vector<JwsAlgorithm> algorithms;  // what it is allowed to verify and sign
};

struct Jws {
    boost::json::object header;
    std::string payload;
};

// What a message says of how it was signed, before anything is verified. Errors:
// kTokenMalformed, also for `crit`; kTokenNotAuthentic for an algorithm that does not exist here.
struct JwsHead {
    JwsAlgorithm algorithm;
    std::optional<std::string> key_id;
};
Result<JwsHead> read_jws_head(std::string_view compact);

// The longest text that verify_jws() looks at, and how many keys it tries at most.
inline constexpr std::size_t kJwsBytesMax = 64 * 1024;
inline constexpr std::size_t kJwsKeysTriedMax = 16;

// A message that names a key is verified with the keys of that name and those without a name,
// otherwise all are tried. Errors: kTokenMalformed, kTokenNotAuthentic.
Result<Jws> verify_jws(std::string_view compact, std::span<const JwsKey> keys);

// Adds `alg`, and `kid` if the key has a name, to the header. Errors: kKeyInvalid when the key
// can't sign, or is allowed no algorithm of its family.
Result<std::string> sign_jws(boost::json::object header, std::string_view payload,
                             const JwsKey& key);

}  // namespace syncline::auth
