// Which form of an answer a client gets.
#include "http_server/negotiation.hpp"

#include "fixture.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::http_server;
using namespace syncline::test;

namespace {

Coding coding_for(const char* accept_encoding) {
    return preferences_of({{"accept-encoding", accept_encoding}}).coding;
}
bool is_text_for(const char* accept) {
    return preferences_of({{"accept", accept}}).plain_text;
}

// Several times smaller when it is compressed.
std::string text_of(std::size_t bytes) {
    std::string text;
    while (text.size() < bytes) text += "line " + std::to_string(text.size()) + "\n";
    text.resize(bytes);
    return text;
}

// Headers of a reply, and the body decoded.
std::string decoded_of(const Reply& reply) {
    const bool is_gzip = reply.head.find("\r\nContent-Encoding: gzip\r\n") != std::string::npos;
    return decode(is_gzip ? Coding::kGzip : Coding::kDeflate, reply.body, 1 << 24).body;
}

std::string get_with(const std::string& lines, const std::string& method = "GET") {
    return method + " /in HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n";
}

}  // namespace

TEST_CASE("negotiation: the best coding that the client takes", "[http_server][negotiation]") {
    CHECK(preferences_of({}).coding == Coding::kIdentity);
    for (const char* list :
         {"gzip", "x-gzip", "GZIP", "gzip, deflate, br", "deflate, gzip", "*",
          "br;q=1.0, gzip;q=0.8, *;q=0.1", "deflate;q=0.5, gzip;q=0.501", "identity, gzip",
          "gzip;q=0.001, identity;q=0", "gzip ; q=1 ,,", "gzip;x=y;q=0.5", ", gzip"}) {
        INFO(list);
        CHECK(coding_for(list) == Coding::kGzip);
    }
    for (const char* list :
         {"deflate", "deflate, gzip;q=0.9", "gzip;q=0, *", "gzip;q=0, deflate;q=0.1", "DEFLATE"}) {
        INFO(list);
        CHECK(coding_for(list) == Coding::kDeflate);
    }
    for (const char* list : {"", "identity", "br", "gzip;q=0", "*;q=0",
                             "gzip;q=0.5, identity;q=0.6", "gzip;q=2", "gzip;q=", "gzip;q=0.5555",
                             "gzip;q=-1", "gzip;q=1.001", "gzip;q=a", "gzipped", "gzip;q=0.000"}) {
        INFO(list);
        CHECK(coding_for(list) == Coding::kIdentity);
    }
    // A list may come in several fields.
    CHECK(preferences_of({{"accept-encoding", "br"}, {"accept-encoding", "gzip"}}).coding ==
          Coding::kGzip);
}

TEST_CASE("negotiation: text for those who ask for text", "[http_server][negotiation]") {
    CHECK_FALSE(preferences_of({}).plain_text);
    for (const char* list :
         {"text/plain", "TEXT/Plain; charset=utf-8", "text/*", "text/plain, */*;q=0.1",
          "application/json;q=0.5, text/plain", "application/json;q=0, */*"}) {
        INFO(list);
        CHECK(is_text_for(list));
    }
    for (const char* list : {"", "*/*", "application/json", "text/html",
                             "text/plain, application/json", "text/plain;q=0.5, */*",
                             "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                             "text/*, text/plain;q=0", "text/plain;q=x"}) {
        INFO(list);
        CHECK_FALSE(is_text_for(list));
    }
}

TEST_CASE("negotiation: a large answer is compressed, a small one is not",
          "[http_server][negotiation]") {
    TestHandler handler;
    handler.on_handle = [](Request request, Responder respond) {
        Response response;
        response.body = text_of(std::stoul(request.query));
        respond(std::move(response));
    };
    LiveServer live({}, &handler);
    RawClient client(live.port());
    const auto ask = [&](const std::string& bytes, const std::string& lines) {
        return client.ask("GET /in?" + bytes + " HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n");
    };
    const Reply gzip = ask("1024", "Accept-Encoding: gzip\r\n");
    CHECK(gzip.head.find("\r\nContent-Encoding: gzip\r\n") != std::string::npos);
    CHECK(gzip.head.find("\r\nVary: Accept-Encoding\r\n") != std::string::npos);
    CHECK(gzip.body.size() < 700);
    CHECK(decoded_of(gzip) == text_of(1024));

    const Reply deflate = ask("5000", "Accept-Encoding: gzip;q=0.5, deflate\r\n");
    CHECK(deflate.head.find("\r\nContent-Encoding: deflate\r\n") != std::string::npos);
    CHECK(decoded_of(deflate) == text_of(5000));

    // The next request on the connection is asked for itself.
    const Reply identity = ask("5000", "");
    CHECK(identity.head.find("Content-Encoding") == std::string::npos);
    CHECK(identity.head.find("\r\nVary: Accept-Encoding\r\n") != std::string::npos);
    CHECK(identity.body.size() == 5000);

    const Reply small = ask("1023", "Accept-Encoding: gzip\r\n");
    CHECK(small.head.find("Content-Encoding") == std::string::npos);
    CHECK(small.head.find("Vary") == std::string::npos);
    CHECK(small.body.size() == 1023);

    const Reply huge = ask(std::to_string(kEncodeBytesMax + 1), "Accept-Encoding: gzip\r\n");
    CHECK(huge.head.find("Content-Encoding") == std::string::npos);
    CHECK(huge.body.size() == kEncodeBytesMax + 1);
}

TEST_CASE("negotiation: HEAD says what GET would, and what is coded stays so",
          "[http_server][negotiation]") {
    TestHandler handler;
    handler.on_handle = [](Request request, Responder respond) {
        Response response;
        response.body = text_of(5000);
        if (request.path == "/coded") response.headers = {{"content-encoding", "br"}};
        respond(std::move(response));
    };
    LiveServer live({}, &handler);
    RawClient client(live.port());
    const std::string lines = "Accept-Encoding: gzip\r\n";
    const Reply got = client.ask(get_with(lines));
    client.send(get_with(lines, "HEAD"));
    const Reply head = client.read_reply(false);
    const auto length_of = [](const Reply& reply) {
        return reply.head.substr(reply.head.find("Content-Length"), 20);
    };
    CHECK(length_of(head) == length_of(got));
    const Reply coded = client.ask("GET /coded HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n");
    CHECK(coded.body.size() == 5000);
    CHECK(coded.head.find("gzip") == std::string::npos);
}

TEST_CASE("negotiation: an error is a sentence for who prefers text",
          "[http_server][negotiation]") {
    TestHandler handler;
    handler.admission.body_bytes_max = 10;
    LiveServer live({}, &handler);
    const std::string body(11, 'x');
    const Reply json = RawClient(live.port()).ask(post_of(body, "Accept: */*\r\n"));
    CHECK(json.status == 413);
    CHECK(json.body == R"({"error":"The body is too large.","code":"http.body_too_large"})");
    CHECK(json.head.find("\r\nContent-Type: application/json\r\n") != std::string::npos);
    CHECK(json.head.find("\r\nVary: Accept\r\n") != std::string::npos);
    const Reply text = RawClient(live.port()).ask(post_of(body, "Accept: text/plain\r\n"));
    CHECK(text.status == 413);
    CHECK(text.body == "The body is too large.\n");
    CHECK(text.head.find("\r\nContent-Type: text/plain; charset=utf-8\r\n") != std::string::npos);
    CHECK(text.head.find("application/json") == std::string::npos);
    CHECK(text.head.find("\r\nVary: Accept\r\n") != std::string::npos);
    // Refused before its headers were read: JSON, as always.
    const Reply broken =
        RawClient(live.port()).ask(post_of("x", "Accept: text/plain\r\nHost: b\r\n"));
    CHECK(broken.status == 400);
    CHECK(broken.body.find(R"("code":"http.bad_request")") != std::string::npos);
}
