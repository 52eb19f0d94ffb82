// A user name and a password, RFC 7617.
#include <string>
#include <utility>
#include <vector>

#include "core/encoding.hpp"
#include "http_server/text.hpp"
#include "intake/errc.hpp"
#include "intake/key_ring.hpp"
#include "intake/scheme.hpp"

namespace syncline::intake {
namespace {

constexpr std::string_view kBasicPrefix = "basic ";
constexpr const char* kHeader = "authorization";

class Basic final : public Scheme {
  public:
    Basic(KeyRing ring, std::vector<core::Secret> credentials)
        : ring_(std::move(ring)), credentials_(std::move(credentials)) {}

    Result<void> verify(const Message& message) override {
        const auto value = message.headers.only_value(kHeader);
        const bool is_basic = value && http_server::equals_ignoring_case(
                                           value->substr(0, kBasicPrefix.size()), kBasicPrefix);
        const std::string_view claimed =
            is_basic ? value->substr(kBasicPrefix.size()) : std::string_view{};
        const auto key = ring_.find(message.now_ns,
                                    [&](std::size_t i) { return credentials_[i].equals(claimed); });
        if (!key) return Error(kNotAuthentic, "the user name or the password is wrong or missing");
        ring_.count(*key);
        return {};
    }
    std::vector<std::string> headers() const override { return {kHeader}; }
    std::span<const std::unique_ptr<KeyUses>> key_uses() const override { return ring_.uses(); }

  private:
    KeyRing ring_;
    std::vector<core::Secret> credentials_;  // as they stand in the header, by key
};

}  // namespace

Result<std::unique_ptr<Scheme>> make_basic(const BasicOptions& options) {
    if (options.username.empty()) return Error(kVerifierInvalid, "the user name is empty");
    if (options.username.find(':') != std::string::npos) {
        return Error(kVerifierInvalid,
                     "the user name has a colon, which Basic authentication can't carry");
    }
    SYNCLINE_TRY(KeyRing ring, KeyRing::make(options.passwords));
    std::vector<core::Secret> credentials;
    for (const VerifyKey& password : options.passwords) {
        const core::Secret plain{options.username + ":" + std::string{password.value.reveal()}};
        credentials.emplace_back(core::to_base64(plain.reveal()));
    }
    return std::make_unique<Basic>(std::move(ring), std::move(credentials));
}

}  // namespace syncline::intake
