#include "config/account_auth.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <functional>
#include <utility>
#include <variant>

#include "config/account_oauth2.hpp"
#include "config/auth_reader.hpp"
#include "config/errc.hpp"

namespace syncline::config {
namespace {

constexpr std::size_t kHostsMax = 100;
constexpr std::size_t kGivenSecretsMax = 20;

auth::Credential read_api_key(const AuthReader& reader) {
    return auth::ApiKey{reader.text("header"), reader.text("query"), reader.text("prefix"),
                        reader.secret("key")};
}

auth::Credential read_basic(const AuthReader& reader) {
    return auth::Basic{reader.text("username"), reader.password()};
}

auth::Credential read_bearer(const AuthReader& reader) {
    return auth::Bearer{reader.secret("token")};
}

Result<auth::Credential> read_oauth1(const AuthReader& reader) {
    constexpr auth::OAuth1Method kMethods[] = {
        auth::OAuth1Method::kHmacSha1, auth::OAuth1Method::kHmacSha256,
        auth::OAuth1Method::kRsaSha1, auth::OAuth1Method::kPlaintext};
    auth::OAuth1 oauth1;
    oauth1.method =
        kMethods[reader.choice("method", {"hmac-sha1", "hmac-sha256", "rsa-sha1", "plaintext"})];
    oauth1.consumer_key = reader.text("consumer_key");
    oauth1.consumer_secret = reader.secret("consumer_secret");
    oauth1.token = reader.text("token");
    oauth1.token_secret = reader.secret("token_secret");
    oauth1.realm = reader.text("realm");
    const core::Secret pem = reader.secret("private_key");
    if (!pem.empty()) {
        SYNCLINE_TRY(oauth1.rsa_key, auth::Key::from_pem(pem.reveal()));
    }
    return auth::Credential{std::move(oauth1)};
}

auth::Credential read_aws(const AuthReader& reader) {
    auth::AwsSigV4 aws;
    aws.access_key_id = reader.text("access_key_id");
    aws.secret_access_key = reader.secret("secret_access_key");
    aws.session_token = reader.secret("session_token");
    aws.region = reader.text("region");
    aws.service = reader.text("service");
    if (reader.choice("payload", {"hashed", "unsigned"}) == 1)
        aws.payload = auth::AwsPayload::kUnsigned;
    return aws;
}

auth::Credential read_azure_key(const AuthReader& reader) {
    auth::AzureSharedKey azure;
    azure.account = reader.text("account");
    azure.key = reader.secret("key");
    if (std::string version = reader.text("version"); !version.empty())
        azure.version = std::move(version);
    return azure;
}

auth::Credential read_azure_sas(const AuthReader& reader) {
    return auth::AzureSasToken{reader.secret("token")};
}

Result<auth::Credential> read_hmac(const AuthReader& reader) {
    constexpr core::HmacDigest kDigests[] = {core::HmacDigest::kSha256, core::HmacDigest::kSha1,
                                             core::HmacDigest::kSha512};
    constexpr core::TextEncoding kEncodings[] = {
        core::TextEncoding::kHex, core::TextEncoding::kBase64, core::TextEncoding::kBase64Url};
    auth::RequestHmacOptions options;
    options.digest = kDigests[reader.choice("algorithm", {"sha256", "sha1", "sha512"})];
    options.encoding = kEncodings[reader.choice("encoding", {"hex", "base64", "base64url"})];
    options.key = reader.secret("key");
    options.key_id = reader.text("key_id");
    options.signed_text = reader.text("signed");
    for (auth::Parameter& header : reader.texts("headers", SecretUse::kRefused))
        options.headers.push_back({std::move(header.name), std::move(header.value)});
    SYNCLINE_TRY(auth::RequestHmac hmac, auth::RequestHmac::make(std::move(options)));
    return auth::Credential{std::move(hmac)};
}

// Nothing for an unknown scheme.
std::optional<Result<auth::Credential>> read_credential(
    const std::function<AuthReader(Keys)>& reader, std::string_view scheme) {
    if (scheme == "api_key") return read_api_key(reader({{"key"}, {"header", "query", "prefix"}}));
    if (scheme == "basic") return read_basic(reader({{"username"}, {"password"}}));
    if (scheme == "bearer") return read_bearer(reader({{"token"}, {}}));
    if (scheme == "oauth1")
        return read_oauth1(reader(
            {{"consumer_key"},
             {"consumer_secret", "token", "token_secret", "method", "realm", "private_key"}}));
    if (scheme == "aws_sigv4")
        return read_aws(reader({{"access_key_id", "secret_access_key", "region", "service"},
                                {"session_token", "payload"}}));
    if (scheme == "azure_shared_key")
        return read_azure_key(reader({{"account", "key"}, {"version"}}));
    if (scheme == "azure_sas") return read_azure_sas(reader({{"token"}, {}}));
    if (scheme == "hmac")
        return read_hmac(
            reader({{"key", "signed", "headers"}, {"key_id", "algorithm", "encoding"}}));
    return std::nullopt;
}

using AnyCredential = std::variant<auth::Credential, OAuth2>;

// Nothing for an unknown scheme.
std::optional<Result<AnyCredential>> read_scheme(Context& context, const Node& node,
                                                 const std::string& path, std::string_view scheme) {
    const auto reader = [&](Keys keys) {
        keys.required.push_back("scheme");
        keys.optional.push_back("hosts");
        return AuthReader{context, &node, path, keys};
    };
    if (scheme == "oauth2") {
        Result<OAuth2> oauth2 = read_oauth2(reader(oauth2_keys()));
        if (!oauth2) return oauth2.error();
        return AnyCredential{std::move(*oauth2)};
    }
    std::optional<Result<auth::Credential>> credential = read_credential(reader, scheme);
    if (!credential) return std::nullopt;
    if (!*credential) return credential->error();
    if (auto checked = auth::check_credential(**credential); !checked) return checked.error();
    return AnyCredential{std::move(**credential)};
}

// Without a port, as they are compared without one: a colon stands in an IPv6 address alone.
bool is_host(const std::string& text) {
    const bool has_brackets = text.starts_with('[') && text.ends_with(']');
    const std::string bare = has_brackets ? text.substr(1, text.size() - 2) : text;
    in6_addr address{};
    return ::inet_pton(AF_INET6, bare.c_str(), &address) == 1 ||
           (!text.empty() && text.find_first_of("/@?# :[]") == std::string::npos);
}

// `hosts` as names; nothing after reporting what is wrong.
std::vector<std::string> read_hosts(Context& context, const Node& node, const std::string& path) {
    std::vector<std::string> hosts;
    bool is_right = node.is_sequence() && !node.items.empty() && node.items.size() <= kHostsMax;
    if (is_right) {
        for (const Node* item : node.items) {
            is_right = is_right && item->is_scalar() && is_host(item->text);
            hosts.push_back(item->text);
        }
    }
    if (is_right) return hosts;
    context.problems.add(
        kType, node.at,
        in_quotes(path) + " must be a list of hosts without ports, such as api.example.com");
    return {};
}

const Node* value_of(const Node& map, std::string_view key) {
    for (const auto& [name, value] : map.entries) {
        if (name->text == key) return value;
    }
    return nullptr;
}

}  // namespace

std::optional<AccountAuth> read_auth(Context& context, const Node& node, const std::string& path) {
    const Node* scheme = node.is_map() ? value_of(node, "scheme") : nullptr;
    const bool has_scheme = scheme != nullptr && scheme->is_scalar();
    const std::size_t before = context.problems.count();
    auto credential = read_scheme(context, node, path, has_scheme ? scheme->text : "");
    if (!credential) {
        Keys keys{{"scheme"}, {}};  // which others there may be depends on it
        for (const auto& [key, value] : node.entries) keys.optional.push_back(key->text);
        const Section section{context, &node, path, keys};
        section.choice("scheme", {"api_key", "basic", "bearer", "oauth1", "aws_sigv4",
                                  "azure_shared_key", "azure_sas", "hmac", "oauth2"});
        return std::nullopt;
    }
    AccountAuth auth;
    if (const Node* hosts = value_of(node, "hosts"))
        auth.hosts = read_hosts(context, *hosts, path + ".hosts");
    // What is missing or empty has been told with its place.
    if (context.problems.count() > before) return std::nullopt;
    // What stands in for a sealed secret need not be a key; the account waits anyway.
    if (context.variables.has_sealed()) return std::nullopt;
    if (!*credential) {
        context.problems.add(credential->error(), node.at);
        return std::nullopt;
    }
    auth.credential = std::move(**credential);
    auth.at = node.at;
    return auth;
}

std::map<std::string, GivenSecret, std::less<>> read_given_secrets(Context& context,
                                                                   const Node& map,
                                                                   const std::string& path) {
    std::map<std::string, GivenSecret, std::less<>> secrets;
    if (map.entries.size() > kGivenSecretsMax)
        context.problems.add(kType, map.at, in_quotes(path) + " must have at most 20 secrets");
    Keys names;
    for (const auto& [name, value] : map.entries) names.optional.push_back(name->text);
    const Section section{context, &map, path, names};
    for (const auto& [name, value] : map.entries) {
        core::Secret secret = section.secret(name->text);
        if (!secret.empty()) secrets.emplace(name->text, GivenSecret{std::move(secret), name->at});
    }
    return secrets;
}

}  // namespace syncline::config
