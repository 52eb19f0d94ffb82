// Verification by a platform's own scheme (manifest: "verifies": true).
//
//     Status verify(const WebhookRequest& request, const Secret& secret) override {
//         const std::string signed_text = std::string{request.header("X-Time")} + request.body();
//         if (secret.proves(request.header("X-Sig"), SYNCLINE_SHA256, signed_text)) return {};
//         return Failure{SYNCLINE_E_AUTH_DENIED, "the signature is wrong"};
//     }
#ifndef SYNCLINE_VERIFY_HPP
#define SYNCLINE_VERIFY_HPP

#include <cstddef>
#include <string>
#include <string_view>

#include "syncline/failure.hpp"
#include "syncline/hmac.h"
#include "syncline/runtime.hpp"
#include "syncline/webhook.hpp"

namespace syncline {

// A secret that can be used and not be seen. Valid during the call that it was given to.
class Secret {
  public:
    Secret(const detail::Runtime& runtime, syncline_secret_handle handle)
        : runtime_(runtime), handle_(handle) {}

    // Did the configuration name one?
    bool is_given() const { return handle_ != 0; }

    // The HMAC of the bytes, raw. Throws a Failure when there is no secret.
    std::string hmac(syncline_digest algorithm, std::string_view bytes) const {
        return runtime_.hmac(handle_, algorithm, bytes);
    }

    // Is the claim, hexadecimal in either case, the HMAC of the bytes? Takes the same time wherever
    // they differ.
    bool proves(std::string_view claimed_hex, syncline_digest algorithm,
                std::string_view bytes) const {
        const std::string expected = hmac(algorithm, bytes);
        if (claimed_hex.size() != expected.size() * 2) return false;
        unsigned difference = 0;
        for (std::size_t i = 0; i < expected.size(); ++i) {
            const unsigned high = digit(claimed_hex[2 * i]);
            const unsigned low = digit(claimed_hex[2 * i + 1]);
            difference |= (high << 4 | low) ^ static_cast<unsigned char>(expected[i]);
        }
        return difference == 0;
    }

  private:
    // 256 and more for what is no digit.
    static unsigned digit(char c) {
        if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
        if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
        if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
        return 256;
    }

    const detail::Runtime& runtime_;
    syncline_secret_handle handle_;
};

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
