#include <algorithm>

#include "auth/url.hpp"
#include "config/verify.hpp"
#include "config/verify_parts.hpp"
#include "core/encoding.hpp"

namespace syncline::config {
namespace {

constexpr std::size_t kFingerprintBytes = 32;
constexpr std::chrono::seconds kTokenTolerance{60};
constexpr const char* kAuthorization = "authorization";
// Where the keys of a token are, by their kind.
const std::vector<std::string_view> kSecretPlaces{"key", "keys"};
const std::vector<std::string_view> kPublicPlaces{kPublicKey, "public_keys", "jwks_file",
                                                  "jwks_url"};

// Keys that decide who is believed must not be changed by who listens on the way.
bool is_safe_url(std::string_view text) {
    const auto url = auth::parse_url(text);
    return url.has_value() && auth::is_confidential(*url);
}

// The keys of an asymmetric algorithm, which have several places where they may be.
void read_public_keys(Context& context, const Section& section, VerifyRule& rule) {
    const Node* file = section.find("jwks_file");
    const Node* url = section.find("jwks_url");
    if (file == nullptr && url == nullptr) {
        rule.keys = read_keys(context, section, kPublicKey, "public_keys");
        return;
    }
    if ((file != nullptr && url != nullptr) || section.find(kPublicKey) != nullptr ||
        section.find("public_keys") != nullptr)
        context.problems.add(kValue, section.at(), "the keys of a token come from one place");
    rule.jwks_file = section.file_path("jwks_file").value_or("");
    rule.jwks_url = section.text("jwks_url").value_or("");
    if (!rule.jwks_url.empty() && !is_safe_url(rule.jwks_url))
        context.problems.add(
            kValue, url->at,
            in_quotes(section.path("jwks_url")) + " must begin with https://, beyond this machine");
    if (url != nullptr && rule.jwks_url.empty())
        context.problems.add(kValue, url->at, in_quotes(section.path("jwks_url")) + " is empty");
}

}  // namespace

// Which algorithms there may be depends on the keys: whoever knows a public key could use it as
// the secret of an HMAC.
VerifyRule read_jwt(Context& context, const Node& node, const std::string& path) {
    const bool takes_secret = has_key(node, "key") || has_key(node, "keys");
    Keys known{{"scheme", "algorithms"}, {"header", "prefix", "tolerance_s"}};
    auto& names = takes_secret ? known.optional : known.required;
    for (const std::string_view name : {"issuer", "audience"}) names.push_back(name);
    for (const std::string_view name : takes_secret ? kSecretPlaces : kPublicPlaces)
        known.optional.push_back(name);
    const Section section{context, &node, path, known};
    VerifyRule rule;
    rule.scheme = VerifyScheme::kJwt;
    rule.at = node.at;
    read_list(context, section, "algorithms", takes_secret ? "HS256" : "RS256, ES256 or EdDSA",
              [&](const std::string& text) {
                  const auto algorithm = auth::jws_algorithm(text);
                  if (!algorithm) return false;
                  rule.algorithms.push_back(*algorithm);
                  const bool is_shared = *algorithm == auth::JwsAlgorithm::kHs256;
                  return is_shared ? takes_secret : !takes_secret;
              });
    rule.header = kAuthorization;
    if (section.find("header") != nullptr)
        rule.header = read_header_name(context, section, "header").value_or("");
    rule.prefix = section.text("prefix").value_or("Bearer ");
    rule.issuer = read_short_text(context, section, "issuer");
    rule.audience = read_short_text(context, section, "audience");
    rule.tolerance = kTokenTolerance;
    read_tolerance(section, rule);
    if (takes_secret)
        rule.keys = read_keys(context, section, "key", "keys");
    else
        read_public_keys(context, section, rule);
    return rule;
}

VerifyRule read_client_certificate(Context& context, const Node& node, const std::string& path) {
    constexpr std::string_view kLists[] = {"subjects", "sans", "fingerprints"};
    const Section section{
        context, &node, path, {{"scheme"}, {std::begin(kLists), std::end(kLists)}}};
    VerifyRule rule;
    rule.scheme = VerifyScheme::kClientCertificate;
    rule.at = node.at;
    if (std::none_of(std::begin(kLists), std::end(kLists),
                     [&](std::string_view name) { return section.find(name) != nullptr; }))
        context.problems.add(kMissingKey, section.at(),
                             in_quotes(section.path("subjects")) +
                                 ", `sans` or `fingerprints` must say whose certificate it is");
    rule.subjects = read_list(context, section, "subjects", "subject");
    rule.sans = read_list(context, section, "sans",
                          "name such as DNS:shop.example, URI: or email:", [](std::string& text) {
                              if (text.starts_with("DNS:"))
                                  text = "DNS:" + auth::lower_case(text.substr(4));
                              const std::size_t colon = text.find(':');
                              const std::string kind = text.substr(0, colon);
                              return (kind == "DNS" || kind == "URI" || kind == "email") &&
                                     colon + 1 < text.size();
                          });
    rule.fingerprints =
        read_list(context, section, "fingerprints", "SHA-256 in hex", [](std::string& text) {
            std::erase(text, ':');
            text = auth::lower_case(text);
            const auto bytes = core::from_hex(text);
            return bytes && bytes->size() == kFingerprintBytes;
        });
    return rule;
}

}  // namespace syncline::config
