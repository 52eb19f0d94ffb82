// Azure Storage: requests that are signed with the account's key, and the shared access signatures
// (SAS) that are made with it.
#pragma once

#include <optional>

#include "auth/request.hpp"
#include "core/clock.hpp"

namespace syncline::auth {

inline constexpr std::string_view kAzureVersion = "2021-12-02";

struct AzureSharedKey {
    std::string account;
    core::Secret key;  // as the portal shows it: base64
    std::string version{kAzureVersion};
};

// Adds Authorization, x-ms-date and x-ms-version. Errors: kCredentialInvalid, kRequestUnsignable.
// [any]
Result<Additions> sign_azure_shared_key(const AzureSharedKey& credential, const Request& request,
                                        core::WallTime now);

// What both kinds of SAS have in common. Times are those of the service: UTC, whole seconds.
struct AzureSasTerms {
    std::string permissions;  // "rl", in the service's order
    std::optional<core::WallTime> start{};
    core::WallTime expiry = 0;
    std::string ip{};               // one address or a range; empty for any
    std::string protocol{"https"};  // or "https,http"
    std::string encryption_scope{};
};

// Of one blob, or of a container when `blob` is empty.
struct AzureBlobSas {
    std::string container{}, blob{}, snapshot{};
    std::string identifier{};  // of a stored access policy; empty without one
    // What the answers say instead of what the blob has.
    std::string cache_control{}, content_disposition{}, content_encoding{}, content_language{},
        content_type{};
};

struct AzureAccountSas {
    std::string services;        // "b", "bfqt"
    std::string resource_types;  // "sco"
};

// The query that grants the terms, signed by rules of version 2020-12-06 and later. Errors:
// kCredentialInvalid. [any]
Result<Additions> azure_blob_sas(const AzureSharedKey& credential, const AzureSasTerms& terms,
                                 const AzureBlobSas& resource);
Result<Additions> azure_account_sas(const AzureSharedKey& credential, const AzureSasTerms& terms,
                                    const AzureAccountSas& resource);

}  // namespace syncline::auth
