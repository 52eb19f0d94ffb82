#include "http_server/gate.hpp"

#include <random>

#include "support/catch.hpp"
#include "vectors.hpp"

using namespace std::string_literals;
using namespace syncline;
using namespace syncline::http_server;

namespace {

int status_of(const std::string& bytes) {
    const SectionScan scan = scan_section(bytes, 0);
    if (scan.state == Scan::kBroken) return 400;
    REQUIRE(scan.state == Scan::kComplete);
    return check_head(std::string_view{bytes}.substr(0, scan.offset), Limits{}).verdict.status;
}

std::string section(const std::string& lines) {
    return lines + "\r\n";
}

}  // namespace

TEST_CASE("framing gate: every vector gets its verdict", "[http_server][gate][E3][E8]") {
    REQUIRE(test::gate_vectors().size() >= 150);
    for (const test::Vector& vector : test::gate_vectors()) {
        INFO(vector.name);
        CHECK(status_of(vector.bytes) == vector.status);
    }
}

TEST_CASE("framing gate: an accepted head says what frames and routes it", "[http_server][gate]") {
    const std::string bytes =
        "PUT /a%20b/%C3%A9?x=%31&y HTTP/1.1\r\nhost: a\r\nEXPECT: 100-continue\r\n"
        "content-length:  42 \r\n\r\n";
    const Head head = check_head(bytes, Limits{});

    REQUIRE(head.verdict.accepted());
    CHECK(head.method == "PUT");
    CHECK(head.path == "/a b/\xc3\xa9");
    CHECK(head.query == "x=%31&y");
    CHECK(head.content_length == 42);
    CHECK(head.expects_continue);
    CHECK_FALSE(head.is_chunked);
    CHECK_FALSE(head.is_http_1_0);
}

TEST_CASE("framing gate: a path is decoded once", "[http_server][gate][E8]") {
    std::string path;
    REQUIRE(decode_path("/%252e%252e/%2525", path).accepted());
    CHECK(path == "/%2e%2e/%25");
}

TEST_CASE("framing gate: a section may come in any pieces", "[http_server][gate]") {
    const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
    std::size_t resume_at = 0;
    for (std::size_t size = 0; size < bytes.size() - 4; ++size) {
        const SectionScan scan = scan_section(std::string_view{bytes}.substr(0, size), resume_at);
        REQUIRE(scan.state == Scan::kIncomplete);
        resume_at = scan.offset;
    }
    const SectionScan scan = scan_section(bytes, resume_at);
    CHECK(scan.state == Scan::kComplete);
    CHECK(scan.offset == bytes.size() - 4);
}

TEST_CASE("framing gate: a chunk line is hexadecimal digits and CR LF, nothing else",
          "[http_server][gate][E5]") {
    struct Row {
        std::string bytes;
        Scan state;
        std::uint64_t chunk_bytes;
    };
    const std::vector<Row> rows = {
        {"0\r\n", Scan::kComplete, 0},
        {"5\r\nhello", Scan::kComplete, 5},
        {"fF\r\n", Scan::kComplete, 255},
        {"000a\r\n", Scan::kComplete, 10},
        {"", Scan::kIncomplete, 0},
        {"5", Scan::kIncomplete, 0},
        {"5\r", Scan::kIncomplete, 0},
        {"\r\n", Scan::kBroken, 0},
        {"5\n", Scan::kBroken, 0},
        {"5\rx", Scan::kBroken, 0},
        {"5 \r\n", Scan::kBroken, 0},
        {" 5\r\n", Scan::kBroken, 0},
        {"5;x\r\n", Scan::kBroken, 0},
        {"5;x=\"\n\"\r\n", Scan::kBroken, 0},
        {"0;x\r\n", Scan::kBroken, 0},
        {"0x5\r\n", Scan::kBroken, 0},
        {"+5\r\n", Scan::kBroken, 0},
        {"-1\r\n", Scan::kBroken, 0},
        {"g\r\n", Scan::kBroken, 0},
        {"ffffffffffffffff\r\n", Scan::kBroken, 0},
        {"10000000000000005\r\n", Scan::kBroken, 0},
        {std::string(253, '0') + "5\r\n", Scan::kComplete, 5},
        {std::string(254, '0') + "5\r\n", Scan::kBroken, 0},
        {std::string(100'000, '0'), Scan::kBroken, 0},
    };
    for (const Row& row : rows) {
        INFO(row.bytes.substr(0, 40));
        const ChunkLine line = scan_chunk_line(row.bytes, 256);
        CHECK(line.state == row.state);
        if (row.state == Scan::kComplete) CHECK(line.chunk_bytes == row.chunk_bytes);
    }
}

TEST_CASE("framing gate: trailers must not frame or route", "[http_server][gate][E4]") {
    CHECK(check_trailers(section(""), Limits{}).accepted());
    CHECK(check_trailers(section("Authorization: x\r\nDigest: y\r\n"), Limits{}).accepted());
    CHECK(check_trailers(section("Content-Length: 5\r\n"), Limits{}).status == 400);
    CHECK(check_trailers(section("transfer-encoding: chunked\r\n"), Limits{}).status == 400);
    CHECK(check_trailers(section("Host: b\r\n"), Limits{}).status == 400);
    CHECK(check_trailers(section("Connection: close\r\n"), Limits{}).status == 400);
    CHECK(check_trailers(section("X: a\r\n b\r\n"), Limits{}).status == 400);
    CHECK(check_trailers(section("X : a\r\n"), Limits{}).status == 400);
}

// Nothing that the gate accepts may hold a byte or a field that makes two readers differ, whatever
// the input.
TEST_CASE("framing gate: damaged requests never pass with a doubtful byte",
          "[http_server][gate][fuzz]") {
    std::mt19937 random(20'261'121);
    const std::string alphabet = "\r\n\t :,;%/.?#0aA\0\x7f\x80\xff"s;
    std::size_t accepted = 0;
    for (int round = 0; round < 20'000; ++round) {
        const auto& vectors = test::gate_vectors();
        std::string bytes = vectors[random() % vectors.size()].bytes;
        for (auto edits = 1 + random() % 3; edits > 0; --edits) {
            const std::size_t at = random() % bytes.size();
            const char c = alphabet[random() % alphabet.size()];
            switch (random() % 3) {
                case 0:
                    bytes[at] = c;
                    break;
                case 1:
                    bytes.insert(at, 1, c);
                    break;
                default:
                    bytes.erase(at, 1);
                    break;
            }
            if (bytes.empty()) bytes = "x";
        }
        const SectionScan scan = scan_section(bytes, 0);
        if (scan.state != Scan::kComplete) continue;
        const Head head = check_head(std::string_view{bytes}.substr(0, scan.offset), Limits{});
        if (!head.verdict.accepted()) continue;
        ++accepted;
        INFO(bytes);
        REQUIRE(bytes.substr(0, scan.offset).find('\0') == std::string::npos);
        REQUIRE(head.path.find('\0') == std::string::npos);
        REQUIRE(head.path.find("//") == std::string::npos);
        REQUIRE((head.path + "/").find("/../") == std::string::npos);
        REQUIRE((!head.is_chunked || !head.content_length.has_value()));
        REQUIRE((!head.is_chunked || !head.is_http_1_0));
    }
    CHECK(accepted > 100);
}
