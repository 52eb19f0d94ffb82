#include "auth/authorization.hpp"

#include <algorithm>
#include <optional>

#include "auth/errc.hpp"
#include "auth/request.hpp"
#include "auth/url.hpp"

namespace syncline::auth {
namespace {

constexpr std::size_t kErrorNameBytesMax = 64;
constexpr std::size_t kIssuerBytesMax = 1024;

// What the hub sets itself, or depends on.
constexpr std::string_view kReserved[] = {
    "response_type", "response_mode", "client_id",      "redirect_uri",
    "scope",         "state",         "code_challenge", "code_challenge_method"};

Error invalid_login(std::string what) {
    return {kTokenEndpointInvalid, std::move(what)};
}

Error not_ours(std::string what) {
    return {kCallbackInvalid, std::move(what)};
}

// A parameter that came more than once says nothing (RFC 6749 section 3.1).
std::optional<std::string> only(const std::vector<Parameter>& parameters, std::string_view name) {
    const auto is_it = [&](const Parameter& parameter) { return parameter.name == name; };
    if (std::ranges::count_if(parameters, is_it) != 1) return std::nullopt;
    return std::ranges::find_if(parameters, is_it)->value;
}

bool has(const std::vector<Parameter>& parameters, std::string_view name) {
    return std::ranges::any_of(parameters, [&](const Parameter& p) { return p.name == name; });
}

// The name of an error (RFC 6749 section 4.1.2.1), if it looks like one: a description may hold
// anything.
std::string error_name(const std::string& name) {
    const auto is_plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '.' || c == '-';
    };
    if (name.empty() || name.size() > kErrorNameBytesMax || !std::ranges::all_of(name, is_plain))
        return "an error without a name";
    return name;
}

bool is_code(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

Result<void> check_issuer(const AuthorizeEndpoint& endpoint,
                          const std::vector<Parameter>& parameters) {
    if (endpoint.issuer.empty()) return {};
    const auto issuer = only(parameters, "iss");
    if (issuer && core::Secret{*issuer}.equals(endpoint.issuer)) return {};
    return not_ours("the answer does not come from the issuer that is configured");
}

}  // namespace

Result<void> check_authorize_endpoint(const AuthorizeEndpoint& endpoint) {
    SYNCLINE_TRY(const UrlParts url, parse_url(endpoint.url));
    if (!is_confidential(url)) return invalid_login("a person logs in by https only");
    SYNCLINE_TRY(const UrlParts redirect, parse_url(endpoint.redirect_url));
    if (redirect.scheme == "http" && !is_loopback(redirect))
        return invalid_login(
            "the browser comes back by https, or to 127.0.0.1, [::1] or localhost");
    if (endpoint.redirect_url.find('#') != std::string::npos)
        return invalid_login("the address that the browser comes back to has no fragment");
    if (endpoint.issuer.size() > kIssuerBytesMax) return invalid_login("the issuer is too long");
    for (const Parameter& parameter : endpoint.parameters) {
        if (parameter.name.empty()) return invalid_login("a parameter of the login has no name");
        if (std::ranges::find(kReserved, parameter.name) != std::end(kReserved))
            return invalid_login("the parameter " + parameter.name +
                                 " of the login is the hub's own");
    }
    return {};
}

std::string authorization_url(const AuthorizeEndpoint& endpoint,
                              const AuthorizationRequest& request) {
    std::vector<Parameter> parameters{{"response_type", "code"}};
    if (!request.client_id.empty()) parameters.push_back({"client_id", request.client_id});
    parameters.push_back({"redirect_uri", request.redirect_url});
    if (!endpoint.scope.empty()) parameters.push_back({"scope", endpoint.scope});
    parameters.push_back({"state", request.state});
    parameters.push_back({"code_challenge", request.challenge});
    parameters.push_back({"code_challenge_method", "S256"});
    parameters.insert(parameters.end(), endpoint.parameters.begin(), endpoint.parameters.end());
    return with_query(endpoint.url, write_query(parameters));
}

Result<core::Secret> read_callback(const AuthorizeEndpoint& endpoint,
                                   const AuthorizationRequest& request, std::string_view query) {
    if (query.size() > kCallbackBytesMax) return not_ours("the answer is too long");
    const std::vector<Parameter> parameters = parse_form(query);
    const auto state = only(parameters, "state");
    if (!state || !core::Secret{*state}.equals(request.state))
        return not_ours("the answer does not belong to this login");
    SYNCLINE_CHECK(check_issuer(endpoint, parameters));
    if (has(parameters, "error")) {
        const std::string name = error_name(only(parameters, "error").value_or(""));
        return Error{kAuthorisationRefused, "the platform answered " + name};
    }
    const auto code = only(parameters, "code");
    if (!code || !is_code(*code)) return not_ours("the answer has no code");
    return core::Secret{*code};
}

Result<core::Secret> read_pasted(const AuthorizeEndpoint& endpoint,
                                 const AuthorizationRequest& request, std::string_view text) {
    constexpr std::string_view kBlank = " \t\r\n";
    const std::size_t first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return not_ours("nothing was pasted");
    text = text.substr(first, text.find_last_not_of(kBlank) - first + 1);
    if (text.size() > kCallbackBytesMax) return not_ours("what was pasted is too long");
    if (const std::size_t mark = text.find('?'); mark != std::string_view::npos) {
        text.remove_prefix(mark + 1);
        return read_callback(endpoint, request, text.substr(0, text.find('#')));
    }
    if (text.find("://") != std::string_view::npos)
        return not_ours("the address that was pasted has no code");
    const bool is_query =
        text.starts_with("code=") || text.find("&code=") != std::string_view::npos;
    if (is_query) return read_callback(endpoint, request, text);
    if (!is_code(text)) return not_ours("what was pasted is no code");
    return core::Secret{percent_decode(text)};
}

}  // namespace syncline::auth
