#include "app/verifiers.hpp"

#include <fstream>
#include <utility>

#include "auth/jwk.hpp"
#include "core/hash.hpp"
#include "http_client/client.hpp"
#include "intake/errc.hpp"

namespace syncline::app {
namespace {

constexpr std::size_t kKeyFileBytesMax = 64 * 1024;

std::vector<intake::VerifyKey> to_keys(const config::VerifyRule& rule) {
    std::vector<intake::VerifyKey> keys;
    for (const config::VerifyKey& key : rule.keys)
        keys.push_back({key.value, key.until_ns, key.name});
    return keys;
}

intake::SignatureOptions to_signature(const config::VerifyRule& rule) {
    intake::SignatureOptions signature;
    signature.algorithm = rule.algorithm;
    signature.encoding = rule.encoding;
    signature.header = rule.header;
    signature.prefix = rule.prefix;
    signature.separator = rule.separator;
    signature.signs = rule.signs;
    if (!rule.timestamp_header.empty() || !rule.timestamp_parameter.empty())
        signature.timestamp = intake::TimestampOptions{rule.timestamp_header,
                                                       rule.timestamp_parameter, rule.tolerance};
    signature.nonce_header = rule.nonce_header;
    signature.has_standard_keys = rule.has_standard_keys;
    signature.keys = to_keys(rule);
    return signature;
}

// Public keys of a file, which may be read by anyone.
Result<std::string> read_file(const std::filesystem::path& file, std::size_t bytes_max) {
    std::ifstream stream{file, std::ios::binary};
    std::string text(bytes_max + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    const auto size = static_cast<std::size_t>(stream.gcount());
    if (size == 0)
        return Error{intake::kVerifierInvalid, "the key " + file.string() + " can't be read"};
    if (size > bytes_max)
        return Error{intake::kVerifierInvalid, "the key " + file.string() + " is too large"};
    text.resize(size);
    return text;
}

intake::VerifierOptions to_http_signature(const config::VerifyRule& rule) {
    intake::HttpSignatureOptions options;
    options.expected.emplace_back("x-copernica-id", rule.account);
    options.nonce_header = rule.nonce_header;
    options.tolerance = rule.tolerance;
    options.keys = to_keys(rule);
    return options;
}

Result<intake::JwtOptions> to_jwt(const config::VerifyRule& rule, const OpenKeySet& open) {
    intake::JwtOptions options;
    options.header = rule.header;
    options.prefix = rule.prefix;
    options.algorithms = rule.algorithms;
    options.issuer = rule.issuer;
    options.audience = rule.audience;
    options.tolerance = rule.tolerance;
    options.keys = to_keys(rule);
    if (!rule.jwks_file.empty()) {
        SYNCLINE_TRY(options.key_set, read_file(rule.jwks_file, auth::kJwksBytesMax));
    }
    if (!rule.jwks_url.empty()) {
        SYNCLINE_TRY(options.remote_keys, open(rule.jwks_url));
    }
    return options;
}

// Nothing when it is left to the connector, or `none` was written.
Result<std::optional<intake::VerifierOptions>> to_options(const config::VerifyRule& rule,
                                                          const OpenKeySet& open) {
    using Options = std::optional<intake::VerifierOptions>;
    switch (rule.scheme) {
        case config::VerifyScheme::kHmac:
            return Options{to_signature(rule)};
        case config::VerifyScheme::kBasic:
            return Options{intake::BasicOptions{rule.username, to_keys(rule)}};
        case config::VerifyScheme::kApiKey:
            return Options{
                intake::ApiKeyOptions{rule.header, rule.parameter, rule.prefix, to_keys(rule)}};
        case config::VerifyScheme::kAddress:
            return Options{intake::AddressOptions{rule.allow}};
        case config::VerifyScheme::kHttpSignature:
            return Options{to_http_signature(rule)};
        case config::VerifyScheme::kJwt: {
            SYNCLINE_TRY(intake::JwtOptions options, to_jwt(rule, open));
            return Options{std::move(options)};
        }
        case config::VerifyScheme::kClientCertificate:
            return Options{intake::CertificateOptions{rule.subjects, rule.sans, rule.fingerprints}};
        case config::VerifyScheme::kNone:
        case config::VerifyScheme::kConnector:
            break;
    }
    return Options{};
}

Result<std::optional<intake::Verifier>> make_verifier(const config::VerifyRule& written,
                                                      const OpenKeySet& open) {
    config::VerifyRule rule = written;
    for (config::VerifyKey& key : rule.keys) {
        if (key.file.empty()) continue;
        SYNCLINE_TRY(std::string text, read_file(key.file, kKeyFileBytesMax));
        key.value = core::Secret::take(text);
    }
    SYNCLINE_TRY(const auto options, to_options(rule, open));
    if (!options) return std::optional<intake::Verifier>{};
    SYNCLINE_TRY(intake::Verifier verifier, intake::Verifier::make(*options));
    return std::optional<intake::Verifier>{std::move(verifier)};
}

// What stands for a set that is not fetched, because nobody will be verified.
class NoKeys final : public intake::TokenKeys {
  public:
    std::shared_ptr<const Set> current() const override { return nullptr; }
    bool ask_again() override { return false; }
};

}  // namespace

Result<void> check_verifier(const config::VerifyRule& rule) {
    const auto look_at = [](const std::string& url) -> Result<std::shared_ptr<intake::TokenKeys>> {
        SYNCLINE_CHECK(http_client::host_of(url));
        return std::shared_ptr<intake::TokenKeys>{std::make_shared<NoKeys>()};
    };
    SYNCLINE_CHECK(make_verifier(rule, look_at));
    return {};
}

Result<std::vector<intake::Verifier>> make_verifiers(const config::Webhook& webhook,
                                                     const OpenKeySet& open) {
    std::vector<intake::Verifier> verifiers;
    for (const config::VerifyRule& rule : webhook.verify) {
        SYNCLINE_TRY(std::optional<intake::Verifier> verifier, make_verifier(rule, open));
        if (verifier) verifiers.push_back(std::move(*verifier));
    }
    return verifiers;
}

std::string proof_of(const config::Webhook& webhook) {
    std::string proof = webhook.verify_digest;
    const auto add = [&](const std::filesystem::path& file, std::size_t bytes_max) {
        if (file.empty()) return;
        const auto text = read_file(file, bytes_max);
        proof += text.has_value() ? core::sha256(*text) : "";
    };
    for (const config::VerifyRule& rule : webhook.verify) {
        for (const config::VerifyKey& key : rule.keys) add(key.file, kKeyFileBytesMax);
        add(rule.jwks_file, auth::kJwksBytesMax);
    }
    return proof;
}

}  // namespace syncline::app
