// Asking a person, in a browser, to let the hub act for an account (RFC 6749 section 4.1 with
// PKCE), and reading with what the browser comes back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/url.hpp"
#include "core/error.hpp"
#include "core/secret.hpp"

namespace syncline::auth {

struct AuthorizeEndpoint {
    std::string url;
    std::string scope;                  // may be empty
    std::vector<Parameter> parameters;  // more of them, such as `access_type=offline`
    // Where the browser comes back to. `http` to this machine is listened at, and may leave out the
    // port: any free one then (RFC 8252 section 7.3). What comes to `https` a person pastes.
    std::string redirect_url = "http://127.0.0.1/callback";
    std::string issuer;  // that `iss` of the answer has to name (RFC 9207); empty: none has to
};

// Whether the endpoint can serve at all. Errors: kTokenEndpointInvalid. [any]
Result<void> check_authorize_endpoint(const AuthorizeEndpoint& endpoint);

// One attempt to log in; `state` and `challenge` are new with each.
struct AuthorizationRequest {
    std::string client_id;
    std::string redirect_url;  // with its port
    std::string state;
    std::string challenge;  // of PKCE
};

// The address to open. [any]
std::string authorization_url(const AuthorizeEndpoint& endpoint,
                              const AuthorizationRequest& request);

// The longest address or query that is looked at.
inline constexpr std::size_t kCallbackBytesMax = 16 * 1024;

// The code that came with the query of the redirect address. Errors: kCallbackInvalid for what does
// not answer this request (nothing is known of who sent it), kAuthorisationRefused with the error's
// name when the platform or the person said no. [any]
Result<core::Secret> read_callback(const AuthorizeEndpoint& endpoint,
                                   const AuthorizationRequest& request, std::string_view query);

// What somebody pasted: the whole address that the browser ended at, or its query, as
// read_callback(); or a code alone, which PKCE alone ties to the request. [any]
Result<core::Secret> read_pasted(const AuthorizeEndpoint& endpoint,
                                 const AuthorizationRequest& request, std::string_view text);

}  // namespace syncline::auth
