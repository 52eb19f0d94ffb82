#include "intake/verify.hpp"

#include <utility>

#include "intake/replay_cache.hpp"
#include "intake/scheme.hpp"

namespace syncline::intake {
namespace {

struct Maker {
    Result<std::unique_ptr<Scheme>> operator()(const SignatureOptions& options) const {
        return make_signature(options);
    }
    Result<std::unique_ptr<Scheme>> operator()(const BasicOptions& options) const {
        return make_basic(options);
    }
    Result<std::unique_ptr<Scheme>> operator()(const ApiKeyOptions& options) const {
        return make_api_key(options);
    }
    Result<std::unique_ptr<Scheme>> operator()(const AddressOptions& options) const {
        return make_addresses(options);
    }
    Result<std::unique_ptr<Scheme>> operator()(const HttpSignatureOptions& options) const {
        return make_http_signature(options);
    }
    Result<std::unique_ptr<Scheme>> operator()(const JwtOptions& options) const {
        return make_jwt(options);
    }
    Result<std::unique_ptr<Scheme>> operator()(const CertificateOptions& options) const {
        return make_client_certificate(options);
    }
};

}  // namespace

Verifier::Verifier(std::unique_ptr<Scheme> scheme) : scheme_(std::move(scheme)) {}
Verifier::Verifier(Verifier&& other) noexcept = default;
Verifier& Verifier::operator=(Verifier&& other) noexcept = default;
Verifier::~Verifier() = default;

Result<Verifier> Verifier::make(const VerifierOptions& options) {
    SYNCLINE_TRY(std::unique_ptr<Scheme> scheme, std::visit(Maker{}, options));
    return Verifier(std::move(scheme));
}

Result<void> Verifier::verify(const Message& message) {
    return scheme_->verify(message);
}

Result<void> Verifier::take_nonce(const Message& message) {
    return scheme_->take_nonce(message);
}

bool Verifier::reads_body() const {
    return scheme_->reads_body();
}

bool Verifier::go_on_from(const Verifier& before) {
    Nonces* const own = scheme_->nonces();
    const Nonces* const used = before.scheme_->nonces();
    if (own == nullptr || used == nullptr || own->header.empty() || own->header != used->header)
        return false;
    own->seen = used->seen;
    return true;
}

std::vector<std::string> Verifier::authenticating_parameters() const {
    return scheme_->parameters();
}

std::vector<std::string> Verifier::authenticating_headers() const {
    return scheme_->headers();
}

std::span<const std::unique_ptr<KeyUses>> Verifier::key_uses() const {
    return scheme_->key_uses();
}

}  // namespace syncline::intake
