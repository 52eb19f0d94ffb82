#include "auth/request_hmac.hpp"

#include "additions.hpp"
#include "auth/errc.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::auth;
using core::HmacDigest;
using core::Secret;

namespace {

constexpr core::WallTime kYear2020 = 1'577'836'800'000'000'000;  // 2020-01-01

RequestHmacOptions idsync() {
    return {
        .key = Secret{"secret"},
        .key_id = "us1-key",
        .signed_text = "{method}\n{iso_date}\n{path}{body}",
        .headers = {
            {"x-mp-key", "{key_id}"}, {"Date", "{iso_date}"}, {"x-mp-signature", "{signature}"}}};
}

// What a template becomes, seen in a header beside the signature.
std::string filled(std::string text) {
    RequestHmacOptions options{.key = Secret{"k"},
                               .key_id = "id",
                               .signed_text = "x",
                               .headers = {{"Filled", std::move(text)}, {"S", "{signature}"}}};
    const Header header{"X-Seen", "  seen "};
    const Request request{"PUT", "https://H.example:8443/a%20b?q=1&r#f", {&header, 1}, "body"};
    return test::header(RequestHmac::make(std::move(options))->sign(request, kYear2020, "n1"),
                        "Filled");
}

}  // namespace

TEST_CASE("request hmac: signs as mParticle's IDSync wants it", "[auth][hmac]") {
    const auto signer = RequestHmac::make(idsync()).value();
    const auto added = signer.sign(
        {"POST", "https://identity.mparticle.com/v1/identify", {}, R"({"a":1})"}, kYear2020, "");
    CHECK(test::header(added, "x-mp-signature") ==
          "1d3b1b6ae1582c0ca319953a54f1c78ac474815e1383e603a6cacbaa47cfb244");
    CHECK(test::header(added, "x-mp-key") == "us1-key");
    CHECK(test::header(added, "Date") == "2020-01-01T00:00:00.000Z");
}

TEST_CASE("request hmac: signs a body as Mapp, GitHub and Shopify do", "[auth][hmac]") {
    const auto signature = [](HmacDigest digest, core::TextEncoding encoding, std::string key,
                              std::string value, std::string_view body) {
        RequestHmacOptions options{.digest = digest,
                                   .encoding = encoding,
                                   .key = Secret{std::move(key)},
                                   .key_id = {},
                                   .signed_text = "{body}",
                                   .headers = {{"S", std::move(value)}}};
        const auto signer = RequestHmac::make(std::move(options)).value();
        return test::header(signer.sign({"POST", "https://h.example/", {}, body}, 0, ""), "S");
    };
    CHECK(signature(HmacDigest::kSha1, core::TextEncoding::kHex, "s3cr3t", "{signature}",
                    R"({"Type":"CREATE_AUDIENCE","Name":"Test audience","Customer":123,)"
                    R"("Audience":"a5940e473cea659.356693871497425011"})") ==
          "2f9fb4f9d7568469ae92fe290607eea1044333f2");
    CHECK(signature(HmacDigest::kSha256, core::TextEncoding::kHex, "mysecret", "sha256={signature}",
                    R"({"foo":"bar"})") ==
          "sha256=4864d2759938a15468b5df9ade20bf161da9b4f737ea61794142f3484236bda3");
    CHECK(signature(HmacDigest::kSha256, core::TextEncoding::kBase64, "hush", "{signature}",
                    R"({"foo":"bar"})") == "kxsFTgDOlihbs91PqCBFjROWdTQGkFF0NzCvVuvOLsU=");
}

TEST_CASE("request hmac: placeholders stand for the parts of the request", "[auth][hmac]") {
    CHECK(filled("{method} {host} {path}") == "PUT h.example:8443 /a%20b");
    CHECK(filled("{query}|{target}") == "q=1&r|/a%20b?q=1&r");
    CHECK(filled("{url}") == "https://H.example:8443/a%20b?q=1&r");
    CHECK(filled("{timestamp},{timestamp_ms}") == "1577836800,1577836800000");
    CHECK(filled("{http_date}") == "Wed, 01 Jan 2020 00:00:00 GMT");
    CHECK(filled("{nonce}:{key_id}:{header:x-seen}:{header:none}") == "n1:id:seen:");
    CHECK(filled("{{{key_id}}") == "{id}");
    CHECK(filled("{body_sha256}") ==
          "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5");
}

TEST_CASE("request hmac: a template that can't work is refused at once", "[auth][hmac]") {
    const auto refuses = [](auto change) {
        RequestHmacOptions options = idsync();
        change(options);
        const auto signer = RequestHmac::make(std::move(options));
        return !signer && signer.error().is(kTemplateInvalid);
    };
    CHECK(refuses([](auto& o) { o.signed_text = ""; }));
    CHECK(refuses([](auto& o) { o.signed_text = "{metod}"; }));
    CHECK(refuses([](auto& o) { o.signed_text = "{method"; }));
    CHECK(refuses([](auto& o) { o.signed_text = "{signature}"; }));
    CHECK(refuses([](auto& o) { o.signed_text = "{header:a b}"; }));
    CHECK(refuses([](auto& o) { o.signed_text = std::string(4097, 'x'); }));
    CHECK(refuses([](auto& o) { o.headers.clear(); }));
    CHECK(refuses([](auto& o) { o.headers.back().value = "{key_id}"; }));
    CHECK(refuses([](auto& o) { o.headers.back().name = "a:b"; }));
    CHECK(refuses([](auto& o) { o.headers.front().value = "{body}"; }));
    RequestHmacOptions keyless = idsync();
    keyless.key = Secret{};
    CHECK(RequestHmac::make(std::move(keyless)).error().is(kCredentialInvalid));
}
