#include "auth/static_credential.hpp"

#include <algorithm>

#include "auth/errc.hpp"
#include "auth/url.hpp"
#include "core/encoding.hpp"

namespace syncline::auth {
namespace {

Error invalid_credential(std::string what) {
    return {kCredentialInvalid, std::move(what)};
}

Result<Additions> one_header(std::string name, core::Secret value) {
    if (!is_header_value(value.reveal()))
        return invalid_credential("the credential has characters that a header can't carry");
    Additions additions;
    additions.headers.push_back({std::move(name), std::move(value)});
    return additions;
}

}  // namespace

bool is_header_name(std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
    });
}

bool is_header_value(std::string_view value) {
    return std::ranges::none_of(value, [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    });
}

Result<Additions> add_api_key(const ApiKey& credential) {
    if (credential.key.empty()) return invalid_credential("the API key is empty");
    if (credential.header.empty() == credential.query.empty())
        return invalid_credential("the API key goes into a header or into the query, not both");
    const std::string_view key = credential.key.reveal();
    if (!credential.query.empty()) {
        Additions additions;
        additions.query =
            core::Secret{percent_encode(credential.query) + '=' + percent_encode(key)};
        return additions;
    }
    if (!is_header_name(credential.header))
        return invalid_credential("the API key's header has no such name");
    std::string value = credential.prefix;
    value += key;
    return one_header(credential.header, core::Secret{std::move(value)});
}

Result<Additions> add_basic(const Basic& credential) {
    if (credential.username.empty()) return invalid_credential("the user name is empty");
    if (credential.username.find(':') != std::string::npos)
        return invalid_credential(
            "the user name has a colon, which Basic authentication can't carry");
    const core::Secret plain{credential.username + ":" + std::string{credential.password.reveal()}};
    return one_header("Authorization", core::Secret{"Basic " + core::to_base64(plain.reveal())});
}

Result<Additions> add_bearer(const core::Secret& token) {
    if (token.empty()) return invalid_credential("the token is empty");
    std::string value = "Bearer ";
    value += token.reveal();
    return one_header("Authorization", core::Secret{std::move(value)});
}

}  // namespace syncline::auth
