// What every signature of Azure Storage is: HMAC-SHA256 with the account's decoded key, in base64.
#pragma once

#include "auth/azure.hpp"

namespace syncline::auth {

// Errors: kCredentialInvalid when the account is empty or the key is not base64. [any]
Result<std::string> azure_signature(const AzureSharedKey& credential, std::string_view text);

}  // namespace syncline::auth
