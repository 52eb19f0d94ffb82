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
        const core::Secret encoded{percent_encode(key)};
        additions.query =
            core::Secret::join({percent_encode(credential.query), "=", encoded.reveal()});
        return additions;
    }
    if (!is_header_name(credential.header))
        return invalid_credential("the API key's header has no such name");
    return one_header(credential.header, core::Secret::join({credential.prefix, key}));
}

Result<Additions> add_basic(const Basic& credential) {
    if (credential.username.empty()) return invalid_credential("the user name is empty");
    if (credential.username.find(':') != std::string::npos)
        return invalid_credential(
            "the user name has a colon, which Basic authentication can't carry");
    const auto plain = core::Secret::join({credential.username, ":", credential.password.reveal()});
    const core::Secret encoded{core::to_base64(plain.reveal())};
    return one_header("Authorization", core::Secret::join({"Basic ", encoded.reveal()}));
}

Result<Additions> add_bearer(const core::Secret& token) {
    if (token.empty()) return invalid_credential("the token is empty");
    return one_header("Authorization", core::Secret::join({"Bearer ", token.reveal()}));
}

}  // namespace syncline::auth
