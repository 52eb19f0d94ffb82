// Who sent a webhook: how a request proves it, on its raw bytes.
//
// Purpose: decides before anything is parsed or stored. Pure: what it needs are the fields of the
// head, the body, and what time it is. Concurrency: [io], unless tagged otherwise. Lifetime: keys
// are copied into the verifier and cleansed with it. Limits: kKeysMax keys, kSignaturesMax
// signatures of a request, kRangesMax ranges of addresses, kNoncesMax nonces in memory.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "auth/jws.hpp"
#include "core/clock.hpp"
#include "core/encoding.hpp"
#include "core/error.hpp"
#include "core/hash.hpp"
#include "core/metrics.hpp"
#include "core/secret.hpp"

namespace syncline::http_server {
struct ClientCertificate;
}

namespace syncline::intake {

class TokenKeys;

inline constexpr std::size_t kKeysMax = 8;
inline constexpr std::size_t kSignaturesMax = 16;
inline constexpr std::size_t kRangesMax = 256;
inline constexpr std::size_t kNoncesMax = 100'000;

// One of the keys that are valid at the same time.
struct VerifyKey {
    core::Secret value;
    std::optional<core::WallTime> until;  // valid before that moment; none: for good
    std::string name;                     // that its uses count under; "": its place, from 1
};

// What a signature is good for only for a while: the moment when it was made, itself signed. In
// seconds or milliseconds since 1970, ISO 8601, or as HTTP writes dates.
struct TimestampOptions {
    std::string header;     // that carries it; or
    std::string parameter;  // the item NAME=... of the signature's header, see `separator`
    std::chrono::seconds tolerance{300};  // to both sides
};

// `X-Hub-Signature-256: sha256=<hex>` is {kSha256, kHex, "X-Hub-Signature-256", "sha256="}.
struct SignatureOptions {
    core::HmacDigest algorithm = core::HmacDigest::kSha256;
    // Hex in either case, base64 padded, base64url padded or not.
    core::TextEncoding encoding = core::TextEncoding::kHex;
    std::string header;
    std::string prefix;     // before the digest, compared exactly; may be empty
    std::string separator;  // one character between the items of the header; "": it has one item
    std::string signs = "{body}";  // see signed_text.hpp
    std::optional<TimestampOptions> timestamp;
    // Its value serves once while the signature is good. It must be signed, and so must a
    // timestamp. "": there is none.
    std::string nonce_header;
    std::size_t nonces_max = kNoncesMax;
    // Keys are written as Standard Webhooks does: `whsec_` and base64, whose signatures are `v1,`;
    // or `whpk_` and an Ed25519 key in base64, whose signatures are `v1a,`. `prefix` is not used.
    bool has_standard_keys = false;
    std::vector<VerifyKey> keys;
};

// RFC 7617, in the Authorization header.
struct BasicOptions {
    std::string username;
    std::vector<VerifyKey> passwords;
};

// A key that is sent as it is.
struct ApiKeyOptions {
    std::string header;     // that carries it; or
    std::string parameter;  // of the query
    std::string prefix;     // before it in the header, compared exactly; may be empty
    std::vector<VerifyKey> keys;
};

// Where the connection comes from: that is a proxy's address behind a proxy.
struct AddressOptions {
    std::vector<std::string> allow;  // addresses and ranges (CIDR) of IPv4 and IPv6
};

// draft-cavage-http-signatures with rsa-sha256. Request target, Host, Date and Digest must be
// signed, and the digest be that of the body.
struct HttpSignatureOptions {
    // Headers in lower case that must be signed and have these values.
    std::vector<std::pair<std::string, std::string>> expected;
    std::string nonce_header;             // must be signed, and serves once; "": there is none
    std::chrono::seconds tolerance{300};  // of Date, to both sides
    std::vector<VerifyKey> keys;          // public RSA keys in PEM form
};

// A signed token (RFC 7519) in a header: who sends, for a while; nothing of what is sent. It has to
// expire. `none` and extensions (`crit`) do not exist here.
struct JwtOptions {
    std::string header;
    std::string prefix;                          // before the token, compared exactly; may be empty
    std::vector<auth::JwsAlgorithm> algorithms;  // HS256 alone, or others
    std::string issuer, audience;                // "" with HS256 alone: any
    std::chrono::seconds tolerance{60};          // that the issuer's clock may be off

    // One of these: secrets with HS256, or public keys in PEM form; a JWKS; a set that changes.
    std::vector<VerifyKey> keys;
    std::string key_set;
    std::shared_ptr<TokenKeys> remote_keys;
};

// What the client's TLS has shown, and the hub's authority has signed. One that fits is enough.
struct CertificateOptions {
    std::vector<std::string> subjects;      // as RFC 2253 writes them
    std::vector<std::string> names;         // subject alternative names: `DNS:a.example`
    std::vector<std::string> fingerprints;  // SHA-256 in lower-case hex
};

using VerifierOptions = std::variant<SignatureOptions, BasicOptions, ApiKeyOptions, AddressOptions,
                                     HttpSignatureOptions, JwtOptions, CertificateOptions>;

// The fields of a request's head by name, without case.
class HeaderLookup {
  public:
    virtual ~HeaderLookup() = default;
    // The value if there is exactly one field of that name: a second one must not be able to hide
    // the first.
    virtual std::optional<std::string_view> only_value(std::string_view name) const = 0;
};

// What is looked at. Borrowed for the call.
struct Message {
    const HeaderLookup& headers;
    std::string_view body;
    std::string_view method;
    std::string_view target;  // as sent: path and query
    core::WallTime now_ns = 0;
    std::string_view peer = {};  // the client's address
    const http_server::ClientCertificate* certificate = nullptr;
};

// How often a key was the one that fitted.
struct KeyUses {
    std::string name;
    core::Counter count;
};

class Scheme;

class Verifier {
  public:
    // Errors: kVerifierInvalid when it would prove nothing (an empty key, body or timestamp left
    // out of what is signed), or can't work.
    static Result<Verifier> make(const VerifierOptions& options);

    Verifier(Verifier&& other) noexcept;
    Verifier& operator=(Verifier&& other) noexcept;
    ~Verifier();

    // Succeeds or tells which proof failed, never what was expected. The comparison takes the same
    // time wherever the values differ, and all valid keys are tried, whichever fits.
    // Errors: kNotAuthentic, kStale, kAddressRefused, kCertificateRefused, kKeysMissing.
    // [any] if it reads the body.
    Result<void> verify(const Message& message);

    // Of a message that was verified, when all else has held: its nonce, if there is one, serves no
    // second time. Errors: kReplayed, kTooManyNonces, kStale.
    Result<void> take_nonce(const Message& message);

    // Whether it takes the longer the larger a body is. [any]
    bool reads_body() const;

    // Goes on with the nonces that were used up there; false when the two have no header in common.
    bool go_on_from(const Verifier& before);

    // What carries proof, as it was configured: to be removed before a request is stored.
    std::vector<std::string> authenticating_headers() const;
    std::vector<std::string> authenticating_parameters() const;  // of the query

    // Unchanged while the verifier lives; the counts are [any].
    std::span<const std::unique_ptr<KeyUses>> key_uses() const;

  private:
    explicit Verifier(std::unique_ptr<Scheme> scheme);
    std::unique_ptr<Scheme> scheme_;
};

}  // namespace syncline::intake
