// Requests that are signed with HMAC over a text which a template describes.
//
// A template is text with placeholders: {method}, {host}, {path}, {query}, {target} (path and
// query), {url}, {body}, {body_sha256}, {timestamp} (Unix seconds), {timestamp_ms}, {iso_date},
// {http_date}, {nonce}, {key_id}, {header:NAME}, and {signature} in the headers that are added.
// `{{` is a brace.
#pragma once

#include "auth/request.hpp"
#include "core/clock.hpp"
#include "core/encoding.hpp"
#include "core/hash.hpp"

namespace syncline::auth {

// mParticle's: signed "{method}\n{iso_date}\n{path}{body}"; headers x-mp-key: {key_id},
// Date: {iso_date}, x-mp-signature: {signature}.
struct RequestHmacOptions {
    core::HmacDigest digest = core::HmacDigest::kSha256;
    core::TextEncoding encoding = core::TextEncoding::kHex;
    core::Secret key;
    std::string key_id;
    std::string signed_text;      // template
    std::vector<Header> headers;  // their values are templates; at least one has {signature}
};

// Immutable; the templates are read once. [any]
class RequestHmac {
  public:
    // Errors: kCredentialInvalid, kTemplateInvalid.
    static Result<RequestHmac> make(RequestHmacOptions options);

    // `nonce` is new with each attempt. Errors: kRequestUnsignable.
    Result<Additions> sign(const Request& request, core::WallTime now,
                           std::string_view nonce) const;

    enum class Kind {
        kText,
        kMethod,
        kHost,
        kPath,
        kQuery,
        kTarget,
        kUrl,
        kBody,
        kBodySha256,
        kTimestamp,
        kTimestampMs,
        kIsoDate,
        kHttpDate,
        kNonce,
        kKeyId,
        kHeader,
        kSignature
    };
    struct Part {
        Kind kind;
        std::string text;  // of kText, and the name of kHeader
    };
    using Template = std::vector<Part>;

  private:
    RequestHmac() = default;

    RequestHmacOptions options_;
    Template signed_text_;
    std::vector<Template> header_values_;
};

}  // namespace syncline::auth
