#include "auth/oauth1.hpp"

#include <algorithm>

#include "auth/errc.hpp"
#include "auth/moment.hpp"
#include "auth/static_credential.hpp"
#include "core/encoding.hpp"
#include "core/hash.hpp"

namespace syncline::auth {
namespace {

std::string_view name_of(OAuth1Method method) {
    switch (method) {
        case OAuth1Method::kHmacSha1:
            return "HMAC-SHA1";
        case OAuth1Method::kHmacSha256:
            return "HMAC-SHA256";
        case OAuth1Method::kRsaSha1:
            return "RSA-SHA1";
        case OAuth1Method::kPlaintext:
            return "PLAINTEXT";
    }
    return {};
}

std::vector<Parameter> protocol_parameters(const OAuth1& credential, core::WallTime now,
                                           std::string_view nonce) {
    std::vector<Parameter> parameters{
        {"oauth_consumer_key", credential.consumer_key},
        {"oauth_nonce", std::string{nonce}},
        {"oauth_signature_method", std::string{name_of(credential.method)}},
        {"oauth_timestamp", std::to_string(unix_seconds(now))}};
    if (!credential.token.empty()) parameters.push_back({"oauth_token", credential.token});
    if (credential.sends_version) parameters.push_back({"oauth_version", "1.0"});
    parameters.insert(parameters.end(), credential.extra.begin(), credential.extra.end());
    return parameters;
}

bool is_form(const Request& request) {
    for (const Header& header : request.headers) {
        if (!equal_names(header.name, "content-type")) continue;
        const std::string_view value = header.value;
        return equal_names(trimmed(value.substr(0, value.find(';'))),
                           "application/x-www-form-urlencoded");
    }
    return false;
}

// RFC 5849, sections 3.4.1.3.2 and 3.4.1.1.
std::string base_string(const Request& request, const UrlParts& url,
                        std::vector<Parameter> parameters) {
    // In a query `+` is a space, as in a form: section 3.4.1.3.1 reads both alike.
    for (Parameter& item : parse_form(url.query)) parameters.push_back(std::move(item));
    if (is_form(request)) {
        for (Parameter& item : parse_form(request.body)) parameters.push_back(std::move(item));
    }
    for (auto& [name, value] : parameters) {
        name = percent_encode(name);
        value = percent_encode(value);
    }
    std::ranges::sort(parameters);
    std::string normalized;
    for (const auto& [name, value] : parameters) {
        if (!normalized.empty()) normalized += '&';
        normalized += name + '=' + value;
    }
    std::string uri = url.scheme + "://" + url.host;
    uri += url.path;
    return std::string{request.method} + '&' + percent_encode(uri) + '&' +
           percent_encode(normalized);
}

Result<std::string> signature_of(const OAuth1& credential, const std::string& base) {
    const core::Secret consumer{percent_encode(credential.consumer_secret.reveal())};
    const core::Secret token{percent_encode(credential.token_secret.reveal())};
    const auto key = core::Secret::join({consumer.reveal(), "&", token.reveal()});
    switch (credential.method) {
        case OAuth1Method::kPlaintext:
            return std::string{key.reveal()};
        case OAuth1Method::kRsaSha1: {
            SYNCLINE_TRY(const std::string bytes,
                         credential.rsa_key->sign(SignatureAlgorithm::kRsaSha1, base));
            return core::to_base64(bytes);
        }
        case OAuth1Method::kHmacSha256:
            return core::to_base64(core::hmac(core::HmacDigest::kSha256, key.reveal(), base));
        case OAuth1Method::kHmacSha1:
            break;
    }
    return core::to_base64(core::hmac(core::HmacDigest::kSha1, key.reveal(), base));
}

Result<void> check(const OAuth1& credential) {
    if (credential.consumer_key.empty())
        return Error(kCredentialInvalid, "the consumer key is empty");
    const bool is_rsa = credential.method == OAuth1Method::kRsaSha1;
    if (is_rsa != credential.rsa_key.has_value())
        return Error(kCredentialInvalid, "RSA-SHA1, and it alone, takes a private key");
    if (!is_rsa && credential.consumer_secret.empty())
        return Error(kCredentialInvalid, "the consumer secret is empty");
    if (!is_header_value(credential.realm) ||
        credential.realm.find_first_of("\"\\") != std::string::npos)
        return Error(kCredentialInvalid, "the realm has characters that a header can't carry");
    return {};
}

}  // namespace

Result<Additions> sign_oauth1(const OAuth1& credential, const Request& request, core::WallTime now,
                              std::string_view nonce) {
    SYNCLINE_CHECK(check(credential));
    SYNCLINE_TRY(const UrlParts url, parse_url(request.url));
    if (credential.method == OAuth1Method::kPlaintext && url.scheme != "https")
        return Error(kRequestUnsignable, "PLAINTEXT would send the secret without TLS");
    std::vector<Parameter> parameters = protocol_parameters(credential, now, nonce);
    SYNCLINE_TRY(std::string signature,
                 signature_of(credential, base_string(request, url, parameters)));
    parameters.push_back({"oauth_signature", std::move(signature)});
    std::string value = "OAuth ";
    if (!credential.realm.empty()) value += "realm=\"" + credential.realm + "\", ";
    bool is_first = true;
    for (const Parameter& parameter : parameters) {
        if (!is_first) value += ", ";
        is_first = false;
        value += percent_encode(parameter.name) + "=\"" + percent_encode(parameter.value) + '"';
    }
    Additions additions;
    additions.headers.push_back({"Authorization", core::Secret{std::move(value)}});
    return additions;
}

}  // namespace syncline::auth
