#include "auth/credential.hpp"

#include "additions.hpp"
#include "auth/errc.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::auth;
using core::Secret;

TEST_CASE("credential: a shared access signature is appended as it was given", "[auth][static]") {
    const Request request{"GET", "https://a.blob.core.windows.net/c?comp=list", {}, ""};
    for (const char* query : {"sv=2021-12-02&sig=a%2Bb", "?sv=2021-12-02&sig=a%2Bb"}) {
        const auto added = authenticate(AzureSasToken{Secret{query}}, request, 0, "n");
        CHECK(added->query.reveal() == "sv=2021-12-02&sig=a%2Bb");
    }
    for (const char* query : {"", "?", "a b", "a#b", "a\nb"})
        CHECK(check_credential(AzureSasToken{Secret{query}}).error().is(kCredentialInvalid));
}

TEST_CASE("credential: what can't serve shows without a request", "[auth][static]") {
    CHECK(check_credential(Bearer{Secret{"t"}}).has_value());
    CHECK(check_credential(Bearer{}).error().is(kCredentialInvalid));
    CHECK(check_credential(OAuth1{}).error().is(kCredentialInvalid));
    CHECK(check_credential(AwsSigV4{}).error().is(kCredentialInvalid));
    CHECK(check_credential(AzureSharedKey{}).error().is(kCredentialInvalid));
    CHECK(check_credential(ApiKey{}).error().is(kCredentialInvalid));
}
