#include "config/webhook.hpp"

#include "support/catch.hpp"
#include "unit/config/fixture.hpp"

using namespace syncline;
using namespace syncline::config;
using test::ConfigFixture;
using test::Found;

namespace {

// kGood with another webhook (line 17), written in flow style.
std::string with_webhook(const std::string& webhook) {
    const std::size_t begin = test::kGood.find("      webhook:");
    return test::kGood.substr(0, begin) + "      webhook: " + webhook + "\n";
}

// And a second connection, whose webhook stands in line 21.
std::string with_two(const std::string& first, const std::string& second,
                     const std::string& account = "acme-dmp") {
    return with_webhook(first) + "  d:\n    from: { account: " + account +
           ", stream: s }\n    to: { account: pangolin, stream: s }\n    triggers: { webhook: " +
           second + " }\n";
}

std::vector<VerifyRule> verify_of(const std::string& rules) {
    const ConfigFixture fixture;
    const Loaded loaded = fixture.load(with_webhook("{ name: x, verify: " + rules + " }"));
    INFO(test::all_messages(loaded));
    REQUIRE(loaded.config.has_value());
    return loaded.config->connections.at(0).webhook->verify;
}

Found problems_of_rules(const std::string& rules) {
    const ConfigFixture fixture;
    return fixture.problems(with_webhook("{ name: x, verify: " + rules + " }"));
}

}  // namespace

TEST_CASE("webhook: presets stand for what the platform sends", "[config][webhook]") {
    const auto rules = verify_of(
        "[{ scheme: hmac, preset: mapp, key: a }, { scheme: hmac, preset: github, key: b }]");

    REQUIRE(rules.size() == 2);
    CHECK(rules[0].scheme == VerifyScheme::kHmac);
    CHECK(rules[0].algorithm == core::HmacDigest::kSha1);
    CHECK(rules[0].encoding == core::TextEncoding::kHex);
    CHECK(rules[0].header == "x-hmac");
    CHECK(rules[0].prefix.empty());
    REQUIRE(rules[0].keys.size() == 1);
    CHECK(rules[0].keys[0].value.equals("a"));
    CHECK(rules[1].algorithm == core::HmacDigest::kSha256);
    CHECK(rules[1].header == "x-hub-signature-256");
    CHECK(rules[1].prefix == "sha256=");
}

TEST_CASE("webhook: a signature can be described in full", "[config][webhook]") {
    const auto rules = verify_of(
        "[{ scheme: hmac, algorithm: sha256, header: X-Signature, encoding: base64, prefix: 'v1,', "
        "key: \"${KEY}\" }]");

    REQUIRE(rules.size() == 1);
    CHECK(rules[0].algorithm == core::HmacDigest::kSha256);
    CHECK(rules[0].encoding == core::TextEncoding::kBase64);
    CHECK(rules[0].header == "x-signature");
    CHECK(rules[0].prefix == "v1,");
    CHECK(rules[0].keys.at(0).value.equals("k3y"));
}

TEST_CASE("webhook: basic authentication and none", "[config][webhook]") {
    const auto basic = verify_of("[{ scheme: basic, username: u, password: \"${KEY}\" }]");
    REQUIRE(basic.size() == 1);
    CHECK(basic[0].scheme == VerifyScheme::kBasic);
    CHECK(basic[0].username == "u");
    CHECK(basic[0].keys.at(0).value.equals("k3y"));

    const auto none = verify_of("none");
    REQUIRE(none.size() == 1);
    CHECK(none[0].scheme == VerifyScheme::kNone);
}

TEST_CASE("webhook: presets with a timestamp know what is signed", "[config][webhook]") {
    const auto stripe = verify_of("[{ scheme: hmac, preset: stripe, key: a }]").at(0);
    CHECK(stripe.header == "stripe-signature");
    CHECK(stripe.prefix == "v1=");
    CHECK(stripe.separator == ",");
    CHECK(stripe.signs == "{timestamp}.{body}");
    CHECK(stripe.timestamp_parameter == "t");
    CHECK(stripe.tolerance == std::chrono::seconds{300});
    const auto slack =
        verify_of("[{ scheme: hmac, preset: slack, key: a, tolerance_s: 60 }]").at(0);
    CHECK(slack.prefix == "v0=");
    CHECK(slack.signs == "v0:{timestamp}:{body}");
    CHECK(slack.timestamp_header == "x-slack-request-timestamp");
    CHECK(slack.tolerance == std::chrono::seconds{60});
    const auto shopify = verify_of("[{ scheme: hmac, preset: shopify, key: a }]").at(0);
    CHECK(shopify.header == "x-shopify-hmac-sha256");
    CHECK(shopify.encoding == core::TextEncoding::kBase64);
    CHECK(shopify.timestamp_header.empty());
    const auto standard = verify_of("[{ scheme: hmac, preset: standard_webhooks, key: a }]").at(0);
    CHECK(standard.header == "webhook-signature");
    CHECK(standard.signs == "{header:webhook-id}.{timestamp}.{body}");
    CHECK(standard.timestamp_header == "webhook-timestamp");
    CHECK(standard.has_standard_keys);
    const auto svix = verify_of("[{ scheme: hmac, preset: svix, key: a }]").at(0);
    CHECK(svix.header == "svix-signature");
    CHECK(svix.signs == "{header:svix-id}.{timestamp}.{body}");
    CHECK(svix.has_standard_keys);

    CHECK(problems_of_rules("[{ scheme: hmac, preset: mapp, key: a, tolerance_s: 5 }]") ==
          Found{"17:74 config.unknown_key"});
    CHECK(problems_of_rules("[{ scheme: hmac, preset: slack, key: a, tolerance_s: 0 }]") ==
          Found{"17:88 config.value"});
}

TEST_CASE("webhook: a preset names the message's id, unless the webhook does",
          "[config][webhook]") {
    const ConfigFixture fixture;
    const auto id_of = [&](const std::string& rest) {
        const Loaded loaded = fixture.load(with_webhook("{ name: x, verify: " + rest + " }"));
        INFO(test::all_messages(loaded));
        REQUIRE(loaded.config.has_value());
        return loaded.config->connections.at(0).webhook->message_id_header;
    };
    CHECK(id_of("[{ scheme: hmac, preset: standard_webhooks, key: a }]") == "webhook-id");
    CHECK(id_of("[{ scheme: hmac, preset: svix, key: a }]") == "svix-id");
    CHECK(id_of("[{ scheme: hmac, preset: stripe, key: a }]").empty());
    CHECK(id_of("[{ scheme: hmac, preset: svix, key: a }], message_id: { header: X }") == "x");
}

TEST_CASE("webhook: a timestamp is in a header or in a parameter", "[config][webhook]") {
    const std::string rule = "[{ scheme: hmac, algorithm: sha512, encoding: base64url, header: X, ";
    const auto in_header = verify_of(rule +
                                     "signs: '{timestamp}{body}', timestamp: { header: X-At, "
                                     "tolerance_s: 7 }, key: a }]")
                               .at(0);
    CHECK(in_header.algorithm == core::HmacDigest::kSha512);
    CHECK(in_header.encoding == core::TextEncoding::kBase64Url);
    CHECK(in_header.signs == "{timestamp}{body}");
    CHECK(in_header.timestamp_header == "x-at");
    CHECK(in_header.tolerance == std::chrono::seconds{7});
    const auto in_parameter =
        verify_of(rule + "separator: ';', timestamp: { parameter: At }, key: a }]").at(0);
    CHECK(in_parameter.separator == ";");
    CHECK(in_parameter.timestamp_parameter == "At");
    CHECK(in_parameter.timestamp_header.empty());
    CHECK(problems_of_rules(rule + "timestamp: {}, key: a }]").size() == 1);
    CHECK(problems_of_rules(rule + "timestamp: { header: a, parameter: b }, key: a }]").size() ==
          1);
}

TEST_CASE("webhook: several keys, each with its end and its name", "[config][webhook][F6]") {
    const auto keys = verify_of(
                          "[{ scheme: hmac, preset: mapp, keys: [{ key: a, name: old, until: "
                          "2027-01-31T12:00:00+01:00 }, { key: \"${KEY}\" }] }]")
                          .at(0)
                          .keys;
    REQUIRE(keys.size() == 2);
    CHECK(keys[0].value.equals("a"));
    CHECK(keys[0].name == "old");
    CHECK(keys[0].until_ns == std::int64_t{1'801'393'200} * 1'000'000'000);
    CHECK(keys[1].value.equals("k3y"));
    CHECK(keys[1].name.empty());
    CHECK_FALSE(keys[1].until_ns);
    const auto passwords =
        verify_of("[{ scheme: basic, username: u, passwords: [{ password: a }, { password: b }] }]")
            .at(0)
            .keys;
    CHECK(passwords.size() == 2);

    const std::string rule = "[{ scheme: hmac, preset: mapp, ";
    CHECK(problems_of_rules(rule + "keys: [] }]") == Found{"17:72 config.type"});
    CHECK(problems_of_rules(rule + "keys: a }]") == Found{"17:72 config.type"});
    CHECK(problems_of_rules(rule + "keys: [a] }]") == Found{"17:73 config.type"});
    CHECK(problems_of_rules(rule + "keys: [{ key: '' }] }]") == Found{"17:80 config.secret_empty"});
    CHECK(problems_of_rules(rule + "keys: [{ until: 2027-01-31T12:00:00Z }] }]") ==
          Found{"17:73 config.missing_key"});
    CHECK(problems_of_rules(rule + "keys: [{ key: a, until: tomorrow }] }]") ==
          Found{"17:90 config.value"});
    CHECK(problems_of_rules(rule + "key: a, keys: [{ key: b }] }]") == Found{"17:80 config.value"});
    CHECK(problems_of_rules("[{ scheme: hmac, preset: mapp }]") ==
          Found{"17:36 config.missing_key"});
}

TEST_CASE("webhook: keys as they are, addresses, nonces and HTTP signatures", "[config][webhook]") {
    const auto rules = verify_of(
        "[{ scheme: api_key, header: Authorization, prefix: 'Bearer ', key: a }, { scheme: "
        "api_key, query: Key, keys: [{ key: b }] }, { scheme: address, allow: [10.0.0.0/8, '::1'] "
        "}, { scheme: http_signature, preset: copernica, account: account-7, public_keys: [{ "
        "public_key: old.pem, until: 2027-01-31T12:00:00Z }, { public_key: /k/new.pem }] }]");
    REQUIRE(rules.size() == 4);
    CHECK(rules[0].scheme == VerifyScheme::kApiKey);
    CHECK(rules[0].header == "authorization");
    CHECK(rules[0].prefix == "Bearer ");
    CHECK(rules[0].keys.at(0).value.equals("a"));
    CHECK(rules[1].parameter == "Key");
    CHECK(rules[1].header.empty());
    CHECK(rules[2].scheme == VerifyScheme::kAddress);
    CHECK(rules[2].allow == std::vector<std::string>{"10.0.0.0/8", "::1"});
    CHECK(rules[3].scheme == VerifyScheme::kHttpSignature);
    CHECK(rules[3].account == "account-7");
    CHECK(rules[3].nonce_header == "x-nonce");
    CHECK(rules[3].tolerance == std::chrono::seconds{60});
    REQUIRE(rules[3].keys.size() == 2);
    CHECK(rules[3].keys[0].file.is_absolute());
    CHECK(rules[3].keys[0].file.filename() == "old.pem");
    CHECK(rules[3].keys[1].file == "/k/new.pem");
    const auto nonce = verify_of(
        "[{ scheme: hmac, algorithm: sha256, encoding: hex, header: X, nonce_header: X-N, key: a "
        "}]");
    CHECK(nonce.at(0).nonce_header == "x-n");

    CHECK(problems_of_rules("[{ scheme: api_key, header: X, key: '' }]") ==
          Found{"17:71 config.secret_empty"});
    CHECK(problems_of_rules("[{ scheme: api_key, key: a }]") == Found{"17:36 config.missing_key"});
    CHECK(problems_of_rules("[{ scheme: api_key, query: a, header: b, key: c }]") ==
          Found{"17:65 config.unknown_key"});
    CHECK(problems_of_rules("[{ scheme: address }]") == Found{"17:36 config.missing_key"});
    CHECK(problems_of_rules("[{ scheme: address, allow: [] }]") == Found{"17:62 config.type"});
    CHECK(problems_of_rules("[{ scheme: address, allow: [''] }]") == Found{"17:63 config.value"});
    CHECK(problems_of_rules("[{ scheme: http_signature, preset: copernica, account: a }]") ==
          Found{"17:36 config.missing_key"});
}

TEST_CASE("webhook: verification must be written", "[config][webhook]") {
    const ConfigFixture fixture;

    CHECK(fixture.problems(with_webhook("{ name: x }")) == Found{"17:16 config.verify_missing"});
    CHECK(fixture.problems(with_webhook("{ name: x, success_status: 200 }")) ==
          Found{"17:16 config.verify_missing"});
    CHECK(problems_of_rules("") == Found{"17:27 config.verify_missing"});
    CHECK(problems_of_rules("[]") == Found{"17:35 config.verify_missing"});
    CHECK(problems_of_rules("nothing") == Found{"17:35 config.type"});
    CHECK(problems_of_rules("{ scheme: none }") == Found{"17:35 config.type"});
    CHECK(problems_of_rules("[none]") == Found{"17:36 config.type"});
    CHECK(problems_of_rules("[{ scheme: none }]") == Found{"17:46 config.value"});
}

TEST_CASE("webhook: an empty secret proves nothing and is refused", "[config][webhook]") {
    CHECK(problems_of_rules("[{ scheme: hmac, preset: mapp, key: \"${EMPTY}\" }]") ==
          Found{"17:71 config.secret_empty"});
    CHECK(problems_of_rules("[{ scheme: basic, username: u, password: '' }]") ==
          Found{"17:76 config.secret_empty"});
}

TEST_CASE("webhook: a scheme takes its own keys only", "[config][webhook]") {
    CHECK(problems_of_rules("[{ scheme: hmac, preset: mapp, key: a, header: x }]") ==
          Found{"17:74 config.unknown_key"});
    CHECK(problems_of_rules("[{ scheme: basic, username: u, password: p, key: a }]") ==
          Found{"17:79 config.unknown_key"});
    CHECK(problems_of_rules("[{ preset: mapp }]") == Found{"17:36 config.missing_key"});
    CHECK(problems_of_rules("[{ scheme: hmac, key: a }]") == Found(3, "17:36 config.missing_key"));
    CHECK(problems_of_rules("[{ scheme: hmac, preset: map, key: a }]") ==
          Found{"17:60 config.value"});
    CHECK(problems_of_rules("[{ scheme: basic, username: 'a:b', password: p }]") ==
          Found{"17:63 config.value"});
    CHECK(problems_of_rules(
              "[{ scheme: hmac, algorithm: md5, header: 'a b', encoding: hexx, key: a }]") ==
          Found{"17:63 config.value", "17:76 config.value", "17:93 config.value"});
}

TEST_CASE("webhook: message id, status and size are read", "[config][webhook]") {
    const ConfigFixture fixture;

    const Loaded loaded =
        fixture.load(with_webhook("{ name: x, verify: none, message_id: { header: X-Id }, "
                                  "success_status: 204, body_bytes_max: 5 }"));

    INFO(test::all_messages(loaded));
    REQUIRE(loaded.config.has_value());
    const Webhook& webhook = *loaded.config->connections[0].webhook;
    CHECK(webhook.message_id_header == "x-id");
    CHECK(webhook.success_status == 204);
    CHECK(webhook.body_bytes_max == 5);
    CHECK(fixture.problems(with_webhook("{ name: x, verify: none, message_id: X-Id }")) ==
          Found{"17:53 config.type"});
    CHECK(fixture.problems(with_webhook("{ name: x, verify: none, message_id: {} }")) ==
          Found{"17:53 config.missing_key"});
}

TEST_CASE("webhook: a second connection inherits the route by its name", "[config][webhook]") {
    const ConfigFixture fixture;
    const std::string described = "{ name: x, verify: none, success_status: 201 }";

    for (const auto& text : {with_two(described, "{ name: x }"), with_two("{ name: x }", described),
                             with_two(described, described)}) {
        const Loaded loaded = fixture.load(text);
        INFO(test::all_messages(loaded));
        REQUIRE(loaded.config.has_value());
        for (const Connection& connection : loaded.config->connections) {
            CHECK(connection.webhook->success_status == 201);
            REQUIRE(connection.webhook->verify.size() == 1);
            CHECK(connection.webhook->verify[0].scheme == VerifyScheme::kNone);
        }
        CHECK(loaded.config->connections[1].webhook->at.line == 21);
    }
}

TEST_CASE("webhook: a route that is described nowhere is told once", "[config][webhook]") {
    const ConfigFixture fixture;

    CHECK(fixture.problems(with_two("{ name: x }", "{ name: x }")) ==
          Found{"17:16 config.verify_missing"});
}

TEST_CASE("webhook: connections of one route can't differ in settings or account",
          "[config][webhook]") {
    const ConfigFixture fixture;
    const std::string first = "{ name: x, verify: [{ scheme: hmac, preset: mapp, key: a }] }";

    for (const std::string second :
         {"{ name: x, verify: none }",
          "{ name: x, verify: [{ scheme: hmac, preset: mapp, key: b }] }",
          "{ name: x, verify: [{ scheme: hmac, preset: mapp, key: a }], success_status: 200 }",
          "{ name: x, verify: [{ scheme: hmac, preset: mapp, key: a }], body_bytes_max: 1 }",
          "{ name: x, verify: [{ scheme: hmac, preset: mapp, key: a }], message_id: { header: y } "
          "}"}) {
        CAPTURE(second);
        CHECK(fixture.problems(with_two(first, second)) == Found{"21:26 config.route_conflict"});
    }
    // Each key of a rule counts.
    const std::pair<const char*, const char*> rules[] = {
        {"{ scheme: api_key, query: a, key: k }", "{ scheme: api_key, query: b, key: k }"},
        {"{ scheme: address, allow: [10.0.0.1] }", "{ scheme: address, allow: [10.0.0.2] }"},
        {"{ scheme: http_signature, preset: copernica, account: a, public_key: p }",
         "{ scheme: http_signature, preset: copernica, account: b, public_key: p }"},
        {"{ scheme: hmac, algorithm: sha1, header: h, encoding: hex, key: k, nonce_header: a }",
         "{ scheme: hmac, algorithm: sha1, header: h, encoding: hex, key: k, nonce_header: b }"},
        {"{ scheme: jwt, algorithms: [HS256], key: k, issuer: a }",
         "{ scheme: jwt, algorithms: [HS256], key: k, issuer: b }"},
        {"{ scheme: jwt, algorithms: [HS256], key: k, audience: a }",
         "{ scheme: jwt, algorithms: [HS256], key: k, audience: b }"},
        {"{ scheme: jwt, algorithms: [RS256], issuer: a, audience: a, jwks_file: a }",
         "{ scheme: jwt, algorithms: [RS256], issuer: a, audience: a, jwks_file: b }"},
        {"{ scheme: jwt, algorithms: [RS256], issuer: a, audience: a, jwks_file: a }",
         "{ scheme: jwt, algorithms: [ES256], issuer: a, audience: a, jwks_file: a }"},
    };
    for (const auto& [one, other] : rules) {
        CAPTURE(one, other);
        const auto written = [](const char* rule) {
            return "{ name: x, verify: [" + std::string{rule} + "] }";
        };
        CHECK(fixture.problems(with_two(written(one), written(one))).empty());
        CHECK(fixture.problems(with_two(written(one), written(other))) ==
              Found{"21:26 config.route_conflict"});
    }
    CHECK(fixture.problems(with_two(first, "{ name: x }", "pangolin")) ==
          Found{"21:26 config.route_conflict"});
    CHECK(fixture.problems(with_two(first, "{ name: y, verify: none }", "pangolin")).empty());
}

TEST_CASE("webhook: triggers may be left out, and are not empty when they are written",
          "[config][webhook]") {
    const ConfigFixture fixture;
    const std::string text = test::kGood.substr(0, test::kGood.find("    triggers:"));

    const Loaded without = fixture.load(text);
    REQUIRE(without.config.has_value());
    CHECK_FALSE(without.config->connections[0].has_triggers);
    CHECK(fixture.load(test::kGood).config->connections[0].has_triggers);
    CHECK(fixture.problems(text + "    triggers: {}\n") == Found{"16:15 config.missing_key"});
}

TEST_CASE("webhook: how senders are answered", "[config][webhook]") {
    const ConfigFixture fixture;
    const auto webhook_of = [&](const std::string& keys) {
        const Loaded loaded = fixture.load(with_webhook("{ name: x, verify: none" + keys + " }"));
        INFO(test::all_messages(loaded));
        REQUIRE(loaded.config.has_value());
        return *loaded.config->connections.at(0).webhook;
    };
    const Webhook usual = webhook_of("");
    CHECK(usual.answer == AnswerMode::kConnector);
    CHECK(usual.answer_from == "c");
    CHECK(usual.answer_timeout == std::chrono::milliseconds{10'000});
    CHECK(usual.late_status == 504);
    CHECK(webhook_of(", answer: received").answer == AnswerMode::kReceived);
    const Webhook outcome =
        webhook_of(", answer: outcome, answer_from: c, answer_timeout_ms: 100, late_status: 202");
    CHECK(outcome.answer == AnswerMode::kOutcome);
    CHECK(outcome.answer_timeout == std::chrono::milliseconds{100});
    CHECK(outcome.late_status == 202);
    const Webhook query = webhook_of(", answer: query, answer_map: { a: .b }");
    CHECK(query.answer == AnswerMode::kQuery);
    REQUIRE(query.answer_map.size() == 1);
    CHECK(query.answer_map[0].field == "a");
    CHECK(query.answer_map[0].expression.text == ".b");
    CHECK(query.answer_map[0].expression.at.column == 73);

    const auto problems = [&](const std::string& keys) {
        return fixture.problems(with_webhook("{ name: x, verify: none" + keys + " }"));
    };
    CHECK(problems(", answer: maybe") == Found{"17:49 config.value"});
    CHECK(problems(", answer_timeout_ms: 99") == Found{"17:60 config.value"});
    CHECK(problems(", late_status: 200") == Found{"17:54 config.value"});
    CHECK(problems(", answer_map: { a: .b }") == Found{"17:53 config.value"});
    CHECK(problems(", answer_from: d") == Found{"17:16 config.answer_ambiguous"});
}

TEST_CASE("webhook: whose outcome a sender waits for must be clear", "[config][webhook]") {
    const ConfigFixture fixture;
    const auto problems = [&](const std::string& keys) {
        return fixture.problems(with_two("{ name: x, verify: none" + keys + " }", "{ name: x }"));
    };
    CHECK(problems("").empty());  // `app` asks the manifest
    CHECK(problems(", answer: received").empty());
    CHECK(problems(", answer: outcome") == Found{"17:49 config.answer_ambiguous"});
    CHECK(problems(", answer: outcome, answer_from: d").empty());
    CHECK(problems(", answer: outcome, answer_from: e") == Found{"17:49 config.answer_ambiguous"});
    CHECK(problems(", answer: query, answer_from: d") == Found{"17:49 config.answer_ambiguous"});
}
