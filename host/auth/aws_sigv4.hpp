// AWS Signature Version 4: in the Authorization header, or in the query of a presigned URL.
//
// Every header of the request is signed but those that a proxy or the client may change on the way.
// S3 takes the path as it is, every other service wants it normalised and encoded once more. [any]
#pragma once

#include <chrono>

#include "auth/request.hpp"
#include "core/clock.hpp"

namespace syncline::auth {

enum class AwsPayload {
    kHashed,
    kUnsigned,  // UNSIGNED-PAYLOAD, which S3 takes over TLS
};

struct AwsSigV4 {
    std::string access_key_id;
    core::Secret secret_access_key;
    core::Secret session_token;  // empty without one
    std::string region;
    std::string service;  // "s3" has rules of its own
    AwsPayload payload = AwsPayload::kHashed;
    bool normalizes_path = true;      // of services other than S3
    bool sends_payload_hash = false;  // `x-amz-content-sha256`; S3 always gets it
};

// The longest life of a presigned URL.
inline constexpr std::chrono::seconds kAwsPresignedMax{604'800};

// Adds Authorization, x-amz-date and, where they apply, x-amz-security-token and
// x-amz-content-sha256. Errors: kCredentialInvalid, kRequestUnsignable.
Result<Additions> sign_aws_header(const AwsSigV4& credential, const Request& request,
                                  core::WallTime now);

// Adds X-Amz-... to the query. The payload of S3 is never signed in this form. Errors: as above,
// and kCredentialInvalid for a life that is not of 1 s to kAwsPresignedMax.
Result<Additions> sign_aws_query(const AwsSigV4& credential, const Request& request,
                                 core::WallTime now, std::chrono::seconds life);

}  // namespace syncline::auth
