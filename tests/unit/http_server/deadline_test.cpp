// Each test waits for the server to close a connection; the limits that must not end it are out of
// reach.
#include "fixture.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::http_server;
using namespace syncline::test;
using std::chrono::milliseconds;

namespace {

Limits patient() {
    Limits limits;
    limits.header_timeout = kNever;
    limits.body_grace = kNever;
    limits.request_timeout = kNever;
    limits.idle_timeout = kNever;
    limits.response_timeout = kNever;
    return limits;
}

}  // namespace

TEST_CASE("http deadlines: a header section that does not come to an end is answered 408",
          "[http_server][deadlines][E6]") {
    Limits limits = patient();
    limits.header_timeout = kSoon;
    LiveServer live(with(limits));
    RawClient client(live.port());
    const Reply reply = client.ask("GET / HTTP/1.1\r\nHost: a\r\nX: ");
    CHECK(reply.status == 408);
    CHECK(reply.closes());
    CHECK(client.read_to_end().empty());
    CHECK(live.counters().refused == 1);
}

TEST_CASE("http deadlines: a trickle does not move the deadline of the header section",
          "[http_server][deadlines][E6]") {
    Limits limits = patient();
    limits.header_timeout = kSoon;
    limits.header_bytes_max = 20'000'000;
    LiveServer live(with(limits));
    RawClient client(live.port());
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
    // Were the deadline moved by each byte, the server would take them all.
    std::size_t sent = 0;
    while (sent < 10'000'000 && !client.has_input() && client.send("y")) ++sent;
    CHECK(client.read_reply().status == 408);
    CHECK(live.handler().seen().empty());
}

TEST_CASE("http deadlines: a client that connects and says nothing is closed",
          "[http_server][deadlines][E6]") {
    Limits limits = patient();
    limits.header_timeout = kSoon;
    LiveServer live(with(limits));
    RawClient client(live.port());
    CHECK(client.read_to_end().empty());
}

TEST_CASE("http deadlines: an idle connection is closed", "[http_server][deadlines][E6]") {
    Limits limits = patient();
    limits.idle_timeout = kSoon;
    LiveServer live(with(limits));
    RawClient client(live.port());
    CHECK(client.ask(get_of("/")).status == 200);
    CHECK(client.read_to_end().empty());
    CHECK(live.counters().connections == 0);
}

TEST_CASE("http deadlines: a body that stops coming is answered 408",
          "[http_server][deadlines][E6]") {
    Limits limits = patient();
    limits.body_grace = kSoon;
    LiveServer live(with(limits));
    RawClient client(live.port());
    CHECK(client.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf").status == 408);
    CHECK(client.read_to_end().empty());
    CHECK(live.handler().seen().empty());
}

TEST_CASE("http deadlines: bytes that have come earn time at the lowest rate",
          "[http_server][deadlines][E6]") {
    Limits limits = patient();
    limits.body_grace = kSoon;
    limits.body_bytes_per_s_min = 1;
    LiveServer live(with(limits));
    RawClient slow(live.port());
    RawClient stopped(live.port());
    slow.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n");
    slow.send(std::string(3999, 'x'));
    CHECK(stopped.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n").status == 408);
    CHECK(slow.ask("x").status == 200);
}

TEST_CASE("http deadlines: the whole request has a deadline, however fast its body is",
          "[http_server][deadlines][E6]") {
    Limits limits = patient();
    limits.request_timeout = kSoon;
    LiveServer live(with(limits));
    RawClient client(live.port());
    CHECK(client.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf").status == 408);
}

TEST_CASE("http deadlines: a handler that does not answer is answered for with 500",
          "[http_server][deadlines]") {
    std::promise<Responder> held;
    Limits limits = patient();
    limits.response_timeout = kSoon;
    TestHandler handler;
    handler.on_handle = [&](Request, Responder respond) { held.set_value(std::move(respond)); };
    LiveServer live(with(limits), &handler);
    RawClient client(live.port());
    const Reply reply = client.ask(get_of("/"));
    CHECK(reply.status == 500);
    CHECK(reply.closes());

    Responder respond = held.get_future().get();
    live.on_io([&] { respond(Response{}); });
    CHECK(client.read_to_end().empty());
}

TEST_CASE("http deadlines: a client that does not read its answer is closed",
          "[http_server][deadlines][E6]") {
    Limits limits = patient();
    limits.response_timeout = kSoon;
    TestHandler handler;
    handler.on_handle = [&](Request, Responder respond) {
        Response response;
        response.body.assign(64'000'000, 'x');
        respond(std::move(response));
    };
    LiveServer live(with(limits), &handler);
    RawClient client(live.port());
    client.send(get_of("/"));
    while (live.counters().accepted == 0 || live.counters().connections > 0) {
        std::this_thread::yield();
    }
    CHECK(client.read_to_end().size() < 64'000'000);
}
