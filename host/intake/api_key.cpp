// A key that is sent as it is, in a header or in the query.
#include <algorithm>
#include <utility>

#include "http_server/server.hpp"
#include "intake/errc.hpp"
#include "intake/key_ring.hpp"
#include "intake/scheme.hpp"

namespace syncline::intake {
namespace {

class ApiKey final : public Scheme {
  public:
    ApiKey(ApiKeyOptions options, KeyRing ring)
        : options_(std::move(options)), ring_(std::move(ring)) {}

    Result<void> verify(const Message& message) override {
        const core::Secret claimed{claimed_by(message)};
        const auto key = ring_.find(message.now_ns, [&](std::size_t i) {
            return options_.keys[i].value.equals(claimed.reveal());
        });
        if (!key) return Error(kNotAuthentic, "the key is wrong, missing, or there more than once");
        ring_.count(*key);
        return {};
    }
    std::vector<std::string> headers() const override {
        return options_.header.empty() ? std::vector<std::string>{} : std::vector{options_.header};
    }
    std::vector<std::string> parameters() const override {
        return options_.parameter.empty() ? std::vector<std::string>{}
                                          : std::vector{options_.parameter};
    }
    std::span<const std::unique_ptr<KeyUses>> key_uses() const override { return ring_.uses(); }

  private:
    // "" is never right: no key is empty.
    std::string claimed_by(const Message& message) const {
        if (options_.header.empty()) {
            const std::size_t mark = std::min(message.target.find('?'), message.target.size() - 1);
            auto values =
                http_server::query_values(message.target.substr(mark + 1), options_.parameter);
            return values.size() == 1 ? std::move(values.front()) : std::string{};
        }
        const auto value = message.headers.only_value(options_.header);
        if (!value || !value->starts_with(options_.prefix)) return {};
        return std::string{value->substr(options_.prefix.size())};
    }

    const ApiKeyOptions options_;
    KeyRing ring_;
};

}  // namespace

Result<std::unique_ptr<Scheme>> make_api_key(const ApiKeyOptions& options) {
    if (options.header.empty() == options.parameter.empty())
        return Error(kVerifierInvalid, "a key is in a header or in a parameter of the query");
    SYNCLINE_TRY(KeyRing ring, KeyRing::make(options.keys));
    return std::make_unique<ApiKey>(options, std::move(ring));
}

}  // namespace syncline::intake
