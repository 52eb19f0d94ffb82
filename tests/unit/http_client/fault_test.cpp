// Servers that break rules, connections that break down.

#include <sys/socket.h>
#include <zlib.h>

#include <algorithm>
#include <list>

#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;
using Then = Action::Then;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// A port on which nobody listens; it stays reserved while this lives.
class DeadPort {
  public:
    explicit DeadPort(asio::io_context& io)
        : socket_(io, tcp::endpoint{asio::ip::address_v4::loopback(), 0}) {}
    std::string url() const {
        return "http://127.0.0.1:" + std::to_string(socket_.local_endpoint().port()) + "/";
    }

  private:
    tcp::socket socket_;  // bound, not listening
};

// A listener whose queue is full: the kernel drops further SYNs, as a black hole would.
class BlackHole {
  public:
    explicit BlackHole(asio::io_context& io) : acceptor_(io, tcp::v4()) {
        acceptor_.bind({asio::ip::address_v4::loopback(), 0});
        acceptor_.listen(0);
        for (int i = 0; i < 8; ++i) {
            fillers_.emplace_back(io, tcp::v4());
            fillers_.back().non_blocking(true);
            const tcp::endpoint to = acceptor_.local_endpoint();
            ::connect(fillers_.back().native_handle(), to.data(),
                      static_cast<socklen_t>(to.size()));
        }
    }
    std::string url() const {
        return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/";
    }

  private:
    tcp::acceptor acceptor_;
    std::list<tcp::socket> fillers_;
};

http_client::Result answer_of(const std::string& reply, Then then = Then::kClose,
                              std::string repeated = {}) {
    ClientOptions options;
    options.low_speed_time = seconds{60};
    Fixture f(options);
    const Action action{reply, then, std::move(repeated)};
    Peer peer(f.io, [&](const Seen&) { return action; });
    Request request = get(peer.url());
    request.response_bytes_max = 1 << 20;
    return f.exchange(request);
}

// Zeros, compressed a thousand times over.
std::string gzip_bomb(std::size_t bytes) {
    z_stream stream{};
    REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string zeros(1 << 20, '\0');
    std::string out(bytes / 500 + 1024, '\0');
    stream.next_out = reinterpret_cast<unsigned char*>(out.data());
    stream.avail_out = static_cast<unsigned>(out.size());
    for (std::size_t left = bytes; left > 0; left -= std::min(left, zeros.size())) {
        stream.next_in = reinterpret_cast<unsigned char*>(zeros.data());
        stream.avail_in = static_cast<unsigned>(std::min(left, zeros.size()));
        REQUIRE(deflate(&stream, left <= zeros.size() ? Z_FINISH : Z_NO_FLUSH) != Z_STREAM_ERROR);
    }
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

}  // namespace

TEST_CASE("fault: a small response that unpacks to a huge one stops at the cap",
          "[http_client][C9]") {
    const std::string head = "Content-Encoding: gzip\r\n";
    CHECK(outcome(answer_of(ok(gzip_bomb(1 << 20), head))) == "200");
    CHECK(outcome(answer_of(ok(gzip_bomb((1 << 20) + 1), head))) == "http_client.too_large");
    CHECK(outcome(answer_of(ok(gzip_bomb(100 << 20), head))) == "http_client.too_large");
}

TEST_CASE("fault: a refused connection fails, and nothing was processed", "[http_client][C3]") {
    Fixture f;
    DeadPort port(f.io);

    auto result = f.exchange(post(port.url(), "x"));

    CHECK(outcome(result) == "http_client.connect_failed");
    CHECK_FALSE(result.failure->request_may_have_been_processed);
}

TEST_CASE("fault: a host that swallows SYNs costs one connect time-out and delays no one else",
          "[http_client][C3]") {
    ClientOptions options;
    options.connect_timeout = milliseconds{300};
    Fixture f(options);
    BlackHole hole(f.io);
    Peer peer(f.io, [](const Seen&) { return Action{ok("")}; });
    std::vector<std::string> order;
    f.client->send(f.pool, post(hole.url(), "x"), [&](http_client::Result r) {
        order.push_back(outcome(r));
        CHECK_FALSE(r.failure->request_may_have_been_processed);
    });
    f.client->send(f.pool, get(peer.url()),
                   [&](http_client::Result r) { order.push_back(outcome(r)); });

    run_until(f.io, [&] { return order.size() == 2; });

    CHECK(order == std::vector<std::string>{"200", "http_client.timeout"});
}

TEST_CASE("fault: a server that never answers is left when the time is over", "[http_client][C4]") {
    Fixture f;
    Peer peer(f.io, [](const Seen&) { return Action{"", Then::kHang}; });
    Request request = post(peer.url(), "x");
    request.timeout = milliseconds{200};

    auto result = f.exchange(request);

    CHECK(outcome(result) == "http_client.timeout");
    CHECK(result.failure->request_may_have_been_processed);
}

TEST_CASE("fault: a response that trickles is given up before the time is over",
          "[http_client][C4]") {
    ClientOptions options;
    options.low_speed_bytes_per_s = 1000;
    options.low_speed_time = seconds{1};
    Fixture f(options);
    Peer peer(f.io, [](const Seen&) {
        return Action{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx", Then::kHang};
    });

    auto result = f.exchange(get(peer.url()));

    CHECK(outcome(result) == "http_client.too_slow");
}

TEST_CASE("fault: endless headers stop at the cap", "[http_client][C4]") {
    CHECK(outcome(answer_of("HTTP/1.1 200 OK\r\n", Then::kRepeatForever,
                            "X-Flood: 0123456789\r\n")) == "http_client.too_large");
}

TEST_CASE("fault: one endless header line stops at libcurl's cap", "[http_client][C4]") {
    CHECK(outcome(answer_of("HTTP/1.1 200 OK\r\nX: ", Then::kRepeatForever,
                            std::string(1000, 'x'))) == "http_client.too_large");
}

TEST_CASE("fault: endless interim responses stop at the cap", "[http_client][C4]") {
    CHECK(outcome(answer_of("", Then::kRepeatForever,
                            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")) ==
          "http_client.too_large");
}

TEST_CASE("fault: an endless status line stops", "[http_client][C4]") {
    const std::string code =
        outcome(answer_of("HTTP/1.1 200 ", Then::kRepeatForever, std::string(1000, 'x')));
    CHECK(code == "http_client.too_large");
}

TEST_CASE("fault: an endless chunked body stops at the cap", "[http_client][C10]") {
    CHECK(outcome(answer_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                            Then::kRepeatForever, "400\r\n" + std::string(0x400, 'x') + "\r\n")) ==
          "http_client.too_large");
}

TEST_CASE("fault: a body of the largest allowed size passes, one byte more does not",
          "[http_client][C10]") {
    CHECK(outcome(answer_of(ok(std::string(1 << 20, 'x')))) == "200");
    CHECK(outcome(answer_of(ok(std::string((1 << 20) + 1, 'x')))) == "http_client.too_large");
}

TEST_CASE(
    "fault: a broken response is an error with a code, and the request may have been processed",
    "[http_client][C5]") {
    struct Row {
        const char* reply;
        const char* code;
    };
    const Row rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", "http_client.connection_lost"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123",
         "http_client.connection_lost"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
         "http_client.connection_lost"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
         "http_client.connection_lost"},
        {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n12345", "http_client.protocol"},
        {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n12345",
         "http_client.protocol"},
        {"HTTP/1.1 200 OK\r\nbad header\r\nContent-Length: 0\r\n\r\n", "http_client.protocol"},
        {"HTTP/7.7 200 OK\r\n\r\n", "http_client.protocol"},
        {"HTTP/1.1 9 OK\r\n\r\n", "http_client.protocol"},
        {"SSH-2.0-OpenSSH_9.2\r\n", "http_client.protocol"},
        {"\x15\x03\x01\x00\x02\x02\x16", "http_client.protocol"},
        {"", "http_client.connection_lost"},
    };
    for (const Row& row : rows) {
        INFO(row.reply);
        auto result = answer_of(row.reply);
        CHECK(outcome(result) == row.code);
        REQUIRE(result.failure);
        CHECK(result.failure->request_may_have_been_processed);
    }
}

TEST_CASE("fault: a reset in the middle of the body is an error", "[http_client][C5]") {
    CHECK(outcome(answer_of("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", Then::kReset)) ==
          "http_client.connection_lost");
}

TEST_CASE("fault: a POST whose answer is lost may have been processed, and is not sent again",
          "[http_client][C11]") {
    for (Then then : {Then::kClose, Then::kReset}) {
        Fixture f;
        Peer peer(f.io, [&](const Seen& s) {
            return s.body == "last" ? Action{"", then} : Action{ok("")};
        });
        REQUIRE(outcome(f.exchange(post(peer.url(), "first"))) == "200");

        auto result = f.exchange(post(peer.url(), "last"));  // on the connection of the first

        CHECK(outcome(result) == "http_client.connection_lost");
        REQUIRE(result.failure);
        CHECK(result.failure->request_may_have_been_processed);
        CHECK(peer.requests() == 2);
    }
}

TEST_CASE("fault: a GET whose reused connection dies is sent again on a new one",
          "[http_client][C11]") {
    Fixture f;
    Peer peer(f.io, [&](const Seen& s) {
        return s.index == 2 ? Action{"", Then::kClose} : Action{ok("")};
    });
    REQUIRE(outcome(f.exchange(get(peer.url()))) == "200");

    CHECK(outcome(f.exchange(get(peer.url()))) == "200");
    CHECK(peer.connections() == 2);
}

TEST_CASE("fault: a connection that the server closed while it was idle is noticed",
          "[http_client][C5]") {
    Fixture f;
    Peer peer(f.io, [](const Seen&) { return Action{ok(""), Then::kClose}; });

    for (int i = 0; i < 20; ++i) CHECK(outcome(f.exchange(post(peer.url(), "x"))) == "200");
}
