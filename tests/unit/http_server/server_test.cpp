#include "http_server/server.hpp"

#include <boost/asio/post.hpp>

#include "fixture.hpp"
#include "support/catch.hpp"
#include "vectors.hpp"

using namespace syncline;
using namespace syncline::http_server;
using namespace syncline::test;

namespace {

Response ok(std::string body = {}) {
    Response response;
    response.body = std::move(body);
    return response;
}

// Answers at once, but keeps who waits for /slow.
std::function<void(Request, Responder)> hold_slow(std::promise<Responder>& held) {
    return [&held](Request request, Responder respond) {
        if (request.path == "/slow")
            held.set_value(std::move(respond));
        else
            respond(ok());
    };
}

}  // namespace

TEST_CASE("http server: a handler gets the whole request", "[http_server]") {
    LiveServer live;
    RawClient client(live.port());

    const Reply reply = client.ask(
        "POST /a%20b?x=1 HTTP/1.1\r\nHost: a\r\nX-Mixed: Va Lue \r\n"
        "Content-Length: 5\r\n\r\nhello");

    CHECK(reply.status == 200);
    CHECK(reply.body == "hello");
    CHECK(reply.head.find("HTTP/1.1 200 OK\r\nDate: ") == 0);
    CHECK(reply.head.find(" GMT\r\n") != std::string::npos);
    CHECK_FALSE(reply.closes());
    const Request request = live.handler().seen().at(0);
    CHECK(request.method == "POST");
    CHECK(request.path == "/a b");
    CHECK(request.query == "x=1");
    CHECK(request.header("x-mixed") == "Va Lue");
    CHECK(request.body == "hello");
    CHECK(request.peer == "127.0.0.1");
}

TEST_CASE("http server: a connection serves one request after the other", "[http_server]") {
    LiveServer live;
    RawClient client(live.port());
    for (int i = 0; i < 20; ++i) {
        REQUIRE(client.ask(post_of(std::to_string(i))).body == std::to_string(i));
    }
    CHECK(live.counters().accepted == 1);
    CHECK(live.counters().connections == 1);
}

TEST_CASE("http server: `Connection: close` and HTTP/1.0 end the connection", "[http_server]") {
    LiveServer live;
    for (const char* request : {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                                "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"}) {
        RawClient client(live.port());
        const Reply reply = client.ask(request);
        CHECK(reply.status == 200);
        CHECK(reply.closes());
        CHECK(client.read_to_end().empty());
    }
}

TEST_CASE("http server: refused requests are answered in JSON, and the connection ends",
          "[http_server][gate][E3][E8]") {
    LiveServer live;
    std::size_t refused = 0;
    for (const Vector& vector : gate_vectors()) {
        if (vector.status == 0) continue;
        INFO(vector.name);
        RawClient client(live.port());
        // The second request is what a smuggler would hide: it must not be answered.
        client.send(vector.bytes + get_of("/smuggled"));
        const Reply reply = client.read_reply(vector.name != "HEAD");
        CHECK(reply.status == vector.status);
        CHECK(reply.closes());
        CHECK(reply.body.find(R"(","code":"http.)") != std::string::npos);
        CHECK(client.read_to_end().empty());
        ++refused;
    }
    CHECK(refused >= 100);
    CHECK(live.handler().seen().empty());
    CHECK(live.handler().admitted == 0);
    CHECK(live.counters().refused == refused);
}

TEST_CASE("http server: every message gets its answer, and the next one is told apart",
          "[http_server][gate][E3][E4][E5][E10]") {
    LiveServer live;
    REQUIRE(message_vectors().size() >= 50);
    for (const Vector& vector : message_vectors()) {
        INFO(vector.name);
        RawClient client(live.port());
        client.send(vector.bytes + get_of("/next"));
        const Reply reply = client.read_reply();
        CHECK(reply.status == (vector.status == 0 ? 200 : vector.status));
        CHECK(reply.closes() == (vector.status != 0));
        if (vector.status == 0) CHECK(client.read_reply().status == 200);
        client.finish_sending();
        CHECK(client.read_to_end().empty());
    }
    for (const Request& request : live.handler().seen()) {
        CHECK(request.header("authorization").empty());
        CHECK(request.header("x-forwarded-for").empty());
        CHECK(request.header("x-hmac").empty());
    }
}

TEST_CASE("http server: 1,000 pipelined requests are answered in order, one at a time",
          "[http_server][E7]") {
    boost::asio::io_context* io = nullptr;
    int in_flight = 0;
    int in_flight_max = 0;
    TestHandler handler;
    handler.on_handle = [&](Request request, Responder respond) {
        in_flight_max = std::max(in_flight_max, ++in_flight);
        auto held = std::make_shared<Responder>(std::move(respond));
        boost::asio::post(*io, [&in_flight, held, body = request.path] {
            --in_flight;
            (*held)(ok(body));
        });
    };
    LiveServer live({}, &handler);
    live.on_io([&] { io = &live.io(); });
    RawClient client(live.port());

    std::string all;
    for (int i = 0; i < 1'000; ++i) all += get_of("/" + std::to_string(i));
    client.send(all);

    for (int i = 0; i < 1'000; ++i) REQUIRE(client.read_reply().body == "/" + std::to_string(i));
    live.on_io([&] { CHECK(in_flight_max == 1); });
}

TEST_CASE("http server: pipelined requests with bodies keep their borders", "[http_server][E7]") {
    LiveServer live;
    RawClient client(live.port());
    client.send(post_of("one") + chunked_of("3\r\ntwo\r\n0\r\n\r\n") + post_of("") +
                post_of("four"));
    CHECK(client.read_reply().body == "one");
    CHECK(client.read_reply().body == "two");
    CHECK(client.read_reply().body == "");
    CHECK(client.read_reply().body == "four");
}

TEST_CASE("http server: a large body and a large answer pass", "[http_server]") {
    TestHandler handler;
    handler.admission.body_bytes_max = 20'000'000;
    LiveServer live({}, &handler);
    RawClient client(live.port());
    std::string body(16'000'000, 'x');
    for (std::size_t i = 0; i < body.size(); i += 1000) {
        body[i] = static_cast<char>('a' + i / 1000 % 26);
    }

    CHECK((client.ask(post_of(body)).body == body));
    CHECK(client.ask(post_of("small")).body == "small");
}

TEST_CASE("http server: large bodies that are answered later leave the connection usable",
          "[http_server]") {
    boost::asio::io_context* io = nullptr;
    TestHandler handler;
    handler.on_handle = [&io](Request request, Responder respond) {
        auto held = std::make_shared<Responder>(std::move(respond));
        boost::asio::post(*io, [held, body = std::move(request.body)] { (*held)(ok(body)); });
    };
    LiveServer live({}, &handler);
    live.on_io([&] { io = &live.io(); });
    RawClient client(live.port());
    for (const std::size_t size : std::vector<std::size_t>{900'000, 3, 100'000, 0, 900'000}) {
        const std::string body(size, 'x');
        REQUIRE((client.ask(post_of(body)).body == body));
    }
}

TEST_CASE("http server: trailers never get into the headers", "[http_server][E4]") {
    LiveServer live;
    RawClient client(live.port());
    const Reply reply = client.ask(chunked_of(
        "5\r\nhello\r\n0\r\nAuthorization: Bearer x\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n"));

    CHECK(reply.body == "hello");
    const Request request = live.handler().seen().at(0);
    CHECK(request.headers.size() == 2);
    CHECK(request.header("authorization").empty());
    CHECK(request.header("x-forwarded-for").empty());
}

TEST_CASE("http server: a million chunks of one byte are one body", "[http_server][E5]") {
    TestHandler handler;
    handler.on_handle = [](Request request, Responder respond) {
        respond(ok(std::to_string(request.body.size())));
    };
    LiveServer live({}, &handler);
    RawClient client(live.port());
    std::string chunks;
    for (int i = 0; i < 1'000'000; ++i) chunks += "1\r\nx\r\n";
    CHECK(client.ask(chunked_of(chunks + "0\r\n\r\n")).body == "1000000");
}

TEST_CASE("http server: HEAD is answered without a body", "[http_server]") {
    TestHandler handler;
    handler.on_handle = [](Request, Responder respond) { respond(ok("12345")); };
    LiveServer live({}, &handler);
    RawClient client(live.port());
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + get_of("/"));

    const Reply head = client.read_reply(false);
    CHECK(head.status == 200);
    CHECK(head.head.find("Content-Length: 5\r\n") != std::string::npos);
    CHECK(client.read_reply().body == "12345");
}

TEST_CASE("http server: a refused HEAD is answered without a body", "[http_server]") {
    LiveServer live;
    RawClient client(live.port());
    client.send("HEAD /../ HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(client.read_reply(false).status == 400);
    CHECK(client.read_to_end().empty());
}

TEST_CASE("http server: 204 has neither body nor length", "[http_server]") {
    TestHandler handler;
    handler.on_handle = [](Request, Responder respond) {
        Response response = ok("ignored");
        response.status = 204;
        respond(std::move(response));
    };
    LiveServer live({}, &handler);
    RawClient client(live.port());
    client.send(get_of("/") + get_of("/"));
    for (int i = 0; i < 2; ++i) {
        const Reply reply = client.read_reply();
        CHECK(reply.status == 204);
        CHECK(reply.head.find("Content-Length") == std::string::npos);
    }
}

TEST_CASE("http server: 100 is sent once the request is admitted", "[http_server]") {
    LiveServer live;
    RawClient client(live.port());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    CHECK(client.read_reply().head == "HTTP/1.1 100 Continue\r\n\r\n");
    CHECK(live.handler().admitted == 1);
    CHECK(live.handler().seen().empty());
    CHECK(client.ask("hello").body == "hello");
}

TEST_CASE("http server: 100 is not sent to who is refused, has no body or has sent it already",
          "[http_server]") {
    TestHandler handler;
    handler.admission.body_bytes_max = 10;
    LiveServer live({}, &handler);
    RawClient large(live.port());
    CHECK(
        large
            .ask("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n")
            .status == 413);
    RawClient none(live.port());
    CHECK(none.ask(post_of("", "Expect: 100-continue\r\n")).status == 200);
    RawClient eager(live.port());
    CHECK(eager.ask(post_of("hello", "Expect: 100-continue\r\n")).status == 200);
}

TEST_CASE("http server: the handler's owner can refuse before the body", "[http_server]") {
    TestHandler handler;
    Response refusal;
    refusal.status = 401;
    refusal.body = "who are you?";
    refusal.headers = {{"WWW-Authenticate", "Bearer"}};
    handler.admission.refusal = refusal;
    LiveServer live({}, &handler);
    RawClient client(live.port());
    const Reply reply =
        client.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nunfinished");

    CHECK(reply.status == 401);
    CHECK(reply.body == "who are you?");
    CHECK(reply.head.find("WWW-Authenticate: Bearer\r\n") != std::string::npos);
    CHECK(reply.closes());
    CHECK(live.handler().seen().empty());
    CHECK(live.counters().refused == 1);
}

TEST_CASE("http server: a response that would break its framing becomes a 500",
          "[http_server][E10]") {
    TestHandler handler;
    handler.on_handle = [](Request request, Responder respond) {
        Response response = ok("secret");
        if (request.path == "/value") response.headers = {{"Location", "/\r\nSet-Cookie: a=b"}};
        if (request.path == "/name") response.headers = {{"X:\r\nY", "z"}};
        if (request.path == "/nul") response.headers = {{"X", std::string("a\0b", 3)}};
        if (request.path == "/status") response.status = 99;
        respond(std::move(response));
    };
    LiveServer live({}, &handler);
    RawClient client(live.port());
    for (const char* path : {"/value", "/name", "/nul", "/status"}) {
        INFO(path);
        const Reply reply = client.ask(get_of(path));
        CHECK(reply.status == 500);
        CHECK(reply.head.find("Set-Cookie") == std::string::npos);
        CHECK(reply.body.find("secret") == std::string::npos);
    }
    CHECK(client.ask(get_of("/")).body == "secret");
}

TEST_CASE("http server: the framing headers of a response are the server's", "[http_server]") {
    TestHandler handler;
    handler.on_handle = [](Request, Responder respond) {
        Response response = ok("12345");
        response.headers = {{"Content-Length", "3"},
                            {"transfer-encoding", "chunked"},
                            {"Connection", "upgrade"},
                            {"Date", "x"},
                            {"X-Kept", "y"}};
        respond(std::move(response));
    };
    LiveServer live({}, &handler);
    RawClient client(live.port());
    const Reply reply = client.ask(get_of("/"));
    CHECK(reply.body == "12345");
    CHECK(reply.head.find("chunked") == std::string::npos);
    CHECK(reply.head.find("upgrade") == std::string::npos);
    CHECK(reply.head.find("X-Kept: y\r\n") != std::string::npos);
}

TEST_CASE("http server: a dropped responder answers 500", "[http_server]") {
    TestHandler handler;
    handler.on_handle = [](Request, const Responder&) {};
    LiveServer live({}, &handler);
    RawClient client(live.port());
    CHECK(client.ask(get_of("/")).status == 500);
    CHECK(client.ask(get_of("/")).status == 500);
}

TEST_CASE("http server: an answer for a client that has gone is dropped", "[http_server][E14]") {
    std::promise<Responder> held;
    TestHandler handler;
    handler.on_handle = hold_slow(held);
    LiveServer live({}, &handler);
    RawClient client(live.port());
    client.send(get_of("/slow"));
    Responder respond = held.get_future().get();
    client.reset();

    live.on_io([&] { respond(ok(std::string(1'000'000, 'x'))); });

    RawClient next(live.port());
    CHECK(next.ask(get_of("/")).status == 200);
    CHECK(live.counters().connections == 1);
}

TEST_CASE("http server: a responder may outlive the server and the io_context",
          "[http_server][E14]") {
    std::promise<Responder> held;
    TestHandler handler;
    handler.on_handle = [&](Request, Responder respond) { held.set_value(std::move(respond)); };
    auto live = std::make_unique<LiveServer>(ListenOptions{}, &handler);
    RawClient client(live->port());
    client.send(get_of("/"));
    Responder respond = held.get_future().get();

    live.reset();

    respond(ok());
    CHECK(client.read_to_end().empty());
}

TEST_CASE("http server: stop() ends idle connections and answers what is in flight",
          "[http_server]") {
    std::promise<Responder> held;
    TestHandler handler;
    handler.on_handle = hold_slow(held);
    LiveServer live({}, &handler);
    RawClient idle(live.port());
    CHECK(idle.ask(get_of("/")).status == 200);
    RawClient busy(live.port());
    busy.send(get_of("/slow") + get_of("/next"));
    Responder respond = held.get_future().get();

    live.on_io([&] { live.server().stop(); });

    CHECK(idle.read_to_end().empty());
    CHECK_THROWS(RawClient(live.port()));
    live.on_io([&] { respond(ok("late")); });
    const Reply reply = busy.read_reply();
    CHECK(reply.body == "late");
    CHECK(reply.closes());
    CHECK(busy.read_to_end().empty());
}

TEST_CASE("http server: after stop() the io_context runs empty", "[http_server]") {
    boost::asio::io_context io;
    TestHandler handler;
    auto server = Server::listen(io, handler, {}).value();
    RawClient client(server->port());
    client.send(get_of("/"));
    while (handler.seen().empty()) io.run_one();
    server->stop();
    io.run();  // comes back, or the test times out
    CHECK(client.read_reply().status == 200);
    CHECK(server->counters().connections == 0);
}
