#include "auth/azure.hpp"

#include "additions.hpp"
#include "auth/errc.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::auth;
using core::Secret;

namespace {

constexpr core::WallTime kNewYear = 1'704'067'200'000'000'000;  // 2024-01-01
constexpr core::WallTime kMinute = 60'000'000'000;

// The account of the emulator, which everyone knows. The signatures below were computed by other
// code from the published rules.
AzureSharedKey emulator() {
    return {.account = "devstoreaccount1",
            .key = Secret{"Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/"
                          "K1SZFPTOtr/KBHBeksoGMGw=="}};
}

std::string signature(const Request& request) {
    return test::between(
        test::header(sign_azure_shared_key(emulator(), request, kNewYear), "Authorization"),
        "SharedKey devstoreaccount1:", "\n");
}

}  // namespace

TEST_CASE("azure shared key: a request without a body", "[auth][azure]") {
    const auto added = sign_azure_shared_key(
        emulator(),
        {"GET", "http://127.0.0.1:10000/devstoreaccount1/c1?restype=container&comp=list", {}, ""},
        kNewYear);
    CHECK(test::header(added, "Authorization") ==
          "SharedKey devstoreaccount1:qBox34+ad0bHiJDGv3SqRrKvo7SDstp48bYVcYUFs5Y=");
    CHECK(test::header(added, "x-ms-date") == "Mon, 01 Jan 2024 00:00:00 GMT");
    CHECK(test::header(added, "x-ms-version") == "2021-12-02");
}

TEST_CASE("azure shared key: body, standard headers and x-ms headers are signed", "[auth][azure]") {
    const std::vector<Header> headers{{"Content-Type", "text/plain; charset=UTF-8"},
                                      {"If-None-Match", "*"},
                                      {"X-MS-Blob-Type", "BlockBlob"},
                                      {"x-ms-meta-note", " a b "},
                                      {"Date", "not signed, because of x-ms-date"},
                                      {"x-ms-version", "replaced"}};
    const std::string url = "https://devstoreaccount1.blob.core.windows.net/c%201/b.txt";
    CHECK(signature({"PUT", url, headers, "hello world"}) ==
          "5x2Qi1avx9EPgkAVTZKDKg+dMWKNU9K6ijlEiE+cEC4=");
    CHECK(signature({"PUT", url, headers, "hello world!"}) !=
          "5x2Qi1avx9EPgkAVTZKDKg+dMWKNU9K6ijlEiE+cEC4=");
}

TEST_CASE("azure shared key: the query is decoded, sorted and joined by name", "[auth][azure]") {
    CHECK(signature({"GET",
                     "https://devstoreaccount1.blob.core.windows.net/"
                     "c1?prefix=a%20b%2F%2B&include=snapshots&COMP=list&include=metadata",
                     {},
                     ""}) == "H3PxjCmCTyB3s1fZydMzUGGSclFbaEUwjOsAGgFhbqA=");
}

TEST_CASE("azure sas: grants a container, or a blob with everything said", "[auth][azure]") {
    AzureSasTerms terms{
        .permissions = "rl", .start = kNewYear - 5 * kMinute, .expiry = kNewYear + 60 * kMinute};
    const auto container = azure_blob_sas(emulator(), terms, {.container = "c1"});
    CHECK(
        container->query.reveal() ==
        "sv=2021-12-02&sr=c&sp=rl&st=2023-12-31T23%3A55%3A00Z&se=2024-01-01T01%3A00%3A00Z&spr=https"
        "&sig=Ioe6NzotyGTOSPcJK1gKVNuew%2FJfXRUVwe02PDKQJL8%3D");
    terms = {.permissions = "r",
             .expiry = kNewYear + 60 * kMinute,
             .ip = "10.0.0.1-10.0.0.9",
             .protocol = "https,http",
             .encryption_scope = "scope"};
    const AzureBlobSas blob{.container = "c1",
                            .blob = "dir/b.txt",
                            .identifier = "policy",
                            .cache_control = "no-cache",
                            .content_disposition = "attachment; filename=a.txt",
                            .content_encoding = "gzip",
                            .content_language = "nl",
                            .content_type = "text/plain"};
    const auto added = azure_blob_sas(emulator(), terms, blob);
    CHECK(test::parameter(added, "sig") == "wjntfUhI9+l98XSRWh8MfcklxXdUYH2GZS8BDKegHsk=");
    CHECK(test::parameter(added, "sr") == "b");
    CHECK(test::parameter(added, "rscd") == "attachment; filename=a.txt");
    CHECK(test::parameter(added, "st").empty());
}

TEST_CASE("azure sas: grants an account", "[auth][azure]") {
    const AzureSasTerms terms{.permissions = "rwl", .expiry = kNewYear + 60 * kMinute};
    const auto added =
        azure_account_sas(emulator(), terms, {.services = "b", .resource_types = "sco"});
    CHECK(test::parameter(added, "sig") == "pdT970RZ05Q6ltUclVbsiyODbYm9JSrfFCSS6lUHiKQ=");
    CHECK(test::parameter(added, "srt") == "sco");
}

TEST_CASE("azure: what can't work is refused, and the key is not shown", "[auth][azure]") {
    const Request request{"GET", "https://a.example/c", {}, ""};
    AzureSharedKey no_base64 = emulator();
    no_base64.key = Secret{"hush hush"};
    AzureSharedKey keyless = emulator();
    keyless.key = Secret{};
    AzureSharedKey nameless = emulator();
    nameless.account.clear();
    for (const AzureSharedKey& credential : {no_base64, keyless, nameless}) {
        const auto refused = sign_azure_shared_key(credential, request, kNewYear);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().is(kCredentialInvalid));
        CHECK(refused.error().to_string().find("hush") == std::string::npos);
    }
    const AzureSasTerms terms{.permissions = "r", .start = kNewYear, .expiry = kNewYear};
    CHECK(azure_blob_sas(emulator(), terms, {.container = "c"}).error().is(kCredentialInvalid));
    AzureSasTerms good = terms;
    good.expiry += kMinute;
    CHECK(azure_blob_sas(emulator(), good, AzureBlobSas{}).error().is(kCredentialInvalid));
    CHECK(azure_account_sas(emulator(), good, AzureAccountSas{}).error().is(kCredentialInvalid));
    AzureSharedKey old = emulator();
    old.version = "2019-12-12";
    CHECK(azure_blob_sas(old, good, {.container = "c"}).error().is(kCredentialInvalid));
    good.permissions.clear();
    CHECK(azure_blob_sas(emulator(), good, {.container = "c"}).error().is(kCredentialInvalid));
}
