// Verification by a platform's own scheme (manifest: "verifies": true).
//
//     Status verify(const WebhookRequest& request, const Secret& secret) override {
//         const std::string signed_text = std::string{request.header("X-Time")} + request.body();
//         if (secret.proves(request.header("X-Sig"), SYNCLINE_SHA256, signed_text)) return {};
//         return Failure{SYNCLINE_E_AUTH_DENIED, "the signature is wrong"};
//     }
#ifndef SYNCLINE_VERIFY_HPP
#define SYNCLINE_VERIFY_HPP

#include "syncline/failure.hpp"
#include "syncline/secret.hpp"
#include "syncline/webhook.hpp"

namespace syncline {

// Implement it next to Connector and WebhookReceiver. Pure: no HTTP, the same answer for the same
// request.
class WebhookVerifier {
  public:
    // Is the request authentic? After all that the configuration asks for has held; a failure of
    // class SYNCLINE_E_AUTH_DENIED is the answer "no".
    virtual Status verify(const WebhookRequest& request, const Secret& secret) = 0;

  protected:
    ~WebhookVerifier() = default;
};

}  // namespace syncline

#endif
