// What a well-behaved server and a well-behaved caller see.

#include <algorithm>
#include <map>
#include <set>

#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;
using http_client::Headers;

namespace {

bool has_line(const std::string& head, const std::string& line) {
    return head.find("\r\n" + line + "\r\n") != std::string::npos;
}

bool has_name(const std::string& head, const std::string& name) {
    return head.find("\r\n" + name + ":") != std::string::npos;
}

}  // namespace

TEST_CASE("exchange: status, headers in lower case and body come back", "[http_client]") {
    Fixture f;
    Peer peer(f.io, [](const Seen&) {
        return Action{
            "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n"
            "HTTP/1.1 404 Not Found\r\nX-One:  a b \r\nx-TWO:\r\nContent-Length: 4\r\n\r\nbody"};
    });

    auto result = f.exchange(get(peer.url()));

    REQUIRE(outcome(result) == "404");
    CHECK(result.response->body == "body");
    CHECK(result.response->headers ==
          Headers{{"x-one", "a b"}, {"x-two", ""}, {"content-length", "4"}});
}

TEST_CASE(
    "exchange: the request arrives as it was given, with no header of libcurl's own invention",
    "[http_client]") {
    Fixture f;
    Seen seen;
    Peer peer(f.io, [&](const Seen& s) {
        seen = s;
        return Action{ok("")};
    });
    Request request = post(peer.url("/a//b?x=%2e"), std::string("\0\r\nraw", 6));
    request.headers = {{"X-Key", "v"}, {"X-Empty", ""}, {"Authorization", "Bearer t"}};

    REQUIRE(outcome(f.exchange(request)) == "200");

    CHECK(seen.head.starts_with("POST /a//b?x=%2e HTTP/1.1\r\n"));
    CHECK(seen.body == std::string("\0\r\nraw", 6));
    CHECK(has_line(seen.head, "X-Key: v"));
    CHECK((has_line(seen.head, "X-Empty:") || has_line(seen.head, "X-Empty: ")));
    CHECK(has_line(seen.head, "Authorization: Bearer t"));
    CHECK(has_line(seen.head, "Host: 127.0.0.1:" + std::to_string(peer.port())));
    CHECK_FALSE(has_name(seen.head, "Content-Type"));
    CHECK_FALSE(has_name(seen.head, "Expect"));
    CHECK_FALSE(has_name(seen.head, "User-Agent"));
    CHECK_FALSE(has_name(seen.head, "Upgrade"));
}

TEST_CASE("exchange: a large body is sent without waiting for 100 Continue", "[http_client]") {
    Fixture f;
    std::size_t got = 0;
    Peer peer(f.io, [&](const Seen& s) {
        got = s.body.size();
        return Action{ok("")};
    });

    CHECK(outcome(f.exchange(post(peer.url(), std::string(3'000'000, 'x')))) == "200");
    CHECK(got == 3'000'000);
}

TEST_CASE("exchange: every method works, with and without a body", "[http_client]") {
    Fixture f;
    std::vector<std::string> lines;
    Peer peer(f.io, [&](const Seen& s) {
        lines.push_back(s.head.substr(0, s.head.find(' ')) + "+" + s.body);
        return s.head.starts_with("HEAD") ? Action{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"}
                                          : Action{ok("")};
    });

    for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
        for (const char* body : {"", "b"}) {
            Request request = get(peer.url());
            request.method = method;
            request.body = body;
            CHECK(outcome(f.exchange(request)) == "200");
        }
    }
    Request head = get(peer.url());
    head.method = "HEAD";
    CHECK(outcome(f.exchange(head)) == "200");
    CHECK(outcome(f.exchange(get(peer.url()))) == "200");

    CHECK(lines == std::vector<std::string>{"GET+", "GET+b", "POST+", "POST+b", "PUT+", "PUT+b",
                                            "PATCH+", "PATCH+b", "DELETE+", "DELETE+b", "OPTIONS+",
                                            "OPTIONS+b", "HEAD+", "GET+"});
    CHECK(peer.connections() == 1);
}

TEST_CASE(
    "exchange: a header that could change the framing is refused before anything is sent [E10]",
    "[http_client][E10]") {
    Fixture f;
    Peer peer(f.io, [](const Seen&) { return Action{ok("")}; });
    const Headers bad{{"", "v"},
                      {"X Y", "v"},
                      {"X:Y", "v"},
                      {"X\r\nY", "v"},
                      {"X\xc3\xa4", "v"},
                      {"X", "a\r\nY: b"},
                      {"X", "a\nb"},
                      {"X", "a\rb"},
                      {"X", std::string("a\0b", 3)},
                      {"X", "a\x7f"},
                      {"Host", "v"},
                      {"hOST", "v"},
                      {"Content-Length", "1"},
                      {"Transfer-Encoding", "chunked"},
                      {"Connection", "close"},
                      {"Expect", "100-continue"},
                      {"TE", "trailers"},
                      {"Upgrade", "h2c"},
                      {"Proxy-Authorization", "v"},
                      {"proxy-x", "v"}};

    for (const auto& header : bad) {
        Request request = get(peer.url());
        request.headers = {header};
        auto result = f.exchange(request);
        INFO(header.first << ": " << header.second);
        CHECK(outcome(result) == "http_client.header_invalid");
        CHECK_FALSE(result.failure->request_may_have_been_processed);
    }
    for (const char* method : {"", "GET /x HTTP/1.1\r\n", "CONNECT", "trace", "G T"}) {
        Request request = get(peer.url());
        request.method = method;
        CHECK(outcome(f.exchange(request)) == "http_client.header_invalid");
    }
    CHECK(peer.connections() == 0);
}

TEST_CASE("exchange: one connection serves many requests in turn", "[http_client]") {
    Fixture f;
    Peer peer(f.io, [](const Seen& s) { return Action{ok(std::to_string(s.index))}; });

    for (int i = 1; i <= 100; ++i) {
        auto result = f.exchange(post(peer.url(), "x"));
        REQUIRE(outcome(result) == "200");
        CHECK(result.response->body == std::to_string(i));
    }
    CHECK(peer.connections() == 1);
}

TEST_CASE("exchange: a compressed response arrives decompressed", "[http_client]") {
    Fixture f;
    // `echo -n hello | gzip -n`
    const std::string gzip(
        "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05"
        "\x00\x00\x00",
        25);
    Peer peer(f.io, [&](const Seen&) { return Action{ok(gzip, "Content-Encoding: gzip\r\n")}; });

    auto result = f.exchange(get(peer.url()));

    REQUIRE(outcome(result) == "200");
    CHECK(result.response->body == "hello");
}

TEST_CASE("exchange: a trailer does not become a header", "[http_client]") {
    Fixture f;
    Peer peer(f.io, [](const Seen&) {
        return Action{
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            "1\r\nx\r\n0\r\nRetry-After: 9\r\n\r\n"};
    });

    auto result = f.exchange(get(peer.url()));

    REQUIRE(outcome(result) == "200");
    CHECK(result.response->body == "x");
    CHECK(result.response->headers == Headers{{"transfer-encoding", "chunked"}});
}

TEST_CASE("exchange: a redirect is an answer like any other", "[http_client][C8]") {
    Fixture f;
    Peer target(f.io, [](const Seen&) { return Action{ok("secret")}; });
    for (const char* status : {"301", "302", "303", "307", "308"}) {
        Peer peer(f.io, [&](const Seen&) {
            return Action{"HTTP/1.1 " + std::string{status} +
                          " Moved\r\nLocation: " + target.url() + "\r\nContent-Length: 0\r\n\r\n"};
        });
        CHECK(outcome(f.exchange(get(peer.url()))) == status);
    }
    CHECK(target.connections() == 0);
}

TEST_CASE("pools: two accounts never share a connection to one host", "[http_client][C13]") {
    Fixture f;
    const PoolId other = f.client->open_pool(loopback_policy());
    std::map<int, std::set<std::string>> keys_of_connection;
    Peer peer(f.io, [&](const Seen& s) {
        const std::size_t at = s.head.find("Authorization: ");
        keys_of_connection[s.connection].insert(s.head.substr(at, s.head.find("\r\n", at) - at));
        return Action{ok(s.body)};
    });
    constexpr int kRequests = 4000;
    int done = 0;
    int right = 0;
    for (int i = 0; i < kRequests; ++i) {
        const std::string key = i % 2 == 0 ? "alice" : "bob";
        Request request = post(peer.url(), key);
        request.headers = {{"Authorization", key}};
        f.client->send(i % 2 == 0 ? f.pool : other, request, [&, key](http_client::Result r) {
            ++done;
            if (r.response && r.response->body == key) ++right;
        });
    }
    run_until(f.io, [&] { return done == kRequests; });

    CHECK(right == kRequests);
    CHECK(peer.requests() == kRequests);
    CHECK(peer.connections() <= 64);
    for (const auto& [connection, keys] : keys_of_connection) CHECK(keys.size() == 1);
}

TEST_CASE("exchange: ten thousand requests, sixty-four at a time, complete once each",
          "[http_client]") {
    ClientOptions options;
    options.connections_per_pool_max = 64;
    Fixture f(options);
    Peer peer(f.io, [](const Seen& s) { return Action{ok(s.body)}; });
    constexpr int kRequests = 10'000;
    std::vector<int> completions(kRequests, 0);
    int started = 0;
    int done = 0;
    std::function<void()> send_next = [&] {
        if (started == kRequests) return;
        const int number = started++;
        f.client->send(f.pool, post(peer.url(), std::to_string(number)),
                       [&, number](http_client::Result r) {
                           if (r.response && r.response->body == std::to_string(number)) {
                               ++completions[static_cast<std::size_t>(number)];
                           }
                           ++done;
                           send_next();
                       });
    };
    for (int i = 0; i < 64; ++i) send_next();
    run_until(f.io, [&] { return done == kRequests; });

    CHECK(std::all_of(completions.begin(), completions.end(), [](int n) { return n == 1; }));
    CHECK(peer.requests() == kRequests);
    CHECK(peer.connections() <= 64);
}
