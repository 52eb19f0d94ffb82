// Who sent a webhook: a keyed digest of its raw bytes, or a user name and a password.
//
// Purpose: decides before anything is parsed or stored. Pure: what it needs are the fields of the
// head and the body. Concurrency: a Verifier is used by one thread at a time, because it reuses its
// contexts. [io] Lifetime: keys are copied into the verifier and cleansed with it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/secret.hpp"

namespace syncline::intake {

enum class DigestAlgorithm { kHmacSha1, kHmacSha256 };
enum class DigestEncoding {
    kHex,
    kBase64
};  // hex in either case; base64 of RFC 4648 section 4, padded

// `X-Hub-Signature-256: sha256=<hex>` is {kHmacSha256, kHex, "X-Hub-Signature-256", "sha256=",
// key}.
struct SignatureOptions {
    DigestAlgorithm algorithm = DigestAlgorithm::kHmacSha256;
    DigestEncoding encoding = DigestEncoding::kHex;
    std::string header;
    std::string prefix;  // before the digest, compared exactly; may be empty
    core::Secret key;
};

// RFC 7617, in the Authorization header.
struct BasicOptions {
    std::string username;
    core::Secret password;
};

// What is set must hold, all of it; at least one must be set.
struct VerifierOptions {
    std::optional<SignatureOptions> signature;
    std::optional<BasicOptions> basic;
};

// The fields of a request's head by name, without case.
class HeaderLookup {
  public:
    virtual ~HeaderLookup() = default;
    // The value if there is exactly one field of that name: a second one must not be able to hide
    // the first.
    virtual std::optional<std::string_view> only_value(std::string_view name) const = 0;
};

class Verifier {
  public:
    // Errors: kVerifierInvalid when nothing is to be verified, or with an empty key, header, user
    // name or password.
    static Result<Verifier> make(VerifierOptions options);

    Verifier(Verifier&& other) noexcept;
    Verifier& operator=(Verifier&& other) noexcept;
    ~Verifier();

    // Succeeds or tells which proof failed (kNotAuthentic), never what was expected. The comparison
    // takes the same time wherever the values differ.
    Result<void> verify(const HeaderLookup& headers, std::string_view body);

    // The headers that carry proof, as they were configured: to be removed before a request is
    // stored.
    std::vector<std::string> authenticating_headers() const;

  private:
    struct State;
    explicit Verifier(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace syncline::intake
