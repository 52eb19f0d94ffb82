// Signatures with a timestamp, as platforms send them.
#include <openssl/evp.h>

#include <algorithm>
#include <utility>

#include "core/encoding.hpp"
#include "core/hash.hpp"
#include "fields.hpp"
#include "intake/errc.hpp"
#include "intake/signed_text.hpp"
#include "intake/timestamp.hpp"
#include "intake/verify.hpp"
#include "support/catch.hpp"
#include "support/fake_clock.hpp"

using namespace syncline;
using namespace syncline::intake;
using namespace syncline::test;
using namespace std::chrono_literals;

namespace {

SignatureOptions standard(const std::vector<std::string>& keys) {
    SignatureOptions options;
    options.header = "webhook-signature";
    options.separator = " ";
    options.signs = "{header:webhook-id}.{timestamp}.{body}";
    options.timestamp = TimestampOptions{"webhook-timestamp", "", 300s};
    options.has_standard_keys = true;
    options.keys = keys_of(keys);
    return options;
}

SignatureOptions stripe() {
    SignatureOptions options;
    options.header = "stripe-signature";
    options.prefix = "v1=";
    options.separator = ",";
    options.signs = "{timestamp}.{body}";
    options.timestamp = TimestampOptions{"", "t", 300s};
    options.keys = keys_of({"whsec_test_secret"});
    return options;
}

SignatureOptions slack() {
    SignatureOptions options;
    options.header = "x-slack-signature";
    options.prefix = "v0=";
    options.signs = "v0:{timestamp}:{body}";
    options.timestamp = TimestampOptions{"x-slack-request-timestamp", "", 300s};
    options.keys = keys_of({"8f742231b10e8888abcd99yyyzzz85a5"});
    return options;
}

Result<void> verify_once(const SignatureOptions& options, const FieldList& fields,
                         std::string_view body, std::int64_t now_s) {
    Verifier verifier = made(options);
    const Fields lookup{fields};
    return verifier.verify(
        Message{lookup, body, "POST", "/hooks/shop/orders?page=1", now_s * kSecond_ns});
}

bool accepts(const SignatureOptions& options, const FieldList& fields, std::string_view body,
             std::int64_t now_s) {
    return verify_once(options, fields, body, now_s).has_value();
}

bool is_refused(const SignatureOptions& options, const FieldList& fields, std::string_view body,
                std::int64_t now_s, const core::ErrorCode& code = kNotAuthentic) {
    const auto verified = verify_once(options, fields, body, now_s);
    return verified.has_error() && verified.error().is(code);
}

const std::string kStandardKey = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const std::string kStandardSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
constexpr std::string_view kStandardBody = R"({"test": 2432232314})";

FieldList standard_fields(const std::string& signature, const std::string& at = "1614265330") {
    return {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
            {"webhook-timestamp", at},
            {"webhook-signature", signature}};
}

constexpr std::string_view kStripeBody = R"({"id":"evt_test_webhook","object":"event"})";
const std::string kStripeDigest =
    "e7df43adcf699b3839cf5fe20429cae4712141aee3660a1671b34f77a1be9444";

constexpr std::string_view kSlackBody =
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    "&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibI"
    "GlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
const std::string kSlackSignature =
    "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

}  // namespace

TEST_CASE("signature: Standard Webhooks, as published", "[intake][verify][F1]") {
    CHECK(accepts(standard({kStandardKey}), standard_fields(kStandardSignature), kStandardBody,
                  kNow_s));
    // Several, for several keys: one that fits is enough, wherever it stands.
    const std::string wrong = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (const std::string& several : std::vector<std::string>{
             wrong + " " + kStandardSignature, kStandardSignature + " " + wrong,
             "v2,future " + kStandardSignature, "  " + kStandardSignature})
        CHECK(accepts(standard({kStandardKey}), standard_fields(several), kStandardBody, kNow_s));
    const std::string digest = kStandardSignature.substr(3);
    for (const std::string& value : std::vector<std::string>{
             std::string{}, std::string{"v1,"}, digest, wrong, "v1" + digest, "v2," + digest,
             "v1a," + digest, "V1," + digest, kStandardSignature + "=", "v1,v1," + digest,
             kStandardSignature + "," + kStandardSignature, kStandardSignature.substr(0, 20),
             "v1,g0hM9SsE-OTPJTGt_tmIKtSyZlE3uFJELVlNIOLJ1OE="}) {
        INFO(value);
        CHECK(is_refused(standard({kStandardKey}), standard_fields(value), kStandardBody, kNow_s));
    }
}

TEST_CASE("signature: id, timestamp and body are all signed", "[intake][verify][F1][F5]") {
    const SignatureOptions options = standard({kStandardKey});
    const FieldList right = standard_fields(kStandardSignature);
    for (std::size_t i = 0; i < right.size(); ++i) {
        FieldList missing = right;
        missing.erase(missing.begin() + static_cast<std::ptrdiff_t>(i));
        CHECK(is_refused(options, missing, kStandardBody, kNow_s));
        FieldList twice = right;
        twice.push_back(right[i]);
        CHECK(is_refused(options, twice, kStandardBody, kNow_s));
        FieldList changed = right;
        changed[i].second.back() = changed[i].second.back() == '1' ? '2' : '1';
        CHECK(is_refused(options, changed, kStandardBody, kNow_s));
    }
    for (const char* body : {"", R"({"test":2432232314})", R"({"test": 2432232314} )"})
        CHECK(is_refused(options, right, body, kNow_s));
}

TEST_CASE("signature: too many of them are not looked at", "[intake][verify]") {
    std::string many;
    for (std::size_t i = 1; i < kSignaturesMax; ++i) many += "v1,x ";
    CHECK(accepts(standard({kStandardKey}), standard_fields(many + kStandardSignature),
                  kStandardBody, kNow_s));
    CHECK(is_refused(standard({kStandardKey}), standard_fields(many + "x " + kStandardSignature),
                     kStandardBody, kNow_s));
}

TEST_CASE("signature: Ed25519 of Standard Webhooks", "[intake][verify][F1][F6]") {
    EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    REQUIRE(key != nullptr);
    std::string public_key(32, '\0');
    std::size_t size = public_key.size();
    REQUIRE(EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(public_key.data()),
                                        &size) == 1);
    const std::string text =
        "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330." + std::string{kStandardBody};
    std::string signature(64, '\0');
    size = signature.size();
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    REQUIRE(EVP_DigestSignInit(context, nullptr, nullptr, nullptr, key) == 1);
    REQUIRE(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                           reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    const std::string whpk = "whpk_" + core::to_base64(public_key);
    const std::string v1a = "v1a," + core::to_base64(signature);

    CHECK(accepts(standard({whpk}), standard_fields(v1a), kStandardBody, kNow_s));
    // Beside a key of the other kind, each finds its own signature.
    const SignatureOptions both = standard({kStandardKey, whpk});
    CHECK(accepts(both, standard_fields(v1a), kStandardBody, kNow_s));
    CHECK(accepts(both, standard_fields(kStandardSignature), kStandardBody, kNow_s));
    CHECK(is_refused(standard({whpk}), standard_fields(kStandardSignature), kStandardBody, kNow_s));
    CHECK(is_refused(standard({kStandardKey}), standard_fields(v1a), kStandardBody, kNow_s));
    CHECK(is_refused(standard({whpk}), standard_fields(v1a), "{}", kNow_s));
    CHECK(is_refused(standard({whpk}), standard_fields("v1a,"), kStandardBody, kNow_s));
    CHECK(is_refused(standard({whpk}), standard_fields(v1a.substr(0, 44)), kStandardBody, kNow_s));
    signature[5] = static_cast<char>(signature[5] ^ 1);
    CHECK(is_refused(standard({whpk}), standard_fields("v1a," + core::to_base64(signature)),
                     kStandardBody, kNow_s));
}

TEST_CASE("signature: keys of Standard Webhooks have one form", "[intake][verify][F1]") {
    const std::string bytes24 = "whsec_" + core::to_base64(std::string(24, 'k'));
    const std::string bytes64 = "whsec_" + core::to_base64(std::string(64, 'k'));
    CHECK(Verifier::make(standard({bytes24})).has_value());
    CHECK(Verifier::make(standard({bytes64})).has_value());
    for (const std::string& key : std::vector<std::string>{
             std::string{"whsec_"}, std::string{"whsec_!"}, std::string{"whpk_"},
             "whsec_" + core::to_base64(std::string(23, 'k')),
             "whsec_" + core::to_base64(std::string(65, 'k')),
             "whpk_" + core::to_base64(std::string(31, 'k')), bytes24.substr(6),
             "whsk_" + core::to_base64(std::string(64, 'k')), " " + bytes24}) {
        INFO(key);
        const auto refused = Verifier::make(standard({key}));
        REQUIRE(refused.has_error());
        CHECK(refused.error().is(kVerifierInvalid));
    }
}

TEST_CASE("signature: Stripe has them in one header", "[intake][verify][F1]") {
    const auto fields = [](const std::string& value) {
        return FieldList{{"stripe-signature", value}};
    };
    const std::string v1 = "v1=" + kStripeDigest;
    for (const std::string& value :
         std::vector<std::string>{"t=12345," + v1, v1 + ",t=12345", "t=12345,v0=x," + v1,
                                  "t=12345,v1=00," + v1, "t=12345, " + v1}) {
        INFO(value);
        CHECK(accepts(stripe(), fields(value), kStripeBody, 12345));
    }
    for (const std::string& value : std::vector<std::string>{
             v1, "t=12345", "t=12345,v0=" + kStripeDigest, "t=12346," + v1, "t=12345,t=12345," + v1,
             "t=12345,t=12346," + v1, "t=12345," + kStripeDigest, "t=," + v1, std::string{},
             "t=12345;" + v1, "t=12345,v1=" + kStripeDigest.substr(1), "T=12345," + v1}) {
        INFO(value);
        CHECK(is_refused(stripe(), fields(value), kStripeBody, 12345));
    }
    CHECK(is_refused(stripe(), fields("t=12345," + v1), "{}", 12345));
}

TEST_CASE("signature: Slack, as published", "[intake][verify][F1]") {
    const auto fields = [](const std::string& at, const std::string& signature) {
        return FieldList{{"x-slack-request-timestamp", at}, {"x-slack-signature", signature}};
    };
    const FieldList right = fields("1531420618", kSlackSignature);
    CHECK(accepts(slack(), right, kSlackBody, 1531420618));
    CHECK(is_refused(slack(), fields("1531420619", kSlackSignature), kSlackBody, 1531420618));
    CHECK(is_refused(slack(), fields("1531420618", kSlackSignature.substr(3)), kSlackBody,
                     1531420618));
    CHECK(is_refused(slack(), right, kSlackBody.substr(1), 1531420618));
    CHECK(is_refused(slack(), right, kSlackBody, 1531420618 + 301, kStale));
}

TEST_CASE("signature: an old one, or one of the future, is refused [F2]", "[intake][verify][F2]") {
    const FieldList right = standard_fields(kStandardSignature);
    test::FakeClock clock;
    clock.jump_wall(std::chrono::nanoseconds{kNow_s * kSecond_ns - clock.wall_ns()});
    Verifier verifier = made(standard({kStandardKey}));
    const auto verify_now = [&] {
        const Fields lookup{right};
        return verifier.verify(Message{lookup, kStandardBody, "POST", "/", clock.wall_ns()});
    };
    struct Row {
        std::chrono::nanoseconds from_signing;
        bool is_accepted;
    };
    for (const Row& row : {Row{0s, true}, Row{300s, true}, Row{300s + 1ns, false}, Row{24h, false},
                           Row{-300s, true}, Row{-300s - 1ns, false}, Row{-24h * 365, false}}) {
        clock.jump_wall(row.from_signing);
        const auto verified = verify_now();
        CHECK(verified.has_value() == row.is_accepted);
        if (!row.is_accepted) CHECK(verified.error().is(kStale));
        clock.jump_wall(-row.from_signing);
    }
    SignatureOptions narrow = standard({kStandardKey});
    narrow.timestamp->tolerance = 5s;
    CHECK(accepts(narrow, right, kStandardBody, kNow_s + 5));
    CHECK(is_refused(narrow, right, kStandardBody, kNow_s + 6, kStale));
}

TEST_CASE("signature: anything may be signed, in a description of one's own",
          "[intake][verify][F1]") {
    SignatureOptions options;
    options.algorithm = core::HmacDigest::kSha512;
    options.encoding = core::TextEncoding::kBase64Url;
    options.header = "x-mp-signature";
    options.signs = "{method}\n{header:Date}\n{path}{body}{{}}";
    options.timestamp = TimestampOptions{"Date", "", 300s};
    options.keys = keys_of({"k"});
    const std::string date = "Thu, 25 Feb 2021 15:02:10 GMT";
    std::string digest = core::to_base64(
        core::hmac(core::HmacDigest::kSha512, "k", "POST\n" + date + "\n/hooks/shop/orders{}{}"));
    std::replace(digest.begin(), digest.end(), '+', '-');
    std::replace(digest.begin(), digest.end(), '/', '_');
    const std::string bare = digest.substr(0, digest.find('='));
    const auto fields = [&](const std::string& value) {
        // The configuration's names are lower case already; a template's are made so.
        return FieldList{{"Date", date}, {"date", date}, {"x-mp-signature", value}};
    };
    CHECK(accepts(options, fields(digest), "{}", kNow_s));
    CHECK(accepts(options, fields(bare), "{}", kNow_s));
    CHECK(is_refused(options, fields(bare + "="), "{}", kNow_s));
    CHECK(is_refused(options, fields(digest + "="), "{}", kNow_s));
    CHECK(is_refused(options, fields(bare), "{} ", kNow_s));
    CHECK(is_refused(options, fields(bare), "{}", kNow_s + 301, kStale));
}

TEST_CASE("signature: what would prove too little is refused when it is configured",
          "[intake][verify]") {
    const auto is_invalid = [](const SignatureOptions& options) {
        const auto verifier = Verifier::make(options);
        return verifier.has_error() && verifier.error().is(kVerifierInvalid);
    };
    CHECK_FALSE(is_invalid(slack()));
    for (const char* signs : {"", "{timestamp}", "{body}", "{body}{timestamp", "{body}{timestamp}}",
                              "{body}{timestamp}{}", "{body}{timestamp}{header:}",
                              "{body}{timestamp}{query}", "{{body}}{timestamp}"}) {
        INFO(signs);
        SignatureOptions options = slack();
        options.signs = signs;
        CHECK(is_invalid(options));
    }
    SignatureOptions untold = slack();
    untold.timestamp.reset();
    CHECK(is_invalid(untold));
    SignatureOptions nowhere = slack();
    nowhere.timestamp->header = "";
    CHECK(is_invalid(nowhere));
    SignatureOptions both = slack();
    both.timestamp->parameter = "t";
    CHECK(is_invalid(both));
    SignatureOptions alone = stripe();
    alone.separator = "";
    CHECK(is_invalid(alone));
    SignatureOptions never = slack();
    never.timestamp->tolerance = 0s;
    CHECK(is_invalid(never));
    SignatureOptions another = slack();
    another.signs = "{header:x-other}{body}";
    CHECK(is_invalid(another));
}

TEST_CASE("timestamp: seconds, milliseconds, ISO 8601 and dates of HTTP", "[intake][verify]") {
    constexpr std::int64_t kAt = kNow_s * kSecond_ns;
    CHECK(parse_timestamp("1614265330") == kAt);
    CHECK(parse_timestamp("1614265330123") == kAt + 123'000'000);
    CHECK(parse_timestamp("2021-02-25T15:02:10Z") == kAt);
    CHECK(parse_timestamp("2021-02-25T15:02:10.5Z") == kAt + 500'000'000);
    CHECK(parse_timestamp("Thu, 25 Feb 2021 15:02:10 GMT") == kAt);
    CHECK(parse_timestamp("0") == 0);
    for (const char* text : {"", " ", "-1", "+1", "1e9", "0x10", "1614265330 ", " 1614265330",
                             "99999999999", "123456789012345", "1614265330.5",
                             "Thu, 25 Feb 2021 15:02:10 CET", "Thu, 31 Feb 2021 15:02:10 GMT",
                             "Xxx, 25 Feb 2021 15:02:10 GMT", "Thu, 25 Xxx 2021 15:02:10 GMT",
                             "Thursday, 25-Feb-21 15:02:10 GMT", "Thu, 25 Feb 2021 25:02:10 GMT"}) {
        INFO(text);
        CHECK_FALSE(parse_timestamp(text));
    }
}
