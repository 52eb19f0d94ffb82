// What a dead letter may keep of a platform's response.
#include "plugin/answer.hpp"

#include "core/utf8.hpp"
#include "plugin/copy_in.hpp"
#include "support/catch.hpp"
#include "support/fake_clock.hpp"

using namespace syncline;
using namespace syncline::plugin;

namespace {

PlatformAnswer answer_to(std::string_view request, std::string body,
                         const std::string& secret = "not in here") {
    const syncline::test::FakeClock clock;
    const boost::json::object schema{{"properties", {{"token", {{"writeOnly", true}}}}}};
    const LogGate gate{clock, schema, {{"token", secret}}};
    HttpReply reply;
    reply.has_response = true;
    reply.status = 422;
    reply.headers = {{"set-cookie", "session=1"}, {"content-type", "text/plain"}};
    reply.body = std::move(body);
    return make_answer(request, reply, gate);
}

}  // namespace

TEST_CASE("answer: holds the request's line and the response's status, type and body",
          "[plugin][answer]") {
    const PlatformAnswer answer = answer_to("PUT https://api.example.com/v1/users", "no");
    CHECK(answer.request == "PUT https://api.example.com/v1/users");
    CHECK(answer.status == 422);
    CHECK(answer.content_type == "text/plain");
    CHECK(answer.body == "no");
    CHECK(answer.body_bytes == 2);
}

TEST_CASE("answer: of the URL neither user nor query nor fragment is kept", "[plugin][answer]") {
    for (const char* request :
         {"GET https://user:pass@host/a", "GET https://host/a?key=1", "GET https://host/a#part",
          "GET https://u@host/a?x=https://y@z/", "GET https://a@b:c@host/a#?"}) {
        CAPTURE(request);
        CHECK(answer_to(request, "").request == "GET https://host/a");
    }
    CHECK(answer_to("GET https://host?a=b@c", "").request == "GET https://host");
    CHECK(answer_to("GET https://host/@me", "").request == "GET https://host/@me");
    CHECK(answer_to("odd", "").request == "odd");
}

TEST_CASE("answer: a secret of the settings that the platform repeats is hidden",
          "[plugin][answer]") {
    const PlatformAnswer answer =
        answer_to("GET https://host/s3cret/a", "bad token s3cret", "s3cret");
    CHECK(answer.request == "GET https://host/[redacted]/a");
    CHECK(answer.body == "bad token [redacted]");
    // Also where the body is cut.
    const std::string before(kAnswerBodyBytesMax - 3, 'a');
    CHECK(answer_to("GET https://host/", before + "s3cret", "s3cret").body == before + "[re");
    CHECK(answer_to("GET https://host/", before + "bs3cret", "s3cret").body == before + "b[r");
}

TEST_CASE("answer: a body is cut between characters, and its size is told", "[plugin][answer]") {
    const std::string body(kAnswerBodyBytesMax - 1, 'a');
    const PlatformAnswer answer = answer_to("GET https://host/", body + "é and more");
    CHECK(answer.body == body);
    CHECK(answer.body_bytes == body.size() + 11);
    CHECK(answer_to("GET https://host/", body + "b").body == body + "b");
}

TEST_CASE("answer: bytes that are no text are spelled out, within the same bound",
          "[plugin][answer]") {
    CHECK(answer_to("GET https://host/", "a\xff\xc3").body == "a\\xff\\xc3");
    const PlatformAnswer answer = answer_to("GET https://host/", std::string(100'000, '\x80'));
    CHECK(answer.body.size() == kAnswerBodyBytesMax);
    CHECK(core::is_utf8(answer.body));
    CHECK(answer.body_bytes == 100'000);
}
