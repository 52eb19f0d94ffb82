#include "config/verify.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "config/verify_parts.hpp"

namespace syncline::config {
namespace {

// What a platform sends.
struct Preset {
    std::string_view name, header, prefix;
    core::HmacDigest algorithm = core::HmacDigest::kSha256;
    core::TextEncoding encoding = core::TextEncoding::kHex;
    std::string_view separator = "", signs = "{body}";
    std::string_view timestamp_header = "", timestamp_parameter = "", message_id_header = "";
    bool has_standard_keys = false;
};

constexpr auto kHex = core::TextEncoding::kHex;
constexpr auto kBase64 = core::TextEncoding::kBase64;
constexpr Preset kPresets[] = {
    {"mapp", "x-hmac", "", core::HmacDigest::kSha1},
    {"github", "x-hub-signature-256", "sha256="},
    {"shopify", "x-shopify-hmac-sha256", "", core::HmacDigest::kSha256, kBase64},
    {"stripe", "stripe-signature", "v1=", core::HmacDigest::kSha256, kHex, ",",
     "{timestamp}.{body}", "", "t"},
    {"slack", "x-slack-signature", "v0=", core::HmacDigest::kSha256, kHex, "",
     "v0:{timestamp}:{body}", "x-slack-request-timestamp"},
    {"standard_webhooks", "webhook-signature", "", core::HmacDigest::kSha256, kBase64, " ",
     "{header:webhook-id}.{timestamp}.{body}", "webhook-timestamp", "", "webhook-id", true},
    {"svix", "svix-signature", "", core::HmacDigest::kSha256, kBase64, " ",
     "{header:svix-id}.{timestamp}.{body}", "svix-timestamp", "", "svix-id", true},
};

bool has_timestamp(const Preset& preset) {
    return !preset.timestamp_header.empty() || !preset.timestamp_parameter.empty();
}

VerifyRule read_preset(Context& context, const Node& node, const std::string& path,
                       std::string_view written) {
    const auto* found = std::find_if(std::begin(kPresets), std::end(kPresets),
                                     [&](const Preset& preset) { return preset.name == written; });
    const bool takes_tolerance = found != std::end(kPresets) && has_timestamp(*found);
    Keys known{{"scheme", "preset"}, {"key", "keys"}};
    if (takes_tolerance) known.optional.emplace_back("tolerance_s");
    const Section section{context, &node, path, known};
    VerifyRule rule;
    rule.at = node.at;
    rule.scheme = VerifyScheme::kHmac;
    std::vector<std::string_view> names;
    for (const Preset& preset : kPresets) names.push_back(preset.name);
    if (const auto index = section.choice("preset", names)) {
        const Preset& preset = kPresets[*index];
        rule.algorithm = preset.algorithm;
        rule.encoding = preset.encoding;
        rule.header = preset.header;
        rule.prefix = preset.prefix;
        rule.separator = preset.separator;
        rule.signs = preset.signs;
        rule.timestamp_header = preset.timestamp_header;
        rule.timestamp_parameter = preset.timestamp_parameter;
        rule.message_id_header = preset.message_id_header;
        rule.has_standard_keys = preset.has_standard_keys;
    }
    if (takes_tolerance) read_tolerance(section, rule);
    rule.keys = read_keys(context, section, "key", "keys");
    return rule;
}

void read_timestamp(Context& context, const Section& outer, VerifyRule& rule) {
    const Node* node = outer.find("timestamp");
    if (node == nullptr) return;
    const std::string path = outer.path("timestamp");
    const bool has_parameter = has_key(*node, "parameter");
    const std::string_view where = has_parameter ? "parameter" : "header";
    const Section section{context, node, path, {{where}, {"tolerance_s"}}};
    if (has_parameter)
        rule.timestamp_parameter = read_short_text(context, section, "parameter");
    else
        rule.timestamp_header = read_header_name(context, section, "header").value_or("");
    read_tolerance(section, rule);
}

VerifyRule read_hmac(Context& context, const Node& node, const std::string& path) {
    for (const auto& [key, value] : node.entries)
        if (key->text == "preset") return read_preset(context, node, path, value->text);
    VerifyRule rule;
    rule.scheme = VerifyScheme::kHmac;
    rule.at = node.at;
    const Section section{
        context,
        &node,
        path,
        {{"scheme", "algorithm", "header", "encoding"},
         {"key", "keys", "prefix", "separator", "signs", "timestamp", "nonce_header", "preset"}}};
    if (const auto algorithm = section.choice("algorithm", {"sha1", "sha256", "sha512"}))
        rule.algorithm = static_cast<core::HmacDigest>(*algorithm);
    if (const auto encoding = section.choice("encoding", {"hex", "base64", "base64url"}))
        rule.encoding = static_cast<core::TextEncoding>(*encoding);
    rule.header = read_header_name(context, section, "header").value_or("");
    rule.prefix = section.text("prefix").value_or("");
    if (const auto separator = section.choice("separator", {",", ";", " "}))
        rule.separator = std::string_view{",; "}.substr(*separator, 1);
    if (auto signs = section.text("signs")) rule.signs = std::move(*signs);
    read_timestamp(context, section, rule);
    rule.nonce_header = read_header_name(context, section, "nonce_header").value_or("");
    rule.keys = read_keys(context, section, "key", "keys");
    return rule;
}

VerifyRule read_basic(Context& context, const Node& node, const std::string& path) {
    const Section section{
        context, &node, path, {{"scheme", "username"}, {"password", "passwords"}}};
    VerifyRule rule;
    rule.scheme = VerifyScheme::kBasic;
    rule.at = node.at;
    if (auto username = section.text("username", SecretUse::kAllowed)) {
        if (username->empty() || username->find(':') != std::string::npos)
            context.problems.add(kValue, section.find("username")->at,
                                 in_quotes(section.path("username")) +
                                     " must not be empty and can't contain a colon");
        rule.username = std::move(*username);
    }
    rule.keys = read_keys(context, section, "password", "passwords");
    return rule;
}

VerifyRule read_connector(Context& context, const Node& node, const std::string& path) {
    const Section section{context, &node, path, {{"scheme"}, {"key"}}};
    VerifyRule rule;
    rule.scheme = VerifyScheme::kConnector;
    rule.at = node.at;
    if (section.find("key") != nullptr) rule.keys = read_keys(context, section, "key", "keys");
    return rule;
}

VerifyRule read_api_key(Context& context, const Node& node, const std::string& path) {
    const bool has_parameter = has_key(node, "query");
    Keys known{{"scheme", has_parameter ? "query" : "header"}, {"key", "keys"}};
    if (!has_parameter) known.optional.emplace_back("prefix");
    const Section section{context, &node, path, known};
    VerifyRule rule;
    rule.scheme = VerifyScheme::kApiKey;
    rule.at = node.at;
    if (has_parameter) {
        rule.parameter = read_short_text(context, section, "query");
    } else {
        rule.header = read_header_name(context, section, "header").value_or("");
        rule.prefix = section.text("prefix").value_or("");
    }
    rule.keys = read_keys(context, section, "key", "keys");
    return rule;
}

VerifyRule read_address(Context& context, const Node& node, const std::string& path) {
    const Section section{context, &node, path, {{"scheme", "allow"}, {}}};
    VerifyRule rule;
    rule.scheme = VerifyScheme::kAddress;
    rule.at = node.at;
    rule.allow = read_list(context, section, "allow", "address or range of addresses");
    return rule;
}

// As Copernica sends it.
VerifyRule read_http_signature(Context& context, const Node& node, const std::string& path) {
    constexpr std::chrono::seconds kCopernicaTolerance{60};
    const Section section{
        context,
        &node,
        path,
        {{"scheme", "preset", "account"}, {kPublicKey, "public_keys", "tolerance_s"}}};
    VerifyRule rule;
    rule.scheme = VerifyScheme::kHttpSignature;
    rule.at = node.at;
    section.choice("preset", {"copernica"});
    rule.account = read_short_text(context, section, "account");
    rule.nonce_header = "x-nonce";
    rule.tolerance = kCopernicaTolerance;
    read_tolerance(section, rule);
    rule.keys = read_keys(context, section, kPublicKey, "public_keys");
    return rule;
}

// Which keys there may be depends on the scheme, so it is looked up before the map is checked.
struct Reader {
    std::string_view scheme;
    VerifyRule (*read)(Context& context, const Node& node, const std::string& path);
};
constexpr Reader kReaders[] = {
    {"hmac", read_hmac},
    {"basic", read_basic},
    {"api_key", read_api_key},
    {"address", read_address},
    {"http_signature", read_http_signature},
    {"jwt", read_jwt},
    {"client_certificate", read_client_certificate},
    {"connector", read_connector},
};

std::optional<VerifyRule> read_rule(Context& context, const Node& node, const std::string& path) {
    Keys any{{"scheme"}, {}};
    for (const auto& [key, value] : node.entries) {
        if (key->text != "scheme") {
            any.optional.push_back(key->text);
            continue;
        }
        for (const Reader& reader : kReaders)
            if (value->text == reader.scheme) return reader.read(context, node, path);
    }
    const Section section{context, &node, path, any};
    std::vector<std::string_view> schemes;
    for (const Reader& reader : kReaders) schemes.push_back(reader.scheme);
    section.choice("scheme", schemes);
    return std::nullopt;
}

}  // namespace

std::vector<VerifyRule> read_verify(Context& context, const Section& section) {
    const std::string path = section.path("verify");
    const Node* node = section.find("verify");
    if (node == nullptr || node->is_null() || (node->is_sequence() && node->items.empty())) {
        context.problems.add(kVerifyMissing, node == nullptr ? section.at() : node->at,
                             in_quotes(path) + " must be written");
        return {};
    }
    if (node->is_scalar() && node->text == "none") {
        VerifyRule rule;
        rule.at = node->at;
        return {std::move(rule)};
    }
    if (!node->is_sequence()) {
        context.problems.add(kType, node->at,
                             in_quotes(path) + " must be `none` or a list of schemes",
                             kVerifyMissing.remedy);
        return {};
    }
    std::vector<VerifyRule> rules;
    for (const Node* item : node->items) {
        const std::size_t problems = context.problems.count();
        auto rule = read_rule(context, *item, path + "[" + std::to_string(rules.size()) + "]");
        rules.push_back(std::move(rule).value_or(VerifyRule{}));
        rules.back().is_whole = context.problems.count() == problems;
    }
    return rules;
}

bool same_verification(const VerifyRule& a, const VerifyRule& b) {
    const auto plain = [](const VerifyRule& rule) {
        return std::tie(rule.scheme, rule.algorithm, rule.encoding, rule.header, rule.prefix,
                        rule.separator, rule.signs, rule.timestamp_header, rule.timestamp_parameter,
                        rule.tolerance, rule.has_standard_keys, rule.nonce_header, rule.username,
                        rule.parameter, rule.allow, rule.account, rule.algorithms, rule.issuer,
                        rule.audience, rule.jwks_file, rule.jwks_url, rule.subjects, rule.sans,
                        rule.fingerprints, rule.message_id_header);
    };
    const auto is_same_key = [](const VerifyKey& x, const VerifyKey& y) {
        return x.file == y.file && x.until_ns == y.until_ns && x.name == y.name &&
               x.value.equals(y.value.reveal());
    };
    return plain(a) == plain(b) &&
           std::equal(a.keys.begin(), a.keys.end(), b.keys.begin(), b.keys.end(), is_same_key);
}

}  // namespace syncline::config
