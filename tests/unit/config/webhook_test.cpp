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

Found problems_of(const std::string& rules) {
    const ConfigFixture fixture;
    return fixture.problems(with_webhook("{ name: x, verify: " + rules + " }"));
}

}  // namespace

TEST_CASE("webhook: presets stand for what the platform sends", "[config][webhook]") {
    const auto rules = verify_of(
        "[{ scheme: hmac, preset: mapp, key: a }, { scheme: hmac, preset: github, key: b }]");

    REQUIRE(rules.size() == 2);
    CHECK(rules[0].scheme == VerifyScheme::kHmac);
    CHECK(rules[0].algorithm == HmacAlgorithm::kSha1);
    CHECK(rules[0].encoding == SignatureEncoding::kHex);
    CHECK(rules[0].header == "x-hmac");
    CHECK(rules[0].prefix.empty());
    CHECK(rules[0].key.equals("a"));
    CHECK(rules[1].algorithm == HmacAlgorithm::kSha256);
    CHECK(rules[1].header == "x-hub-signature-256");
    CHECK(rules[1].prefix == "sha256=");
}

TEST_CASE("webhook: a signature can be described in full", "[config][webhook]") {
    const auto rules = verify_of(
        "[{ scheme: hmac, algorithm: sha256, header: X-Signature, encoding: base64, prefix: 'v1,', "
        "key: \"${KEY}\" }]");

    REQUIRE(rules.size() == 1);
    CHECK(rules[0].algorithm == HmacAlgorithm::kSha256);
    CHECK(rules[0].encoding == SignatureEncoding::kBase64);
    CHECK(rules[0].header == "x-signature");
    CHECK(rules[0].prefix == "v1,");
    CHECK(rules[0].key.equals("k3y"));
}

TEST_CASE("webhook: basic authentication and none", "[config][webhook]") {
    const auto basic = verify_of("[{ scheme: basic, username: u, password: \"${KEY}\" }]");
    REQUIRE(basic.size() == 1);
    CHECK(basic[0].scheme == VerifyScheme::kBasic);
    CHECK(basic[0].username == "u");
    CHECK(basic[0].password.equals("k3y"));

    const auto none = verify_of("none");
    REQUIRE(none.size() == 1);
    CHECK(none[0].scheme == VerifyScheme::kNone);
}

TEST_CASE("webhook: verification must be written", "[config][webhook]") {
    const ConfigFixture fixture;

    CHECK(fixture.problems(with_webhook("{ name: x }")) == Found{"17:16 config.verify_missing"});
    CHECK(fixture.problems(with_webhook("{ name: x, success_status: 200 }")) ==
          Found{"17:16 config.verify_missing"});
    CHECK(problems_of("") == Found{"17:27 config.verify_missing"});
    CHECK(problems_of("[]") == Found{"17:35 config.verify_missing"});
    CHECK(problems_of("nothing") == Found{"17:35 config.type"});
    CHECK(problems_of("{ scheme: none }") == Found{"17:35 config.type"});
    CHECK(problems_of("[none]") == Found{"17:36 config.type"});
    CHECK(problems_of("[{ scheme: none }]") == Found{"17:46 config.value"});
}

TEST_CASE("webhook: an empty secret proves nothing and is refused", "[config][webhook]") {
    CHECK(problems_of("[{ scheme: hmac, preset: mapp, key: \"${EMPTY}\" }]") ==
          Found{"17:71 config.secret_empty"});
    CHECK(problems_of("[{ scheme: basic, username: u, password: '' }]") ==
          Found{"17:76 config.secret_empty"});
}

TEST_CASE("webhook: a scheme takes its own keys only", "[config][webhook]") {
    CHECK(problems_of("[{ scheme: hmac, preset: mapp, key: a, header: x }]") ==
          Found{"17:74 config.unknown_key"});
    CHECK(problems_of("[{ scheme: basic, username: u, password: p, key: a }]") ==
          Found{"17:79 config.unknown_key"});
    CHECK(problems_of("[{ preset: mapp }]") == Found{"17:36 config.missing_key"});
    CHECK(problems_of("[{ scheme: hmac, key: a }]") == Found(3, "17:36 config.missing_key"));
    CHECK(problems_of("[{ scheme: hmac, preset: map, key: a }]") == Found{"17:60 config.value"});
    CHECK(problems_of("[{ scheme: basic, username: 'a:b', password: p }]") ==
          Found{"17:63 config.value"});
    CHECK(
        problems_of("[{ scheme: hmac, algorithm: md5, header: 'a b', encoding: hexx, key: a }]") ==
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
    CHECK(fixture.problems(with_two(first, "{ name: x }", "pangolin")) ==
          Found{"21:26 config.route_conflict"});
    CHECK(fixture.problems(with_two(first, "{ name: y, verify: none }", "pangolin")).empty());
}

TEST_CASE("webhook: a connection needs a trigger", "[config][webhook]") {
    const ConfigFixture fixture;
    const std::string text = test::kGood.substr(0, test::kGood.find("    triggers:"));

    CHECK(fixture.problems(text) == Found{"14:5 config.missing_key"});
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
