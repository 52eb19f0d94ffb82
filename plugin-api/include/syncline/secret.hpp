// Secrets that a connector uses, and those that it has to read itself.
//
//     // "secrets": [{"name": "link_key", "reason": "signs the links in its mails"}]
//     const Secret key = secret("link_key");          // throws a Failure: not declared, not given
//     const std::string mac = key.hmac(SYNCLINE_SHA256, link);   // the connector never sees it
//     key.read([&](std::string_view value) { sealed = seal(value, link); });
#ifndef SYNCLINE_SECRET_HPP
#define SYNCLINE_SECRET_HPP

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "syncline/failure.hpp"
#include "syncline/hmac.h"
#include "syncline/runtime.hpp"
#include "syncline/secret.h"

namespace syncline {

// One of verify() is valid during that call and can't be read; one of Connector::secret() as long
// as the connector. Cheap to copy.
class Secret {
  public:
    Secret(const detail::Runtime& runtime, syncline_secret_handle handle)
        : runtime_(&runtime), handle_(handle) {}

    // Did the configuration name one?
    bool is_given() const { return handle_ != 0; }

    // The HMAC of the bytes, raw. Throws a Failure when there is no secret.
    std::string hmac(syncline_digest algorithm, std::string_view bytes) const {
        return runtime_->hmac(handle_, algorithm, bytes);
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

    // Shows the value to `use`; its memory is overwritten when that returns, so keep no copy.
    // Throws what `use` throws, and a Failure when the secret can't be shown.
    void read(const std::function<void(std::string_view)>& use) const {
        runtime_->show_secret(handle_, use);
    }

  private:
    // 256 and more for what is no digit.
    static unsigned digit(char c) {
        if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
        if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
        if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
        return 256;
    }

    const detail::Runtime* runtime_;
    syncline_secret_handle handle_;
};

}  // namespace syncline

#endif
