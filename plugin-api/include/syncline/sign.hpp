// Requests that are signed in a way of the platform's own (manifest: "auth": ["custom"]).
//
//     Status sign(OutgoingRequest& request) override {
//         const std::string text = std::string{request.method()} + request.url() + request.body();
//         request.set("X-Signature", to_hex(secret("key").hmac(SYNCLINE_SHA256, text)));
//         return {};
//     }
#ifndef SYNCLINE_SIGN_HPP
#define SYNCLINE_SIGN_HPP

#include <cstdint>
#include <string>
#include <string_view>

#include "syncline/failure.hpp"
#include "syncline/sign.h"

namespace syncline {

// Bytes as lower-case hexadecimal digits.
inline std::string to_hex(std::string_view bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string hex;
    for (const char byte : bytes) {
        const auto value = static_cast<unsigned char>(byte);
        hex += kDigits[value >> 4];
        hex += kDigits[value & 15];
    }
    return hex;
}

// A request as it will go out. A view: valid during the call.
class OutgoingRequest {
  public:
    OutgoingRequest(const syncline_http_request& request, const syncline_header_sink& sink)
        : request_(request), sink_(sink) {}

    std::string_view method() const { return view(request_.method); }
    std::string_view url() const { return view(request_.url); }
    std::string_view body() const { return view(request_.body); }
    std::uint32_t header_count() const { return request_.header_count; }
    std::string_view header_name(std::uint32_t index) const {
        return view(request_.headers[index].name);
    }
    std::string_view header_value(std::uint32_t index) const {
        return view(request_.headers[index].value);
    }

    // Adds a header, in the place of any of that name.
    void set(std::string_view name, std::string_view value) {
        sink_.header(sink_.context, borrow(name), borrow(value));
    }

  private:
    const syncline_http_request& request_;
    const syncline_header_sink& sink_;
};

// Implement it next to Connector.
class RequestSigner {
  public:
    // Signs one request, for one attempt; sends nothing itself. A failure, returned or thrown, is
    // what the `co_await` of the request throws.
    virtual Status sign(OutgoingRequest& request) = 0;

  protected:
    ~RequestSigner() = default;
};

}  // namespace syncline

#endif
