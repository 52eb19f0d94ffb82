#include "auth/token.hpp"

#include <random>

#include "auth/errc.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::auth;
using core::Secret;
using std::chrono::seconds;

namespace {

TokenEndpoint endpoint(ClientProof proof) {
    TokenEndpoint endpoint;
    endpoint.url = "https://as.example/token";
    endpoint.proof = proof;
    endpoint.client_id = "my client";
    endpoint.client_secret = Secret{"hush/1"};
    return endpoint;
}

std::string header(const TokenRequest& request, std::string_view name) {
    for (const SecretHeader& header : request.headers) {
        if (equal_names(header.name, name)) return std::string{header.value.reveal()};
    }
    return {};
}

std::string body(const TokenEndpoint& endpoint, const Grant& grant = ClientCredentialsGrant{}) {
    const auto request = make_token_request(endpoint, grant);
    if (!request) FAIL(request.error().to_string());
    return std::string{request->body.reveal()};
}

Token token(std::string_view answer) {
    const auto token = read_token_response(endpoint(ClientProof::kBasic), 200, answer);
    if (!token) FAIL(token.error().to_string());
    return std::move(*token);
}

const core::ErrorCode& code_of(int status, std::string_view answer) {
    const auto token = read_token_response(endpoint(ClientProof::kBasic), status, answer);
    if (token) FAIL("it was accepted: " << answer);
    CHECK(token.error().to_string().find("hush") == std::string::npos);
    for (const core::ErrorCode* code :
         {&kGrantRefused, &kTokenRequestRefused, &kTokenEndpointFailed}) {
        if (token.error().is(*code)) return *code;
    }
    FAIL("another code: " << token.error().to_string());
    return kGrantRefused;
}

}  // namespace

TEST_CASE("token request: the client's secret in Basic, a form or JSON", "[auth][token]") {
    const auto basic =
        make_token_request(endpoint(ClientProof::kBasic), ClientCredentialsGrant{}).value();
    CHECK(basic.method == "POST");
    CHECK(basic.url.reveal() == "https://as.example/token");
    // base64("my%20client:hush%2F1")
    CHECK(header(basic, "Authorization") == "Basic bXklMjBjbGllbnQ6aHVzaCUyRjE=");
    CHECK(header(basic, "Content-Type") == "application/x-www-form-urlencoded");
    CHECK(basic.body.reveal() == "grant_type=client_credentials");

    TokenEndpoint form = endpoint(ClientProof::kParameter);
    form.extra = {{"scope", "read:profiles write:profiles"}};
    CHECK(body(form) ==
          "grant_type=client_credentials&client_id=my%20client&client_secret=hush%2F1"
          "&scope=read%3Aprofiles%20write%3Aprofiles");

    TokenEndpoint json = endpoint(ClientProof::kParameter);
    json.parameters = TokenParameters::kJson;
    json.extra = {{"audience", "https://api.mparticle.com"}};
    CHECK(body(json) ==
          R"({"grant_type":"client_credentials","client_id":"my client","client_secret":"hush/1",)"
          R"("audience":"https://api.mparticle.com"})");
    CHECK(header(make_token_request(json, ClientCredentialsGrant{}).value(), "Content-Type") ==
          "application/json");
}

TEST_CASE("token request: refresh, code with PKCE, and JWT bearer", "[auth][token]") {
    const TokenEndpoint client = endpoint(ClientProof::kParameter);
    const TokenEndpoint basic = endpoint(ClientProof::kBasic);
    CHECK(body(basic, RefreshGrant{Secret{"r+1"}}) ==
          "grant_type=refresh_token&refresh_token=r%2B1");
    CHECK(body(client, CodeGrant{Secret{"c"}, "http://127.0.0.1:1/cb", Secret{"v"}}) ==
          "grant_type=authorization_code&code=c&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcb"
          "&code_verifier=v&client_id=my%20client&client_secret=hush%2F1");
    CHECK(body(endpoint(ClientProof::kNone), AssertionGrant{Secret{"a.b.c"}}) ==
          "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b.c"
          "&client_id=my%20client");
    const auto asserted = make_token_request(endpoint(ClientProof::kAssertion),
                                             ClientCredentialsGrant{}, Secret{"x.y.z"});
    CHECK(
        asserted->body.reveal() ==
        "grant_type=client_credentials&client_id=my%20client&client_assertion_type="
        "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=x.y.z");
}

TEST_CASE("token request: endpoints that keep to no standard are described", "[auth][token]") {
    TokenEndpoint raw_key;  // the key alone in a header, a life such as "900s"
    raw_key.url = "https://api.actito.example/auth/token";
    raw_key.method = "GET";
    raw_key.parameters = TokenParameters::kQuery;
    raw_key.proof = ClientProof::kHeader;
    raw_key.client_secret = Secret{"KEY"};
    raw_key.sends_grant_type = false;
    raw_key.token_member = "accessToken";
    raw_key.life_member = "expiresIn";
    const auto get = make_token_request(raw_key, ClientCredentialsGrant{}).value();
    CHECK(get.method == "GET");
    CHECK(get.url.reveal() == "https://api.actito.example/auth/token");
    CHECK(header(get, "Authorization") == "KEY");
    CHECK(get.body.empty());
    const auto life = read_token_response(
        raw_key, 200, R"({"accessToken":"t","tokenType":"bearer","expiresIn":"900s"})");
    CHECK(life->access_token.reveal() == "t");
    CHECK(life->life == seconds{900});

    TokenEndpoint text;  // the answer's body is the token
    text.url = "https://authenticate.copernica.example";
    text.proof = ClientProof::kParameter;
    text.client_secret = Secret{"API"};
    text.client_secret_name = "access_token";
    text.sends_grant_type = false;
    text.answer = TokenAnswer::kText;
    text.default_life = seconds{86400};
    CHECK(body(text) == "access_token=API");
    const auto jwt = read_token_response(text, 200, "eyJh.eyJi.c\r\n");
    CHECK(jwt->access_token.reveal() == "eyJh.eyJi.c");
    CHECK(jwt->life == seconds{86400});
    CHECK_FALSE(jwt->is_life_known);
    CHECK(read_token_response(text, 200, "<html> hush").error().is(kTokenEndpointFailed));
    CHECK(read_token_response(text, 200, "").error().is(kTokenEndpointFailed));

    TokenEndpoint query = endpoint(ClientProof::kParameter);  // the secret in the query
    query.method = "GET";
    query.parameters = TokenParameters::kQuery;
    query.sends_grant_type = false;
    const auto url = make_token_request(query, CodeGrant{Secret{"c"}, "https://r.example", {}});
    CHECK(url->url.reveal() ==
          "https://as.example/token?code=c&redirect_uri=https%3A%2F%2Fr.example"
          "&client_id=my%20client&client_secret=hush%2F1");
}

TEST_CASE("token request: a description that contradicts itself is refused", "[auth][token]") {
    const auto error_of = [](auto change) {
        TokenEndpoint changed = endpoint(ClientProof::kBasic);
        change(changed);
        const auto request = make_token_request(changed, ClientCredentialsGrant{});
        return request ? Error{} : request.error();
    };
    CHECK(error_of([](auto& e) { e.method = "PUT"; }).is(kTokenEndpointInvalid));
    CHECK(error_of([](auto& e) { e.method = "GET"; }).is(kTokenEndpointInvalid));
    CHECK(error_of([](auto& e) {
              e.parameters = TokenParameters::kQuery;
          }).is(kTokenEndpointInvalid));
    CHECK(error_of([](auto& e) { e.proof = ClientProof::kAssertion; }).is(kTokenEndpointInvalid));
    CHECK(error_of([](auto& e) { e.url = "as.example"; }).is(kRequestUnsignable));
    CHECK(error_of([](auto& e) { e.client_secret = Secret{}; }).is(kCredentialInvalid));
    CHECK(error_of([](auto& e) { e.client_id.clear(); }).is(kCredentialInvalid));
    const TokenEndpoint basic = endpoint(ClientProof::kBasic);
    CHECK(make_token_request(basic, RefreshGrant{}).error().is(kCredentialInvalid));
    CHECK(make_token_request(basic, ClientCredentialsGrant{}, Secret{"a"})
              .error()
              .is(kTokenEndpointInvalid));
}

TEST_CASE("token response: life is read as it comes, and made up when it makes no sense [C16]",
          "[auth][token][C16]") {
    const std::pair<const char*, std::int64_t> known[] = {
        {"3600", 3600},       {"\"3600\"", 3600},
        {"\"900s\"", 900},    {"\" 15 m \"", 900},
        {"\"1h\"", 3600},     {"\"1D\"", 86400},
        {"3600.9", 3600},     {"1", 1},
        {"1e300", 315360000}, {"18446744073709551615", 315360000}};
    for (const auto& [text, life] : known) {
        INFO(text);
        const Token read = token(std::string{R"({"access_token":"t","expires_in":)"} + text + "}");
        CHECK(read.life == seconds{life});
        CHECK(read.is_life_known);
    }
    for (const char* text : {"0", "-1", "0.5", "null", "true", "\"\"", "\"soon\"", "\"-900s\"",
                             "[]", "\"900x\"", "\"nan\"", "\"inf\"", "{}"}) {
        INFO(text);
        const Token read = token(std::string{R"({"access_token":"t","expires_in":)"} + text + "}");
        CHECK(read.life == seconds{300});
        CHECK_FALSE(read.is_life_known);
    }
    CHECK_FALSE(token(R"({"access_token":"t"})").is_life_known);
}

TEST_CASE("token response: a rotated refresh token is told from none", "[auth][token]") {
    CHECK(token(R"({"access_token":"t","refresh_token":"r2"})").refresh_token.reveal() == "r2");
    CHECK(token(R"({"access_token":"t"})").refresh_token.empty());
    CHECK(token(R"({"access_token":"t","refresh_token":null})").refresh_token.empty());
}

TEST_CASE("token response: what only a person can help is told from what may pass",
          "[auth][token][C15][C16]") {
    CHECK(&code_of(400, R"({"error":"invalid_grant","error_description":"hush"})") ==
          &kGrantRefused);
    CHECK(&code_of(401, R"({"error":"invalid_grant"})") == &kGrantRefused);
    CHECK(&code_of(200, R"({"error":"invalid_grant"})") == &kGrantRefused);
    CHECK(&code_of(401, R"({"error":"invalid_client"})") == &kTokenRequestRefused);
    CHECK(&code_of(400, "hush") == &kTokenRequestRefused);
    CHECK(&code_of(404, "") == &kTokenRequestRefused);
    CHECK(&code_of(302, "") == &kTokenRequestRefused);
    CHECK(&code_of(503, R"({"error":"invalid_grant"})") == &kTokenEndpointFailed);
    CHECK(&code_of(500, "") == &kTokenEndpointFailed);
    CHECK(&code_of(429, "{}") == &kTokenEndpointFailed);
    CHECK(&code_of(400, R"({"error":"temporarily_unavailable"})") == &kTokenEndpointFailed);
    CHECK(&code_of(400, R"({"error":"hush hush"})") == &kTokenRequestRefused);
}

TEST_CASE("token response: garbage is no token [C16]", "[auth][token][C16]") {
    for (std::string_view answer :
         {"", "hush", "[]", "{}", "null", R"({"access_token":""})", R"({"access_token":7})",
          R"({"access_token":"hush\r\nHost: x"})", R"({"access_token":"hush hush"})",
          R"({"access_token":"t","refresh_token":"hush\n"})", R"({"access_token":"\u00e9"})",
          R"({"access_token":"a","access_token":"b"})"}) {
        INFO(answer);
        CHECK(&code_of(200, answer) == &kTokenEndpointFailed);
    }
    CHECK(&code_of(200, std::string(kTokenAnswerBytesMax + 1, ' ')) == &kTokenEndpointFailed);
    const std::string endless = R"({"access_token":")" + std::string(40'000, 'a') + "\"}";
    CHECK(&code_of(200, endless) == &kTokenEndpointFailed);
}

TEST_CASE("token response: random damage never crashes", "[auth][token]") {
    constexpr std::string_view kAnswer =
        R"({"access_token":"abc","refresh_token":"def","expires_in":"900s","error":""})";
    std::mt19937 random{5};
    std::size_t accepted = 0;
    for (int i = 0; i < 5'000; ++i) {
        std::string answer{kAnswer};
        for (auto n = random() % 5; n > 0; --n)
            answer[random() % answer.size()] = static_cast<char>(random());
        const auto read = read_token_response(endpoint(ClientProof::kBasic), 200, answer);
        if (read.has_value()) ++accepted;
    }
    CHECK(accepted > 100);
    CHECK(accepted < 5'000);
}
