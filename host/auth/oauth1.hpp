// OAuth 1.0a (RFC 5849): a signature of method, URL, query and form in the Authorization header.
#pragma once

#include <optional>

#include "auth/key.hpp"
#include "auth/request.hpp"
#include "auth/url.hpp"
#include "core/clock.hpp"

namespace syncline::auth {

enum class OAuth1Method { kHmacSha1, kHmacSha256, kRsaSha1, kPlaintext };

struct OAuth1 {
    OAuth1Method method = OAuth1Method::kHmacSha1;
    std::string consumer_key;
    core::Secret consumer_secret;
    std::string token;  // empty in two-legged use
    core::Secret token_secret;
    std::optional<Key> rsa_key;    // of kRsaSha1 alone
    std::string realm;             // not signed; left out when empty
    bool sends_version = true;     // `oauth_version="1.0"`, which is optional
    std::vector<Parameter> extra;  // more that is signed and sent: oauth_callback, oauth_verifier
};

// A form takes part in the signature when it is the whole body (application/x-www-form-urlencoded);
// other bodies don't. kPlaintext goes over https only. `nonce` is new with each attempt. Errors:
// kCredentialInvalid, kRequestUnsignable, kKeyInvalid. [any]
Result<Additions> sign_oauth1(const OAuth1& credential, const Request& request, core::WallTime now,
                              std::string_view nonce);

}  // namespace syncline::auth
