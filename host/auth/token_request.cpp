#include <boost/json/value.hpp>

#include "auth/errc.hpp"
#include "auth/secret_json.hpp"
#include "auth/static_credential.hpp"
#include "auth/token.hpp"
#include "auth/url.hpp"

namespace syncline::auth {
namespace {

constexpr std::string_view kJwtGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
constexpr std::string_view kJwtClient = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

struct SecretParameter {
    std::string name;
    core::Secret value;
};
using SecretParameters = std::vector<SecretParameter>;

void add(SecretParameters& parameters, std::string_view name, std::string_view value) {
    parameters.push_back({std::string{name}, core::Secret{std::string{value}}});
}

// The grant's parameters; the first is its type.
struct GrantParameters {
    SecretParameters operator()(const ClientCredentialsGrant&) const {
        SecretParameters parameters;
        add(parameters, "grant_type", "client_credentials");
        return parameters;
    }
    SecretParameters operator()(const RefreshGrant& grant) const {
        SecretParameters parameters;
        add(parameters, "grant_type", "refresh_token");
        add(parameters, "refresh_token", grant.refresh_token.reveal());
        return parameters;
    }
    SecretParameters operator()(const CodeGrant& grant) const {
        SecretParameters parameters;
        add(parameters, "grant_type", "authorization_code");
        add(parameters, "code", grant.code.reveal());
        if (!grant.redirect_uri.empty()) add(parameters, "redirect_uri", grant.redirect_uri);
        if (!grant.verifier.empty()) add(parameters, "code_verifier", grant.verifier.reveal());
        return parameters;
    }
    SecretParameters operator()(const AssertionGrant& grant) const {
        SecretParameters parameters;
        add(parameters, "grant_type", kJwtGrant);
        add(parameters, "assertion", grant.assertion.reveal());
        return parameters;
    }
};

Error invalid_request(std::string what) {
    return {kTokenEndpointInvalid, std::move(what)};
}

Result<void> check(const TokenEndpoint& endpoint, const SecretParameters& parameters,
                   const core::Secret& client_assertion) {
    SYNCLINE_CHECK(parse_url(endpoint.url));
    if (endpoint.method != "GET" && endpoint.method != "POST")
        return invalid_request("a token is asked for with GET or POST");
    if ((endpoint.method == "GET") != (endpoint.parameters == TokenParameters::kQuery))
        return invalid_request("GET, and it alone, has its parameters in the query");
    const bool has_secret = endpoint.proof == ClientProof::kBasic ||
                            endpoint.proof == ClientProof::kParameter ||
                            endpoint.proof == ClientProof::kHeader;
    if (has_secret && endpoint.client_secret.empty())
        return Error(kCredentialInvalid, "the client's secret is empty");
    if (endpoint.proof == ClientProof::kBasic && endpoint.client_id.empty())
        return Error(kCredentialInvalid, "the client's name is empty");
    if ((endpoint.proof == ClientProof::kAssertion) == client_assertion.empty())
        return invalid_request(
            "the client shows an assertion exactly where the endpoint wants one");
    for (const SecretParameter& parameter : parameters) {
        if (parameter.value.empty())
            return Error(kCredentialInvalid, "the grant's " + parameter.name + " is empty");
    }
    return {};
}

// The client's name and secret, where they belong.
Result<void> add_client(const TokenEndpoint& endpoint, const core::Secret& client_assertion,
                        SecretParameters& parameters, TokenRequest& request) {
    const std::string_view secret = endpoint.client_secret.reveal();
    if (endpoint.proof == ClientProof::kBasic) {
        const Basic basic{percent_encode(endpoint.client_id), core::Secret{percent_encode(secret)}};
        SYNCLINE_TRY(Additions additions, add_basic(basic));
        request.headers.push_back(std::move(additions.headers.front()));
        return {};
    }
    if (!endpoint.client_id.empty()) add(parameters, endpoint.client_id_name, endpoint.client_id);
    if (endpoint.proof == ClientProof::kParameter)
        add(parameters, endpoint.client_secret_name, secret);
    if (endpoint.proof == ClientProof::kAssertion) {
        add(parameters, "client_assertion_type", kJwtClient);
        add(parameters, "client_assertion", client_assertion.reveal());
    }
    if (endpoint.proof == ClientProof::kHeader) {
        const ApiKey key{
            endpoint.secret_header, {}, endpoint.secret_prefix, endpoint.client_secret};
        SYNCLINE_TRY(Additions additions, add_api_key(key));
        request.headers.push_back(std::move(additions.headers.front()));
    }
    return {};
}

core::Secret as_query(const SecretParameters& parameters) {
    std::size_t size = 0;
    for (const auto& [name, value] : parameters)
        size += 3 * (name.size() + value.reveal().size()) + 2;
    std::string text;
    text.reserve(size);  // growing would leave copies behind
    for (const auto& [name, value] : parameters) {
        const core::Secret encoded{percent_encode(value.reveal())};
        text += text.empty() ? "" : "&";
        text += percent_encode(name) + '=';
        text += encoded.reveal();
    }
    return core::Secret{std::move(text)};
}

core::Secret as_json(const SecretParameters& parameters) {
    boost::json::object object;
    for (const auto& [name, value] : parameters) object[name] = value.reveal();
    return SecretJson(std::move(object)).text();
}

}  // namespace

Result<TokenRequest> make_token_request(const TokenEndpoint& endpoint, const Grant& grant,
                                        const core::Secret& client_assertion) {
    SecretParameters parameters = std::visit(GrantParameters{}, grant);
    SYNCLINE_CHECK(check(endpoint, parameters, client_assertion));
    if (!endpoint.sends_grant_type) parameters.erase(parameters.begin());
    TokenRequest request;
    request.method = endpoint.method;
    request.url = core::Secret{endpoint.url};
    SYNCLINE_CHECK(add_client(endpoint, client_assertion, parameters, request));
    for (const Parameter& parameter : endpoint.extra)
        add(parameters, parameter.name, parameter.value);
    const bool wants_text = endpoint.answer == TokenAnswer::kText;
    request.headers.push_back({"Accept", core::Secret{wants_text ? "*/*" : "application/json"}});
    switch (endpoint.parameters) {
        case TokenParameters::kQuery:
            request.url = core::Secret{with_query(endpoint.url, as_query(parameters).reveal())};
            return request;
        case TokenParameters::kJson:
            request.headers.push_back({"Content-Type", core::Secret{"application/json"}});
            request.body = as_json(parameters);
            return request;
        case TokenParameters::kForm:
            break;
    }
    request.headers.push_back({"Content-Type", core::Secret{"application/x-www-form-urlencoded"}});
    request.body = as_query(parameters);
    return request;
}

}  // namespace syncline::auth
