#include "http_server/message_parser.hpp"

#include <random>

#include "support/catch.hpp"
#include "vectors.hpp"

using namespace std::string_literals;
using namespace syncline;
using namespace syncline::http_server;

namespace {

struct Outcome {
    int status = 0;
    bool is_done = false;
    std::string body;
    Headers headers;
    std::size_t used = 0;
};

// Feeds `bytes` in pieces whose sizes `next_piece` chooses, as the connection does.
template <class NextPiece>
Outcome parse(const std::string& bytes, NextPiece next_piece) {
    const Limits limits;
    Outcome outcome;
    Request request;
    MessageParser parser(request, limits);
    parser.limit_body(1000);
    const SectionScan scan = scan_section(bytes, 0);
    REQUIRE(scan.state == Scan::kComplete);
    const std::string_view section = std::string_view{bytes}.substr(0, scan.offset);
    const Head head = check_head(section, limits);
    REQUIRE(head.verdict.accepted());
    outcome.status = parser.put_head(section, head).status;
    outcome.used = scan.offset;
    std::size_t arrived = scan.offset;
    while (outcome.status == 0 && !parser.is_done() && arrived < bytes.size()) {
        arrived = std::min(bytes.size(), arrived + next_piece());
        const auto fed =
            parser.feed(std::string_view{bytes}.substr(outcome.used, arrived - outcome.used));
        outcome.used += fed.bytes;
        outcome.status = fed.verdict.status;
    }
    outcome.is_done = parser.is_done();
    outcome.body = request.body;
    outcome.headers = request.headers;
    return outcome;
}

std::string chunked(const std::string& body) {
    return "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("message parser: Beast agrees with the gate on every accepted vector",
          "[http_server][parser][E3]") {
    for (const test::Vector& vector : test::gate_vectors()) {
        if (vector.status != 0) continue;
        INFO(vector.name);
        Request request;
        const Limits limits;
        MessageParser parser(request, limits);
        const Head head = check_head(vector.bytes, limits);
        CHECK(parser.put_head(vector.bytes, head).accepted());
        CHECK(parser.is_done() == (!head.is_chunked && head.content_length.value_or(0) == 0));
    }
}

TEST_CASE("message parser: a head on which Beast and the gate differ is refused",
          "[http_server][parser][E3]") {
    const std::string bytes = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    Head head = check_head(bytes, Limits{});
    head.content_length = 6;
    Request request;
    const Limits limits;
    MessageParser parser(request, limits);

    CHECK(parser.put_head(bytes, head).status == 400);
}

TEST_CASE("message parser: the pieces in which a chunked body comes do not matter",
          "[http_server][parser][fuzz]") {
    struct Row {
        std::string bytes;
        int status;
        bool is_done;
        std::string body;
    };
    const std::vector<Row> rows = {
        {"0\r\n\r\n", 0, true, ""},
        {"5\r\nhello\r\n0\r\n\r\n", 0, true, "hello"},
        {"1\r\na\r\n2\r\nbc\r\n003\r\ndef\r\n0\r\n\r\nGET /", 0, true, "abcdef"},
        {"5\r\nhello\r\n0\r\nX: y\r\nAuthorization: z\r\n\r\n", 0, true, "hello"},
        {"5\r\nhello\r\n", 0, false, "hello"},
        {"5\r\nhel", 0, false, "hel"},
        {"5\r\nhelloX\r\n0\r\n\r\n", 400, false, "hello"},
        {"5\r\nhello\n0\r\n\r\n", 400, false, "hello"},
        {"5\r\nhello0\r\n\r\n", 400, false, "hello"},
        {"5\nhello\r\n0\r\n\r\n", 400, false, ""},
        {"5;ext\r\nhello\r\n0\r\n\r\n", 400, false, ""},
        {"5\r\nhello\r\n0;ext\r\n\r\n", 400, false, "hello"},
        {"5\r\nhello\r\n0\r\nX: y\n\r\n", 400, false, "hello"},
        {"5\r\nhello\r\n0\r\n X: y\r\n\r\n", 400, false, "hello"},
        {"5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n", 400, false, "hello"},
        {"3e9\r\n", 413, false, ""},
        {"5\r\nhello\r\n3e4\r\n", 413, false, "hello"},
        {"ffffffffffffffff\r\n", 400, false, ""},
        {"-1\r\n", 400, false, ""},
    };
    std::mt19937 random(7);
    for (const Row& row : rows) {
        for (int round = 0; round < 50; ++round) {
            const std::size_t piece_max = static_cast<std::size_t>(round) + 1;
            const Outcome outcome =
                parse(chunked(row.bytes), [&] { return 1 + random() % piece_max; });
            INFO(row.bytes << " in pieces of up to " << piece_max);
            REQUIRE(outcome.status == row.status);
            REQUIRE(outcome.is_done == row.is_done);
            REQUIRE(outcome.body == row.body);
            REQUIRE(outcome.headers.size() == 2);
        }
    }
}

TEST_CASE("message parser: damaged chunked bodies end the same way whole and byte by byte",
          "[http_server][parser][fuzz]") {
    std::mt19937 random(42);
    const std::string whole =
        "5\r\nhello\r\n00a\r\n0123456789\r\n1\r\n\n\r\n0\r\nX: y\r\n\r\nPOST /";
    for (int round = 0; round < 3'000; ++round) {
        std::string body = whole;
        const std::string alphabet = "\r\n 0159afx;:\0\xff"s;
        body[random() % body.size()] = alphabet[random() % alphabet.size()];
        if (random() % 2 == 0) body.erase(random() % body.size(), 1);
        const std::string bytes = chunked(body);
        const Outcome at_once = parse(bytes, [&] { return bytes.size(); });
        const Outcome slowly = parse(bytes, [] { return std::size_t{1}; });
        INFO(body);
        REQUIRE(at_once.status == slowly.status);
        REQUIRE(at_once.is_done == slowly.is_done);
        REQUIRE(at_once.body == slowly.body);
        REQUIRE((!at_once.is_done || at_once.used == slowly.used));
        REQUIRE(at_once.headers == slowly.headers);
    }
}

TEST_CASE("message parser: trailers are bounded", "[http_server][parser][E4][E5]") {
    const std::string endless = "0\r\nX: " + std::string(20'000, 'y') + "\r\n\r\n";
    CHECK(parse(chunked(endless), [&] { return endless.size(); }).status == 431);
    CHECK(parse(chunked(endless), [] { return std::size_t{1000}; }).status == 431);
}
