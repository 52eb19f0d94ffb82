#include "intake/verify.hpp"

#include <utility>

#include "core/hash.hpp"
#include "fields.hpp"
#include "intake/errc.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::intake;
using namespace syncline::test;

namespace {

SignatureOptions signature_options(core::HmacDigest algorithm, core::TextEncoding encoding,
                                   std::string key, std::string prefix = "") {
    SignatureOptions options;
    options.algorithm = algorithm;
    options.encoding = encoding;
    options.header = "X-HMAC";
    options.prefix = std::move(prefix);
    options.keys.push_back({core::Secret{std::move(key)}, std::nullopt, ""});
    return options;
}

Verifier signature(core::HmacDigest algorithm, core::TextEncoding encoding, std::string key,
                   std::string prefix = "") {
    return made(signature_options(algorithm, encoding, std::move(key), std::move(prefix)));
}

Result<void> verify(Verifier& verifier, const Fields& fields, std::string_view body,
                    std::int64_t now_s = 0) {
    return verifier.verify(Message{fields, body, "POST", "/hooks/shop?a=b", now_s * 1'000'000'000});
}

bool accepts(Verifier& verifier, const std::string& value, std::string_view body) {
    return verify(verifier, Fields{{"X-HMAC", value}}, body).has_value();
}

constexpr auto kSha1 = core::HmacDigest::kSha1;
constexpr auto kSha256 = core::HmacDigest::kSha256;
constexpr auto kHex = core::TextEncoding::kHex;
constexpr auto kBase64 = core::TextEncoding::kBase64;

constexpr const char* kMappBody =
    R"({"Type":"CREATE_AUDIENCE","Name":"Test audience","Customer":123,"Audience":)"
    R"("a5940e473cea659.356693871497425011"})";
constexpr const char* kMappDigest = "2f9fb4f9d7568469ae92fe290607eea1044333f2";

}  // namespace

TEST_CASE("verify: agrees with published and computed vectors", "[intake][verify]") {
    struct Row {
        core::HmacDigest algorithm;
        core::TextEncoding encoding;
        std::string key;
        std::string body;
        std::string prefix;
        std::string value;
    };
    const Row rows[] = {
        {kSha1, kHex, "s3cr3t", kMappBody, "", kMappDigest},
        // RFC 2202
        {kSha1, kHex, std::string(20, '\x0b'), "Hi There", "",
         "b617318655057264e28bc0b6fb378c8ef146be00"},
        {kSha1, kHex, "Jefe", "what do ya want for nothing?", "",
         "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
        {kSha1, kHex, std::string(20, '\xaa'), std::string(50, '\xdd'), "",
         "125d7342b9ac11cd91a39af48aa17b4f63f175d3"},
        {kSha1, kHex, std::string(80, '\xaa'),
         "Test Using Larger Than Block-Size Key - Hash Key First", "",
         "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
        // RFC 4231
        {core::HmacDigest::kSha512, kHex, "Jefe", "what do ya want for nothing?", "",
         "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f"
         "8"
         "f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
        {kSha256, kHex, std::string(20, '\x0b'), "Hi There", "",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {kSha256, kHex, "Jefe", "what do ya want for nothing?", "",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {kSha256, kHex, std::string(131, '\xaa'),
         "Test Using Larger Than Block-Size Key - Hash Key First", "",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        // Platforms
        {kSha256, kHex, "It's a Secret to Everybody", "Hello, World!",
         "sha256=", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
        {kSha256, kHex, "mysecret", R"({"foo":"bar"})",
         "sha256=", "sha256=4864d2759938a15468b5df9ade20bf161da9b4f737ea61794142f3484236bda3"},
        {kSha256, kBase64, "hush", R"({"foo":"bar"})", "",
         "kxsFTgDOlihbs91PqCBFjROWdTQGkFF0NzCvVuvOLsU="},
    };
    for (const Row& row : rows) {
        INFO(row.value);
        Verifier verifier = signature(row.algorithm, row.encoding, row.key, row.prefix);
        for (int repeat = 0; repeat < 3; ++repeat) {
            CHECK(accepts(verifier, row.value, row.body));
            CHECK_FALSE(accepts(verifier, row.value, row.body + " "));
        }
        CHECK_FALSE(accepts(verifier, row.value, ""));
    }
}

TEST_CASE("verify: hex may have either case, but must be whole", "[intake][verify][F1]") {
    Verifier verifier = signature(kSha1, kHex, "s3cr3t");
    std::string upper = kMappDigest;
    for (char& c : upper) c = c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
    const std::string digest = kMappDigest;

    CHECK(accepts(verifier, digest, kMappBody));
    CHECK(accepts(verifier, upper, kMappBody));
    const std::string wrong[] = {
        "",
        " ",
        "0",
        "00",
        digest.substr(1),
        digest.substr(0, 39),
        digest.substr(0, 38),
        digest + "0",
        digest + "00",
        " " + digest,
        digest + " ",
        digest + "\n",
        "0x" + digest,
        "sha1=" + digest,
        "\"" + digest + "\"",
        std::string(40, '0'),
        std::string(40, 'g'),
        std::string(40, '\0'),
        std::string(39, '0') + "g",
        digest.substr(0, 39) + "3",
        "3" + digest.substr(1),
        digest + "," + digest,
        digest + digest,
        "L5+0+ddWhGmukv4pBgfuoQRDM/I=",
        std::string(1 << 20, 'a'),
        digest.substr(0, 20) + std::string(1, '\0') + digest.substr(21),
        "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3",
        "\xef\xbc\x92" + digest.substr(1),
    };
    for (const std::string& value : wrong) {
        INFO(value.substr(0, 100));
        CHECK_FALSE(accepts(verifier, value, kMappBody));
    }
    for (std::size_t i = 0; i < digest.size(); ++i) {
        std::string changed = digest;
        changed[i] = changed[i] == '0' ? '1' : '0';
        CHECK_FALSE(accepts(verifier, changed, kMappBody));
    }
}

TEST_CASE("verify: base64 has one spelling", "[intake][verify][F1]") {
    Verifier verifier = signature(kSha256, kBase64, "hush");
    const std::string body = R"({"foo":"bar"})";
    const std::string right = "kxsFTgDOlihbs91PqCBFjROWdTQGkFF0NzCvVuvOLsU=";

    CHECK(accepts(verifier, right, body));
    for (const char* value : {"", "=", "kxsFTgDOlihbs91PqCBFjROWdTQGkFF0NzCvVuvOLsU",
                              "kxsFTgDOlihbs91PqCBFjROWdTQGkFF0NzCvVuvOLsV=",
                              "KXSFTGDOLIHBS91PQCBFJROWDTQGKFF0NZCVVUVOLSU=",
                              "kxsFTgDOlihbs91PqCBFjROWdTQGkFF0NzCvVuvOLsU==",
                              "kxsF TgDOlihbs91PqCBFjROWdTQGkFF0NzCvVuvOLsU=",
                              "931b054e00ce96285bb3dd4fa820458d13967534069051743730af56ebce2ec5"}) {
        INFO(value);
        CHECK_FALSE(accepts(verifier, value, body));
    }
    // Base64url differs where the digest has + or /.
    Verifier other = signature(kSha1, kBase64, "s3cr3t");
    CHECK(accepts(other, "L5+0+ddWhGmukv4pBgfuoQRDM/I=", kMappBody));
    CHECK_FALSE(accepts(other, "L5-0-ddWhGmukv4pBgfuoQRDM_I=", kMappBody));
}

TEST_CASE("verify: the prefix is required exactly once, and the header too",
          "[intake][verify][F1]") {
    Verifier verifier = signature(kSha1, kHex, "s3cr3t", "sha1=");
    const std::string digest = kMappDigest;

    CHECK(accepts(verifier, "sha1=" + digest, kMappBody));
    CHECK_FALSE(accepts(verifier, digest, kMappBody));
    CHECK_FALSE(accepts(verifier, "SHA1=" + digest, kMappBody));
    CHECK_FALSE(accepts(verifier, "sha1=sha1=" + digest, kMappBody));
    CHECK_FALSE(accepts(verifier, "sha1=", kMappBody));
    CHECK_FALSE(accepts(verifier, "sha", kMappBody));
    CHECK_FALSE(verify(verifier, Fields{}, kMappBody).has_value());
    CHECK_FALSE(verify(verifier, Fields{{"X-Other", "sha1=" + digest}}, kMappBody).has_value());
    const Fields twice{{"X-HMAC", "sha1=" + digest}, {"X-HMAC", "sha1=" + digest}};
    CHECK(verify(verifier, twice, kMappBody).error().is(kNotAuthentic));
}

TEST_CASE("verify: Basic authentication compares user name and password", "[intake][verify][F1]") {
    Verifier verifier = made(BasicOptions{"Aladdin", keys_of({"open sesame"})});
    const auto allows = [&](const std::string& value) {
        return verify(verifier, Fields{{"authorization", value}}, "").has_value();
    };

    CHECK(allows("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    CHECK(allows("bASIC QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    for (const char* value :
         {"", "Basic", "Basic ", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ",
          "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=", "Basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
          "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
          "Basic QWxhZGRpbjo=", "Basic Aladdin:open sesame",
          "Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ=="}) {
        INFO(value);
        CHECK_FALSE(allows(value));
    }
    CHECK_FALSE(verify(verifier, Fields{}, "").has_value());
    CHECK(verifier.authenticating_headers() == std::vector<std::string>{"authorization"});
}

TEST_CASE("verify: an empty secret is refused when it is configured", "[intake][verify][F1]") {
    const auto code_of = [](const VerifierOptions& options) {
        auto verifier = Verifier::make(options);
        return verifier.has_value() ? std::string{} : std::string{verifier.error().code()};
    };
    SignatureOptions signed_by = signature_options(kSha1, kHex, "k");
    CHECK(code_of(signed_by).empty());
    signed_by.header = "";
    CHECK(code_of(signed_by) == "intake.verifier_invalid");

    CHECK(code_of(signature_options(kSha1, kHex, "")) == "intake.verifier_invalid");
    SignatureOptions none = signature_options(kSha1, kHex, "k");
    none.keys.clear();
    CHECK(code_of(none) == "intake.verifier_invalid");
    SignatureOptions second = signature_options(kSha1, kHex, "k");
    second.keys.push_back({});
    CHECK(code_of(second) == "intake.verifier_invalid");
    SignatureOptions many = signature_options(kSha1, kHex, "k");
    many.keys.resize(kKeysMax + 1, many.keys.front());
    CHECK(code_of(many) == "intake.verifier_invalid");
    SignatureOptions same = signature_options(kSha1, kHex, "k");
    same.keys.push_back({core::Secret{"l"}, std::nullopt, "1"});
    CHECK(code_of(same) == "intake.verifier_invalid");
    CHECK(code_of(BasicOptions{"u", keys_of({""})}) == "intake.verifier_invalid");
    CHECK(code_of(BasicOptions{"u", {}}) == "intake.verifier_invalid");
    CHECK(code_of(BasicOptions{"", keys_of({"p"})}) == "intake.verifier_invalid");
    CHECK(code_of(BasicOptions{"u:v", keys_of({"p"})}) == "intake.verifier_invalid");
}

// ---- Keys that are valid at the same time

TEST_CASE("verify: two keys are valid while one follows the other [F6]", "[intake][verify][F6]") {
    constexpr std::int64_t kUntil_s = 1'800'000'000;
    SignatureOptions options = signature_options(kSha256, kHex, "old");
    options.keys[0].until = kUntil_s * 1'000'000'000;
    options.keys[0].name = "spring";
    options.keys.push_back({core::Secret{"new"}, std::nullopt, ""});
    Verifier verifier = made(options);
    const auto allows = [&](const char* key, std::int64_t now_s) {
        const std::string digest = core::to_hex(core::hmac(core::HmacDigest::kSha256, key, "{}"));
        return verify(verifier, Fields{{"X-HMAC", digest}}, "{}", now_s).has_value();
    };

    CHECK(allows("old", kUntil_s - 1));
    CHECK(allows("new", kUntil_s - 1));
    CHECK_FALSE(allows("old", kUntil_s));
    CHECK_FALSE(allows("old", kUntil_s + 1));
    CHECK(allows("new", kUntil_s + 1));
    CHECK_FALSE(allows("other", kUntil_s - 1));
    CHECK_FALSE(allows("", kUntil_s - 1));
    REQUIRE(verifier.key_uses().size() == 2);
    CHECK(verifier.key_uses()[0]->name == "spring");
    CHECK(verifier.key_uses()[0]->count.value() == 1);
    CHECK(verifier.key_uses()[1]->name == "2");
    CHECK(verifier.key_uses()[1]->count.value() == 2);
}

TEST_CASE("verify: a password may have a successor [F6]", "[intake][verify][F6]") {
    Verifier verifier = made(BasicOptions{"Aladdin", keys_of({"another", "open sesame"})});
    CHECK(verify(verifier, Fields{{"authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}}, "")
              .has_value());
    CHECK(verifier.key_uses()[0]->count.value() == 0);
    CHECK(verifier.key_uses()[1]->count.value() == 1);
}
