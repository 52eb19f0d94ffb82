// Asking a token endpoint (RFC 6749 and its less orderly relatives), and reading what it answers.
//
// One description covers the endpoints that keep to the standard and those that don't: text instead
// of JSON, other names, lives such as "900s", GET with the secret in a header or in the query.
#pragma once

#include <chrono>
#include <variant>

#include "auth/request.hpp"
#include "auth/url.hpp"

namespace syncline::auth {

enum class TokenParameters { kForm, kJson, kQuery };

// Where the client's secret goes.
enum class ClientProof {
    kNone,       // a public client; its name is a parameter
    kBasic,      // Authorization: Basic, encoded as RFC 6749 section 2.3.1 says
    kParameter,  // a parameter beside the others
    kHeader,     // `secret_header: secret_prefix + secret`
    kAssertion,  // a signed assertion (RFC 7523 section 2.2)
};

enum class TokenAnswer {
    kJson,
    kText,  // the body is the token
};

struct TokenEndpoint {
    std::string url;
    std::string method = "POST";
    TokenParameters parameters = TokenParameters::kForm;  // kQuery with GET
    ClientProof proof = ClientProof::kBasic;
    std::string client_id;  // may be empty except with kBasic
    core::Secret client_secret;
    std::string client_id_name = "client_id";
    std::string client_secret_name = "client_secret";
    std::string secret_header = "Authorization";
    std::string secret_prefix;
    bool sends_grant_type = true;
    std::vector<Parameter> extra;  // scope, audience and the like

    TokenAnswer answer = TokenAnswer::kJson;
    std::string token_member = "access_token";
    std::string refresh_member = "refresh_token";
    std::string life_member = "expires_in";
    std::chrono::seconds default_life{300};  // when the answer tells none that makes sense
};

struct ClientCredentialsGrant {};
struct RefreshGrant {
    core::Secret refresh_token;
};
struct CodeGrant {
    core::Secret code;
    std::string redirect_uri;
    core::Secret verifier;  // of PKCE; empty without
};
struct AssertionGrant {  // RFC 7523 section 2.1
    core::Secret assertion;
};
using Grant = std::variant<ClientCredentialsGrant, RefreshGrant, CodeGrant, AssertionGrant>;

struct TokenRequest {
    std::string method;
    core::Secret url;
    std::vector<SecretHeader> headers;
    core::Secret body;
};

// `client_assertion` with ClientProof::kAssertion alone. Errors: kTokenEndpointInvalid for a
// description that contradicts itself, kCredentialInvalid for an empty secret. [any]
Result<TokenRequest> make_token_request(const TokenEndpoint& endpoint, const Grant& grant,
                                        const core::Secret& client_assertion = {});

struct Token {
    core::Secret access_token;
    core::Secret refresh_token;  // empty: the one that was used stays valid
    std::chrono::seconds life;
    bool is_life_known = true;  // the endpoint said it
};

inline constexpr std::size_t kTokenAnswerBytesMax = 256 * 1024;

// Errors: kGrantRefused (`invalid_grant`: only a person can help), kTokenRequestRefused,
// kTokenEndpointFailed for what may pass: 5xx, 429, answers that are none. They name the error's
// code, nothing else of the answer. [any]
Result<Token> read_token_response(const TokenEndpoint& endpoint, int status, std::string_view body);

}  // namespace syncline::auth
