#include "fixture.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::http_server;
using namespace syncline::test;

namespace {}  // namespace

TEST_CASE("http limits: a declared body above the limit is refused before it is read",
          "[http_server][limits][E1]") {
    TestHandler handler;
    handler.admission.body_bytes_max = 10;
    LiveServer live({}, &handler);
    RawClient client(live.port());
    const Reply reply = client.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n");

    CHECK(reply.status == 413);
    CHECK(reply.closes());
    CHECK(reply.body.find("http.body_too_large") != std::string::npos);
    RawClient exact(live.port());
    CHECK(exact.ask(post_of("0123456789")).status == 200);
}

TEST_CASE("http limits: a client that goes on sending a refused body still sees the answer",
          "[http_server][limits][E1]") {
    TestHandler handler;
    handler.admission.body_bytes_max = 10;
    LiveServer live({}, &handler);
    RawClient client(live.port());
    CHECK(client.send(post_of(std::string(2'000'000, 'x'))));
    CHECK(client.read_reply().status == 413);
}

TEST_CASE("http limits: a chunked body is refused when it grows beyond the limit",
          "[http_server][limits][E1]") {
    TestHandler handler;
    handler.admission.body_bytes_max = 10;
    LiveServer live({}, &handler);
    RawClient one(live.port());
    CHECK(one.ask(chunked_of("b\r\n")).status == 413);
    RawClient sum(live.port());
    const Reply reply = sum.ask(chunked_of("6\r\n012345\r\n5\r\n"));
    CHECK(reply.status == 413);
    CHECK(reply.closes());
    RawClient exact(live.port());
    CHECK(exact.ask(chunked_of("a\r\n0123456789\r\n0\r\n\r\n")).body == "0123456789");
    CHECK(handler.seen().size() == 1);
}

TEST_CASE("http limits: a body longer than declared is the next request, and refused as such",
          "[http_server][limits][E1]") {
    LiveServer live;
    RawClient client(live.port());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabc\r\n\r\n");
    CHECK(client.read_reply().body == "ab");
    CHECK(client.read_reply().status == 400);
    CHECK(client.read_to_end().empty());
}

TEST_CASE("http limits: a chunk extension or an endless chunk line is refused",
          "[http_server][limits][E5]") {
    LiveServer live;
    for (const std::string& body :
         {std::string("5;") + std::string(65'536, 'x'), std::string(65'536, '0'),
          std::string("5;a=\"\n\"\r\nhello\r\n0\r\n\r\n"),
          std::string("5 \r\nhello\r\n0\r\n\r\n")}) {
        RawClient client(live.port());
        const Reply reply = client.ask(chunked_of(body));
        CHECK(reply.status == 400);
        CHECK(reply.closes());
    }
    CHECK(live.handler().seen().empty());
}

TEST_CASE("http limits: a header section above the limit is refused, complete or not",
          "[http_server][limits][E8]") {
    LiveServer live;
    const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    RawClient endless(live.port());
    CHECK(endless.ask(start + std::string(64 * 1024, 'x')).status == 431);
    RawClient complete(live.port());
    CHECK(complete.ask(start + std::string(16 * 1024, 'x') + "\r\n\r\n").status == 431);
    RawClient endless_target(live.port());
    CHECK(endless_target.ask("GET /" + std::string(64 * 1024, 'x')).status == 414);
    RawClient fits(live.port());
    CHECK(fits.ask(start + std::string(16 * 1024 - start.size() - 4, 'x') + "\r\n\r\n").status ==
          200);
    RawClient one_more(live.port());
    CHECK(
        one_more.ask(start + std::string(16 * 1024 - start.size() - 3, 'x') + "\r\n\r\n").status ==
        431);
}

TEST_CASE("http limits: connections beyond the total are answered 503",
          "[http_server][limits][E6]") {
    Limits limits;
    limits.connections_max = 2;
    limits.connections_per_ip_max = 0;
    LiveServer live(with(limits));
    RawClient first(live.port());
    RawClient second(live.port());
    CHECK(first.ask(get_of("/")).status == 200);
    CHECK(second.ask(get_of("/")).status == 200);

    RawClient third(live.port());
    const Reply reply = third.read_reply();
    CHECK(reply.status == 503);
    CHECK(reply.closes());
    CHECK(live.counters().refused == 1);

    first.finish_sending();
    CHECK(first.read_to_end().empty());
    RawClient fourth(live.port());
    CHECK(fourth.ask(get_of("/")).status == 200);
}

TEST_CASE("http limits: connections of one address are limited", "[http_server][limits][E6]") {
    Limits limits;
    limits.connections_per_ip_max = 2;
    LiveServer live(with(limits));
    RawClient first(live.port());
    RawClient second(live.port());
    CHECK(second.ask(get_of("/")).status == 200);
    RawClient third(live.port());
    CHECK(third.read_reply().status == 503);

    second.finish_sending();
    CHECK(second.read_to_end().empty());
    RawClient fourth(live.port());
    CHECK(fourth.ask(get_of("/")).status == 200);
}

TEST_CASE("http limits: without file descriptors clients are turned away, slowly, and it recovers",
          "[http_server][limits][A9]") {
#ifdef __SANITIZE_ADDRESS__
    SUCCEED("UBSan needs file descriptors itself: it looks at memory through a pipe");
    return;
#endif
    LiveServer live;
    std::vector<RawClient> clients(4);
    const auto started = std::chrono::steady_clock::now();
    {
        const NoMoreFds none;
        for (std::size_t i = 0; i < 3; ++i) clients[i].connect(live.port());
        for (std::size_t i = 0; i < 3; ++i) {
            CHECK(clients[i].read_reply().status == 503);
            CHECK(clients[i].read_to_end().empty());
        }
    }
    // One client is turned away each 100 ms: the loop pauses instead of spinning.
    CHECK(std::chrono::steady_clock::now() - started >= std::chrono::milliseconds{190});
    CHECK(live.counters().refused == 3);
    clients[3].connect(live.port());
    CHECK(clients[3].ask(get_of("/")).status == 200);
}
