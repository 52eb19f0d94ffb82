#include "config/account_oauth2.hpp"

#include <iterator>
#include <utility>

#include "auth/errc.hpp"
#include "auth/static_credential.hpp"
#include "config/settings.hpp"

namespace syncline::config {
namespace {

constexpr std::int64_t kLifeMaxS = 365 * 86'400;
constexpr std::int64_t kAssertionLifeMaxS = 3600;

Error invalid(std::string what, std::string remedy) {
    return {auth::kTokenEndpointInvalid, std::move(what), std::move(remedy)};
}

void read_answer(const AuthReader& reader, auth::TokenEndpoint& endpoint) {
    const AuthReader answer = reader.inner(
        "answer", {{}, {"format", "token", "refresh_token", "life", "default_life_s"}});
    constexpr auth::TokenAnswer kFormats[] = {auth::TokenAnswer::kJson, auth::TokenAnswer::kText};
    endpoint.answer = kFormats[answer.choice("format", {"json", "text"})];
    endpoint.token_member = answer.text_or("token", endpoint.token_member);
    endpoint.refresh_member = answer.text_or("refresh_token", endpoint.refresh_member);
    endpoint.life_member = answer.text_or("life", endpoint.life_member);
    answer.section().read("default_life_s", endpoint.default_life, 1, kLifeMaxS);
}

auth::TokenEndpoint read_endpoint(const AuthReader& reader) {
    constexpr auth::ClientProof kProofs[] = {
        auth::ClientProof::kBasic, auth::ClientProof::kNone, auth::ClientProof::kParameter,
        auth::ClientProof::kHeader, auth::ClientProof::kAssertion};
    constexpr auth::TokenParameters kRequests[] = {
        auth::TokenParameters::kForm, auth::TokenParameters::kJson, auth::TokenParameters::kQuery};
    auth::TokenEndpoint endpoint;
    endpoint.url = reader.text("token_url");
    endpoint.client_id = reader.text("client_id");
    endpoint.client_secret = reader.secret("client_secret");
    endpoint.proof =
        kProofs[reader.choice("proof", {"basic", "none", "parameter", "header", "assertion"})];
    endpoint.parameters = kRequests[reader.choice("request", {"form", "json", "query"})];
    if (endpoint.parameters == auth::TokenParameters::kQuery) endpoint.method = "GET";
    endpoint.client_id_name = reader.text_or("client_id_name", endpoint.client_id_name);
    endpoint.client_secret_name = reader.text_or("client_secret_name", endpoint.client_secret_name);
    endpoint.secret_header = reader.text_or("secret_header", endpoint.secret_header);
    endpoint.secret_prefix = reader.text("secret_prefix");
    endpoint.sends_grant_type = reader.section().flag("sends_grant_type").value_or(true);
    endpoint.extra = reader.texts("parameters", SecretUse::kAllowed);
    read_answer(reader, endpoint);
    return endpoint;
}

// What the browser shows is no secret.
auth::AuthorizeEndpoint read_authorize(const AuthReader& reader) {
    const AuthReader login =
        reader.inner("authorize", {{"url"}, {"parameters", "redirect_url", "issuer"}});
    auth::AuthorizeEndpoint authorize;
    authorize.url = login.section().text("url").value_or("");
    authorize.parameters = login.texts("parameters", SecretUse::kRefused);
    if (login.section().find("redirect_url") != nullptr)
        authorize.redirect_url = login.section().text("redirect_url").value_or("");
    authorize.issuer = login.section().text("issuer").value_or("");
    return authorize;
}

boost::json::object read_claims(const AuthReader& assertion) {
    const Node* claims = assertion.section().find("claims");
    if (claims == nullptr) return {};
    const std::string path = assertion.section().path("claims");
    if (claims->is_map())
        return read_settings(assertion.context(), *claims, path, SecretUse::kAllowed).values;
    assertion.context().problems.add(kType, claims->at, in_quotes(path) + " must be a map");
    return {};
}

// A key in PEM has one algorithm; only a secret is no PEM.
Result<auth::JwsKey> read_key(const AuthReader& assertion) {
    constexpr std::string_view kOfSecret = "HS256";
    const std::vector<std::string_view> names{"RS256", "ES256", "EdDSA", kOfSecret};
    const std::string_view name = assertion.section().find("algorithm") == nullptr
                                      ? ""
                                      : names[assertion.choice("algorithm", names)];
    core::Secret text = assertion.secret("key");
    std::string id = assertion.text("key_id");
    SYNCLINE_TRY(auth::Key key, name == kOfSecret ? auth::Key::from_secret(std::move(text))
                                                  : auth::Key::from_pem(text.reveal()));
    const auth::JwsAlgorithm algorithm = auth::jws_algorithm_of(key.family());
    if (!key.can_sign()) return Error{auth::kKeyInvalid, "the assertion's key is a public one"};
    if (!name.empty() && name != auth::jws_name(algorithm))
        return Error{auth::kKeyInvalid,
                     "the assertion's key is one of " + std::string{auth::jws_name(algorithm)}};
    return auth::JwsKey{std::move(id), std::move(key), {algorithm}};
}

Result<OAuth2::Assertion> read_assertion(const AuthReader& reader,
                                         const auth::TokenEndpoint& endpoint) {
    const AuthReader assertion = reader.inner(
        "assertion",
        {{"key"}, {"key_id", "algorithm", "issuer", "subject", "audience", "life_s", "claims"}});
    auth::AssertionOptions options;
    options.issuer = assertion.text_or("issuer", endpoint.client_id);
    // Who authenticates itself speaks of itself (RFC 7523 section 3).
    const bool is_client = endpoint.proof == auth::ClientProof::kAssertion;
    options.subject = assertion.text_or("subject", is_client ? options.issuer : "");
    options.audience = assertion.text_or("audience", endpoint.url);
    assertion.section().read("life_s", options.life, 1, kAssertionLifeMaxS);
    options.more_claims = read_claims(assertion);
    SYNCLINE_TRY(auth::JwsKey key, read_key(assertion));
    if (options.issuer.empty())
        return Error{auth::kCredentialInvalid, "the assertion has no issuer",
                     "write `client_id`, or `issuer` of the assertion"};
    if (options.audience.empty())
        return Error{auth::kCredentialInvalid, "the assertion has no audience"};
    return OAuth2::Assertion{std::move(key), std::move(options)};
}

// What one grant needs is nothing to the others.
Result<void> check_parts(const AuthReader& reader, const OAuth2& oauth2) {
    const auto is_there = [&](std::string_view key) {
        return reader.section().find(key) != nullptr;
    };
    const auto fits = [&](std::string_view key, bool is_needed,
                          const std::string& where) -> Result<void> {
        if (is_there(key) == is_needed) return {};
        const std::string name = in_quotes(key);
        if (is_needed) return invalid(name + " is missing with " + where, "add " + name);
        return invalid(name + " goes with " + where + " only", "remove " + name);
    };
    const bool is_jwt = oauth2.grant == OAuth2Grant::kJwtBearer;
    const bool proves = oauth2.endpoint.proof == auth::ClientProof::kAssertion;
    SYNCLINE_CHECK(fits("refresh_token", oauth2.grant == OAuth2Grant::kRefreshToken,
                        "`grant: refresh_token`"));
    SYNCLINE_CHECK(fits("authorize", oauth2.grant == OAuth2Grant::kAuthorizationCode,
                        "`grant: authorization_code`"));
    SYNCLINE_CHECK(
        fits("assertion", is_jwt || proves, "`grant: jwt_bearer` or `proof: assertion`"));
    if (is_jwt && proves)
        return invalid("one assertion can't be both the grant and the client's proof",
                       "use another `proof`");
    return {};
}

Result<void> check_endpoint(const auth::TokenEndpoint& endpoint) {
    SYNCLINE_TRY(const auth::UrlParts url, auth::parse_url(endpoint.url));
    if (!auth::is_confidential(url))
        return invalid("tokens are asked for by https only", "write `token_url: https://...`");
    for (const std::string* name :
         {&endpoint.client_id_name, &endpoint.client_secret_name, &endpoint.token_member,
          &endpoint.refresh_member, &endpoint.life_member})
        if (name->empty())
            return invalid("a name of the token endpoint's parameters or members is empty",
                           "write it, or leave its key out");
    const bool has_assertion = endpoint.proof == auth::ClientProof::kAssertion;
    auto request = auth::make_token_request(endpoint, auth::ClientCredentialsGrant{},
                                            core::Secret{has_assertion ? "assertion" : ""});
    if (request.has_value()) return {};
    if (!request.error().is(auth::kCredentialInvalid)) return request.error();
    return Error{
        auth::kCredentialInvalid, std::string{request.error().what()},
        "give `client_id` and `client_secret`; a client without a secret has `proof: none`"};
}

Result<void> check(const OAuth2& oauth2) {
    SYNCLINE_CHECK(check_endpoint(oauth2.endpoint));
    if (oauth2.authorize) {
        SYNCLINE_CHECK(auth::check_authorize_endpoint(*oauth2.authorize));
        if (oauth2.endpoint.client_id.empty())
            return invalid("`client_id` is missing with `grant: authorization_code`", "add it");
    }
    if (oauth2.header.empty()) return Error{auth::kCredentialInvalid, "the header has no name"};
    const auth::ApiKey shown{oauth2.header, {}, oauth2.prefix, core::Secret{"token"}};
    SYNCLINE_CHECK(auth::add_api_key(shown));
    return {};
}

}  // namespace

Keys oauth2_keys() {
    return {
        {"grant", "token_url"},
        {"client_id", "client_secret", "proof", "request", "client_id_name", "client_secret_name",
         "secret_header", "secret_prefix", "sends_grant_type", "scope", "parameters",
         "refresh_token", "header", "prefix", "answer", "assertion", "authorize"}};
}

Result<OAuth2> read_oauth2(const AuthReader& reader) {
    constexpr OAuth2Grant kGrants[] = {OAuth2Grant::kClientCredentials, OAuth2Grant::kRefreshToken,
                                       OAuth2Grant::kAuthorizationCode, OAuth2Grant::kJwtBearer};
    OAuth2 oauth2;
    oauth2.grant = kGrants[reader.choice(
        "grant", {"client_credentials", "refresh_token", "authorization_code", "jwt_bearer"})];
    oauth2.endpoint = read_endpoint(reader);
    oauth2.header = reader.text_or("header", oauth2.header);
    oauth2.prefix = reader.text_or("prefix", oauth2.prefix);
    oauth2.refresh_token = reader.secret("refresh_token");
    std::string scope = reader.text("scope");
    if (reader.section().find("authorize") != nullptr) {
        oauth2.authorize = read_authorize(reader);
        oauth2.authorize->scope = std::move(scope);
    } else if (!scope.empty()) {
        oauth2.endpoint.extra.push_back({"scope", std::move(scope)});
    }
    if (reader.section().find("assertion") != nullptr) {
        SYNCLINE_TRY(oauth2.assertion, read_assertion(reader, oauth2.endpoint));
    }
    SYNCLINE_CHECK(check_parts(reader, oauth2));
    SYNCLINE_CHECK(check(oauth2));
    return oauth2;
}

}  // namespace syncline::config
