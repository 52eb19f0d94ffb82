// One credential of an account, whatever its scheme.
#pragma once

#include <variant>

#include "auth/aws_sigv4.hpp"
#include "auth/azure.hpp"
#include "auth/oauth1.hpp"
#include "auth/request_hmac.hpp"
#include "auth/static_credential.hpp"

namespace syncline::auth {

struct Bearer {
    core::Secret token;
};

// A shared access signature that was made elsewhere: the query as the portal shows it.
struct AzureSasToken {
    core::Secret query;  // with or without the question mark
};

using Credential = std::variant<ApiKey, Basic, Bearer, OAuth1, AwsSigV4, AzureSharedKey,
                                AzureSasToken, RequestHmac>;

// What the credential adds to one attempt; `nonce` is new with each. Errors: those of the scheme.
// [any]
Result<Additions> authenticate(const Credential& credential, const Request& request,
                               core::WallTime now, std::string_view nonce);

// Whether the credential can serve at all, as far as that shows without a request. [any]
Result<void> check_credential(const Credential& credential);

}  // namespace syncline::auth
