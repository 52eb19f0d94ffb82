#include "auth/authorization.hpp"

#include "auth/errc.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::auth;

namespace {

const AuthorizeEndpoint kEndpoint{"https://h.example/a?tenant=1",
                                  "read write",
                                  {{"access_type", "offline"}},
                                  "http://127.0.0.1/callback",
                                  ""};
const AuthorizationRequest kRequest{"cli ent", "http://127.0.0.1:8400/callback", "st4te", "ch4l"};

AuthorizeEndpoint with_issuer() {
    AuthorizeEndpoint endpoint = kEndpoint;
    endpoint.issuer = "https://h.example";
    return endpoint;
}

}  // namespace

TEST_CASE("authorization: the address has what the standard asks for", "[auth]") {
    CHECK(authorization_url(kEndpoint, kRequest) ==
          "https://h.example/a?tenant=1&response_type=code&client_id=cli%20ent"
          "&redirect_uri=http%3A%2F%2F127.0.0.1%3A8400%2Fcallback&scope=read%20write&state=st4te"
          "&code_challenge=ch4l&code_challenge_method=S256&access_type=offline");
}

TEST_CASE("authorization: the answer to this request has the code", "[auth]") {
    const auto code = read_callback(kEndpoint, kRequest, "code=4%2F0a+b&state=st4te&session=x");
    REQUIRE(code.has_value());
    CHECK(code->equals("4/0a b"));
    const auto named =
        read_callback(with_issuer(), kRequest, "code=c&state=st4te&iss=https%3A%2F%2Fh.example");
    CHECK(named.has_value());
}

TEST_CASE("authorization: what does not answer this request is refused", "[auth]") {
    const std::pair<AuthorizeEndpoint, std::string> cases[] = {
        {kEndpoint, ""},
        {kEndpoint, "code=c"},
        {kEndpoint, "code=c&state="},
        {kEndpoint, "code=c&state=other"},
        {kEndpoint, "code=c&state=st4te&state=st4te"},
        {kEndpoint, "error=access_denied&state=other"},
        {kEndpoint, "state=st4te"},
        {kEndpoint, "code=&state=st4te"},
        {kEndpoint, "code=c&code=d&state=st4te"},
        {kEndpoint, "code=%0d%0a&state=st4te"},
        {kEndpoint, "state=st4te&code=" + std::string(kCallbackBytesMax, 'c')},
        {with_issuer(), "code=c&state=st4te"},
        {with_issuer(), "code=c&state=st4te&iss=https%3A%2F%2Fevil.example"},
        {with_issuer(), "error=access_denied&state=st4te"}};
    for (const auto& [endpoint, query] : cases) {
        CAPTURE(query.substr(0, 80));
        const auto code = read_callback(endpoint, kRequest, query);
        REQUIRE_FALSE(code.has_value());
        CHECK(code.error().is(kCallbackInvalid));
    }
}

TEST_CASE("authorization: a refusal is told by its name, and by nothing else", "[auth]") {
    const std::pair<const char*, const char*> cases[] = {
        {"error=access_denied&error_description=secr%65t&state=st4te", "access_denied"},
        {"state=st4te&error=%3Cscript%3E", "an error without a name"},
        {"state=st4te&error=a&error=b", "an error without a name"},
        {"state=st4te&error=access_denied&code=c", "access_denied"}};
    for (const auto& [query, name] : cases) {
        const auto code = read_callback(kEndpoint, kRequest, query);
        REQUIRE_FALSE(code.has_value());
        CHECK(code.error().is(kAuthorisationRefused));
        CHECK(code.error().what() == "the platform answered " + std::string{name});
    }
}

TEST_CASE("authorization: an address, its query, or the code alone may be pasted", "[auth]") {
    for (const char* text :
         {" http://127.0.0.1:8400/callback?code=4%2F0a&state=st4te#_=_ \n",
          "https://other.example/?state=st4te&code=4%2F0a", "code=4%2F0a&state=st4te",
          "state=st4te&code=4%2F0a\r\n", "4/0a", "4%2F0a\n"}) {
        CAPTURE(text);
        const auto code = read_pasted(kEndpoint, kRequest, text);
        REQUIRE(code.has_value());
        CHECK(code->equals("4/0a"));
    }
    for (const std::string& text :
         {std::string{" \n"}, std::string{"http://127.0.0.1:8400/callback"},
          std::string{"http://127.0.0.1:8400/callback?code=c&state=other"},
          std::string{"code=c&state=other"}, std::string{"c\x01"},
          std::string(kCallbackBytesMax + 1, 'c')}) {
        CAPTURE(text.substr(0, 80));
        const auto code = read_pasted(kEndpoint, kRequest, text);
        REQUIRE_FALSE(code.has_value());
        CHECK(code.error().is(kCallbackInvalid));
    }
}
