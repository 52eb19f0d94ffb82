// One way to prove who sent a request; what Verifier is made of.
// Concurrency: as Verifier's.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "intake/verify.hpp"

namespace syncline::intake {

struct Nonces;

class Scheme {
  public:
    virtual ~Scheme() = default;
    virtual Result<void> verify(const Message& message) = 0;
    // Of a message that was verified.
    virtual Result<void> take_nonce(const Message&) { return {}; }
    virtual bool reads_body() const { return false; }
    virtual Nonces* nonces() { return nullptr; }
    virtual std::vector<std::string> headers() const { return {}; }
    virtual std::vector<std::string> parameters() const { return {}; }
    virtual std::span<const std::unique_ptr<KeyUses>> key_uses() const { return {}; }
};

// Errors: kVerifierInvalid.
Result<std::unique_ptr<Scheme>> make_signature(const SignatureOptions& options);
Result<std::unique_ptr<Scheme>> make_basic(const BasicOptions& options);
Result<std::unique_ptr<Scheme>> make_api_key(const ApiKeyOptions& options);
Result<std::unique_ptr<Scheme>> make_addresses(const AddressOptions& options);
Result<std::unique_ptr<Scheme>> make_http_signature(const HttpSignatureOptions& options);
Result<std::unique_ptr<Scheme>> make_jwt(const JwtOptions& options);
Result<std::unique_ptr<Scheme>> make_client_certificate(const CertificateOptions& options);

}  // namespace syncline::intake
