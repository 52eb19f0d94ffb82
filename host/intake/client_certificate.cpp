// The certificate that the client's TLS has shown.
#include <algorithm>
#include <utility>

#include "http_server/client_certificate.hpp"
#include "intake/errc.hpp"
#include "intake/scheme.hpp"

namespace syncline::intake {
namespace {

bool has(const std::vector<std::string>& list, const std::string& text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

class ClientCertificate final : public Scheme {
  public:
    explicit ClientCertificate(CertificateOptions options) : options_(std::move(options)) {}

    Result<void> verify(const Message& message) override {
        const http_server::ClientCertificate* shown = message.certificate;
        if (shown == nullptr) return Error(kNotAuthentic, "the client has shown no certificate");
        if (!shown->problem.empty())
            return Error(kNotAuthentic,
                         "the client's certificate is not trusted: " + shown->problem);
        // A connection may outlive it.
        if (message.now_ns >= shown->ends_ns)
            return Error(kNotAuthentic, "the client's certificate has expired");
        if (has(options_.subjects, shown->subject) ||
            has(options_.fingerprints, shown->fingerprint) ||
            std::any_of(shown->names.begin(), shown->names.end(),
                        [&](const std::string& name) { return has(options_.names, name); }))
            return {};
        return Error(kCertificateRefused, "the client's certificate is not one of those allowed");
    }

  private:
    const CertificateOptions options_;
};

}  // namespace

Result<std::unique_ptr<Scheme>> make_client_certificate(const CertificateOptions& options) {
    if (options.subjects.empty() && options.names.empty() && options.fingerprints.empty())
        return Error(kVerifierInvalid, "no certificate is allowed");
    return std::make_unique<ClientCertificate>(options);
}

}  // namespace syncline::intake
