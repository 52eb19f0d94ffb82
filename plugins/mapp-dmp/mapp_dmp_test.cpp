// Drives the connector through the C interface, as the hub does.
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "syncline/testing.hpp"

using syncline::testing::AnswerRecord;
using syncline::testing::FakeHost;
using syncline::testing::Request;
using syncline::testing::Translation;

namespace {

Translation translate(const std::string& query, const std::string& body) {
    FakeHost host{syncline_plugin_v1};
    Translation result = host.translate(Request{"POST", "", query, body});
    host.stop();
    CHECK(host.violations.empty());
    return result;
}

}  // namespace

TEST_CASE("mapp-dmp: VALIDATE is answered with 200, by GET and by POST", "[mapp-dmp]") {
    FakeHost host{syncline_plugin_v1};

    for (const char* method : {"GET", "POST"}) {
        const auto reply = host.handshake(Request{method, "", "type=VALIDATE", ""});
        CHECK(reply.status == SYNCLINE_OK);
        CHECK(reply.http_status == 200);
        CHECK(reply.body.empty());
    }
}

TEST_CASE("mapp-dmp: a list of users becomes one membership for each", "[mapp-dmp]") {
    const auto result =
        translate("type=ADD_TO_AUDIENCE", R"({"Type":"ADD_TO_AUDIENCE","Customer":123,)"
                                          R"("Mutation":[{"Audience":"a1","Users":["u1","u2"]},)"
                                          R"({"Audience":"a2","Users":["u1"]}]})");

    REQUIRE(result.status == SYNCLINE_OK);
    REQUIRE(result.records.size() == 3);
    CHECK(result.records[0].stream == "audience_memberships");
    CHECK(result.records[0].operation == SYNCLINE_UPSERT);
    CHECK(result.records[0].key == "a1/u1");
    CHECK(result.records[0].body == R"({"audience":"a1","user":"u1","customer":123})");
    CHECK(result.records[1].key == "a1/u2");
    CHECK(result.records[2].key == "a2/u1");
    CHECK(result.records[2].parent_stream == "audiences");
    CHECK(result.records[2].parent_key == "a2");
}

TEST_CASE("mapp-dmp: one user in a mutation, which may say itself what it does", "[mapp-dmp]") {
    const auto result = translate("type=ADD_TO_AUDIENCE",
                                  R"({"mutations":[{"USER":"u1","audience":"a1","Type":"ADD"},)"
                                  R"({"Uid":"u2","Audience":"a1","type":"REMOVE","extra":{}},)"
                                  R"({"userid":{"ID":"u3","Type":"email"},"Audience":7}]})");

    REQUIRE(result.records.size() == 3);
    CHECK(result.records[0].operation == SYNCLINE_UPSERT);
    CHECK(result.records[1].operation == SYNCLINE_DELETE);
    CHECK(result.records[1].key == "a1/u2");
    CHECK(result.records[2].operation == SYNCLINE_UPSERT);
    CHECK(result.records[2].body == R"({"audience":"7","user":"u3","user_type":"email"})");
}

TEST_CASE("mapp-dmp: what is text in the models is text, whatever Mapp writes", "[mapp-dmp]") {
    const auto created =
        translate("type=CREATE_AUDIENCE", R"({"Audience":7,"Name":2026,"Customer":{"Id":1}})");
    REQUIRE(created.records.size() == 1);
    CHECK(created.records[0].body == R"({"audience":"7","name":"2026","customer":{"Id":1}})");

    const auto added = translate(
        "type=ADD_TO_AUDIENCE",
        R"({"Mutation":[{"Audience":"a","Users":[{"Id":1,"Type":3},{"Id":"2","Type":null}]}]})");
    REQUIRE(added.records.size() == 2);
    CHECK(added.records[0].body == R"({"audience":"a","user":"1","user_type":"3"})");
    CHECK(added.records[1].body == R"({"audience":"a","user":"2"})");
}

TEST_CASE("mapp-dmp: without a type in the query the body's counts, and the query's wins",
          "[mapp-dmp]") {
    const std::string body =
        R"({"tYPE":"REMOVE_FROM_AUDIENCE","Mutation":[{"Audience":"a","Users":["u"]}]})";

    CHECK(translate("", body).records.at(0).operation == SYNCLINE_DELETE);
    CHECK(translate("x=1&type=ADD%5FTO_AUDIENCE", body).records.at(0).operation == SYNCLINE_UPSERT);
}

TEST_CASE("mapp-dmp: pairs that differ have keys that differ", "[mapp-dmp]") {
    const auto result = translate(
        "type=ADD_TO_AUDIENCE",
        R"({"Mutation":[{"Audience":"a/b","Users":["c"]},{"Audience":"a","Users":["b/c"]},)"
        R"({"Audience":"a%2Fb","Users":["c"]}]})");

    REQUIRE(result.records.size() == 3);
    CHECK(result.records[0].key == "a%2Fb/c");
    CHECK(result.records[1].key == "a/b%2Fc");
    CHECK(result.records[2].key == "a%252Fb/c");
}

TEST_CASE("mapp-dmp: a new audience becomes a record of its own stream", "[mapp-dmp]") {
    const auto result =
        translate("type=CREATE_AUDIENCE",
                  R"({"Type":"CREATE_AUDIENCE","Name":"Test audience","Customer":123,)"
                  R"("Audience":"a5940e.3566"})");

    REQUIRE(result.records.size() == 1);
    CHECK(result.records[0].stream == "audiences");
    CHECK(result.records[0].key == "a5940e.3566");
    CHECK(result.records[0].body ==
          R"({"audience":"a5940e.3566","name":"Test audience","customer":123})");
    CHECK(result.records[0].parent_stream.empty());
}

TEST_CASE("mapp-dmp: who creates an audience is answered with its id", "[mapp-dmp]") {
    FakeHost host{syncline_plugin_v1};
    const Request request{"POST", "", "type=CREATE_AUDIENCE", "{}"};

    auto reply = host.answer(request, {{SYNCLINE_ANSWER_DELIVERED, "audiences", "a", "a-17"}});
    CHECK(reply.status == SYNCLINE_OK);
    CHECK(reply.http_status == 200);
    CHECK(reply.content_type == "application/json");
    CHECK(reply.body == R"({"id":"a-17"})");

    reply = host.answer(request, {{SYNCLINE_ANSWER_UNCHANGED, "audiences", "a", ""}});
    CHECK(reply.http_status == 200);
    CHECK(reply.body == R"({"id":"a"})");
}

TEST_CASE("mapp-dmp: who creates an audience is told in words why it failed", "[mapp-dmp]") {
    FakeHost host{syncline_plugin_v1};
    const Request request{"POST", "", "type=CREATE_AUDIENCE", "{}"};
    const auto error_of = [&](std::vector<AnswerRecord> records) {
        const auto reply = host.answer(request, records);
        CHECK(reply.http_status == 422);
        return reply.body;
    };

    const syncline::Failure failure{SYNCLINE_E_PERMANENT, "the name \"x\" is taken"};
    CHECK(error_of({{SYNCLINE_ANSWER_FAILED, "audiences", "a", "", "", failure}}) ==
          R"({"error":"the name \"x\" is taken"})");
    CHECK_THAT(error_of({{SYNCLINE_ANSWER_FILTERED, "audiences", "a"}}),
               Catch::Contains("not wanted"));
    CHECK_THAT(error_of({}), Catch::Contains("no destination"));
}

TEST_CASE("mapp-dmp: what can't be understood is a permanent failure that says why", "[mapp-dmp]") {
    const auto fails_with = [](const std::string& query, const std::string& body,
                               const std::string& words) {
        const auto result = translate(query, body);
        CHECK(result.status == SYNCLINE_E_PERMANENT);
        CHECK(result.records.empty());
        CHECK_THAT(result.failure.message, Catch::Contains(words));
    };

    fails_with("type=ADD_TO_AUDIENCE", "{\"Mutation\":[", "not JSON");
    fails_with("type=ADD_TO_AUDIENCE", "[]", "no array 'Mutation'");
    fails_with("type=EXPLODE", "{}", "'EXPLODE' is not known");
    fails_with("", "{}", "'' is not known");
    fails_with("type=ADD_TO_AUDIENCE", R"({"Mutation":[{"Users":["u"]}]})",
               "mutation 0: no audience");
    fails_with("type=ADD_TO_AUDIENCE", R"({"Mutation":[{"Audience":"a"}]})", "mutation 0: no user");
    fails_with("type=ADD_TO_AUDIENCE", R"({"Mutation":[{"Audience":"a","Users":["u",{}]}]})",
               "without an id");
    fails_with("type=ADD_TO_AUDIENCE", R"({"Mutation":[{"Audience":"a","User":"u","Type":"X"}]})",
               "unknown type");
    fails_with("type=CREATE_AUDIENCE", R"({"Name":"x"})", "names no audience");
    fails_with("type=CREATE_AUDIENCE", R"({"Audience":"a","Name":["x"]})", "name is no text");
    fails_with("type=ADD_TO_AUDIENCE",
               R"({"Mutation":[{"Audience":"a","User":{"Id":"u","Type":{}}}]})",
               "mutation 0: a user's type is no text");
}
