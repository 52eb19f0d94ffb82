// `scheme: oauth2` of an account: how the hub comes by access tokens, and how it shows them.
#pragma once

#include <optional>
#include <string>

#include "auth/authorization.hpp"
#include "auth/jwt.hpp"
#include "auth/token.hpp"

namespace syncline::config {

enum class OAuth2Grant { kClientCredentials, kRefreshToken, kAuthorizationCode, kJwtBearer };

struct OAuth2 {
    // What shows who the hub is, signed anew for each request.
    struct Assertion {
        auth::JwsKey key;
        auth::AssertionOptions options;
    };

    OAuth2Grant grant = OAuth2Grant::kClientCredentials;
    auth::TokenEndpoint endpoint;  // has the scope in `extra`, unless a login asks for it
    std::string header = "Authorization";
    std::string prefix = "Bearer ";
    core::Secret refresh_token;  // kRefreshToken: the first one; never empty then
    std::optional<auth::AuthorizeEndpoint> authorize;  // with kAuthorizationCode, and it alone
    std::optional<Assertion> assertion;  // with kJwtBearer or ClientProof::kAssertion, of which
                                         // there is one at most
};

// Whether the hub has to keep refresh tokens for it, which takes a vault. [any]
inline bool keeps_refresh_token(const OAuth2& oauth2) {
    return oauth2.grant == OAuth2Grant::kRefreshToken ||
           oauth2.grant == OAuth2Grant::kAuthorizationCode;
}

}  // namespace syncline::config
