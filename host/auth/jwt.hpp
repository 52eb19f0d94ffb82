// Claims of tokens (RFC 7519), and the assertions by which the hub shows who it is (RFC 7523).
#pragma once

#include <chrono>

#include "auth/jws.hpp"
#include "core/clock.hpp"
#include "core/secret.hpp"

namespace syncline::auth {

struct ClaimRules {
    std::string issuer;                  // empty: any
    std::vector<std::string> audiences;  // who we are; one must be named, unless this is empty
    std::chrono::seconds leeway{60};     // how far the issuer's clock may be off
    bool requires_expiry = true;
};

// The claims of a verified message that are valid at `now`. A token that names audiences, none of
// which is ours, is refused even when there are no rules about them. Errors: kTokenMalformed,
// kTokenNotAccepted. [any]
Result<boost::json::object> check_claims(std::string_view payload, const ClaimRules& rules,
                                         core::WallTime now);

struct AssertionOptions {
    std::string issuer, subject;
    std::string audience;             // usually the URL of the token endpoint
    std::chrono::seconds life{300};   // 1 s to 1 h
    boost::json::object more_claims;  // such as `scope`; may not replace those that are set here
};

// A signed token with iss, sub, aud, iat, exp and, from `id`, jti: for grant and client
// authentication alike. `id` is new with each one. Errors: kKeyInvalid, kCredentialInvalid. [any]
Result<core::Secret> make_assertion(const AssertionOptions& options, const JwsKey& key,
                                    core::WallTime now, std::string_view id);

}  // namespace syncline::auth
