// HTTP signatures: draft-cavage-http-signatures, rsa-sha256, over headers that include a digest of
// the body.
#include <algorithm>
#include <map>
#include <utility>

#include "auth/key.hpp"
#include "auth/url.hpp"
#include "core/encoding.hpp"
#include "core/hash.hpp"
#include "core/secret.hpp"
#include "http_server/text.hpp"
#include "intake/errc.hpp"
#include "intake/key_ring.hpp"
#include "intake/replay_cache.hpp"
#include "intake/scheme.hpp"
#include "intake/timestamp.hpp"

namespace syncline::intake {
namespace {

constexpr std::size_t kSignedHeadersMax = 32;
constexpr std::string_view kAlgorithm = "rsa-sha256";
constexpr std::string_view kRequestTarget = "(request-target)";
// What has to be signed in any case: where it goes, when, and the body.
constexpr std::string_view kAlwaysSigned[] = {kRequestTarget, "host", "date", "digest"};

using auth::lower_case;

using Parameters = std::map<std::string, std::string_view, std::less<>>;

// `name="value",...`; nothing when it is anything else, or a name comes twice.
std::optional<Parameters> parse_parameters(std::string_view text) {
    Parameters parameters;
    while (!text.empty()) {
        const std::size_t equals = text.find("=\"");
        if (equals == std::string_view::npos) return std::nullopt;
        const std::string_view name = http_server::trim(text.substr(0, equals));
        text.remove_prefix(equals + 2);
        const std::size_t end = text.find('"');
        if (end == std::string_view::npos) return std::nullopt;
        const std::string_view value = text.substr(0, end);
        if (name.empty() || !parameters.emplace(lower_case(name), value).second)
            return std::nullopt;
        text = http_server::trim(text.substr(end + 1));
        if (text.empty()) break;
        if (text.front() != ',') return std::nullopt;
        text.remove_prefix(1);
        if (text.empty()) return std::nullopt;
    }
    return parameters;
}

// The names that are signed, in lower case; nothing when one comes twice, or there are too many.
std::optional<std::vector<std::string>> parse_names(std::string_view text) {
    std::vector<std::string> names;
    for (;;) {
        const std::size_t end = text.find(' ');
        std::string name = lower_case(text.substr(0, end));
        if (name.empty() || names.size() == kSignedHeadersMax ||
            std::find(names.begin(), names.end(), name) != names.end())
            return std::nullopt;
        names.push_back(std::move(name));
        if (end == std::string_view::npos) return names;
        text.remove_prefix(end + 1);
    }
}

// Digest: SHA-256=<base64>, perhaps beside others.
bool is_digest_of(std::string_view header, std::string_view body) {
    const std::string expected = "sha-256=" + core::to_base64(core::sha256(body));
    while (!header.empty()) {
        const std::string_view item = http_server::trim(header.substr(0, header.find(',')));
        header.remove_prefix(std::min(header.find(','), header.size() - 1) + 1);
        const std::size_t equals = item.find('=');
        if (equals == std::string_view::npos) return false;
        const std::string claimed =
            lower_case(item.substr(0, equals)) + std::string{item.substr(equals)};
        if (claimed.starts_with("sha-256=")) return core::equal_constant_time(claimed, expected);
    }
    return false;
}

Result<auth::Key> read_public_key(const core::Secret& pem) {
    auto key = auth::Key::from_pem(pem.reveal());
    if (!key) return Error(kVerifierInvalid, std::string{key.error().what()});
    if (key->family() != auth::KeyFamily::kRsa || key->can_sign())
        return Error(kVerifierInvalid, "a key is no public RSA key in PEM form");
    return std::move(*key);
}

class HttpSignature final : public Scheme {
  public:
    HttpSignature(const HttpSignatureOptions& options, KeyRing ring, std::vector<auth::Key> keys)
        : expected_(options.expected),
          nonces_(lower_case(options.nonce_header)),
          tolerance_(options.tolerance),
          ring_(std::move(ring)),
          keys_(std::move(keys)) {}

    Result<void> verify(const Message& message) override {
        const auto header = message.headers.only_value("signature");
        if (!header) return Error(kNotAuthentic, "there is not exactly one header signature");
        const auto parameters = parse_parameters(*header);
        if (!parameters) return wrong("is not one");
        const auto get = [&](std::string_view name) {
            const auto at = parameters->find(name);
            return at == parameters->end() ? std::string_view{} : at->second;
        };
        if (get("algorithm") != kAlgorithm) return wrong("is not of rsa-sha256");
        const auto names = parse_names(get("headers"));
        if (!names) return wrong("does not say what it signs");
        SYNCLINE_CHECK(check_names(*names));
        SYNCLINE_TRY(const std::string text, signed_text(message, *names));
        const auto proof = core::from_base64(get("signature"));
        if (!proof) return wrong("is not in base64");
        const auto key = ring_.find(message.now_ns, [&](std::size_t i) {
            return keys_[i].verify(auth::SignatureAlgorithm::kRs256, text, *proof);
        });
        if (!key) return wrong("is wrong");
        // There is exactly one of each header that is signed.
        if (!is_digest_of(*message.headers.only_value("digest"), message.body))
            return Error(kNotAuthentic, "the digest is not that of the body");
        for (const auto& [name, value] : expected_)
            if (message.headers.only_value(name) != value)
                return Error(kNotAuthentic, "the header " + name + " is not the one configured");
        SYNCLINE_CHECK(signed_at(message));
        ring_.count(*key);
        return {};
    }

    Result<void> take_nonce(const Message& message) override {
        if (nonces_.header.empty()) return {};
        SYNCLINE_TRY(const core::WallTime at, signed_at(message));
        return nonces_.seen->take(*message.headers.only_value(nonces_.header),
                                  at + core::nanoseconds{tolerance_}.count(), message.now_ns);
    }
    bool reads_body() const override { return true; }
    Nonces* nonces() override { return &nonces_; }
    std::vector<std::string> headers() const override { return {"signature"}; }
    std::span<const std::unique_ptr<KeyUses>> key_uses() const override { return ring_.uses(); }

  private:
    static Error wrong(const char* how) {
        return Error(kNotAuthentic, std::string{"the signature in the header signature "} + how);
    }

    Result<void> check_names(const std::vector<std::string>& names) const {
        std::vector<std::string> missing{std::begin(kAlwaysSigned), std::end(kAlwaysSigned)};
        for (const auto& [name, value] : expected_) missing.push_back(name);
        if (!nonces_.header.empty()) missing.push_back(nonces_.header);
        std::erase_if(missing, [&](const std::string& name) {
            return std::find(names.begin(), names.end(), name) != names.end();
        });
        if (missing.empty()) return {};
        return Error(kNotAuthentic, missing.front() + " is not signed");
    }

    // The date, of which there is exactly one, as it is signed.
    Result<core::WallTime> signed_at(const Message& message) const {
        return check_timestamp(*message.headers.only_value("date"), message.now_ns, tolerance_);
    }

    static Result<std::string> signed_text(const Message& message,
                                           const std::vector<std::string>& names) {
        std::string text;
        for (const std::string& name : names) {
            if (!text.empty()) text += '\n';
            text += name + ": ";
            if (name == kRequestTarget) {
                text += lower_case(message.method) + " " + std::string{message.target};
                continue;
            }
            const auto value = message.headers.only_value(name);
            if (!value) return Error(kNotAuthentic, "there is not exactly one header " + name);
            text += *value;
        }
        return text;
    }

    const std::vector<std::pair<std::string, std::string>> expected_;
    Nonces nonces_;
    const std::chrono::seconds tolerance_;
    KeyRing ring_;
    const std::vector<auth::Key> keys_;
};

}  // namespace

Result<std::unique_ptr<Scheme>> make_http_signature(const HttpSignatureOptions& options) {
    if (options.tolerance <= std::chrono::seconds{0})
        return Error(kVerifierInvalid, "the tolerance is not positive");
    for (const auto& [name, value] : options.expected)
        if (name.empty() || value.empty())
            return Error(kVerifierInvalid, "the header " + name + " has no value to compare with");
    SYNCLINE_TRY(KeyRing ring, KeyRing::make(options.keys));
    std::vector<auth::Key> keys;
    for (const VerifyKey& key : options.keys) {
        SYNCLINE_TRY(auth::Key made, read_public_key(key.value));
        keys.push_back(std::move(made));
    }
    return std::make_unique<HttpSignature>(options, std::move(ring), std::move(keys));
}

}  // namespace syncline::intake
