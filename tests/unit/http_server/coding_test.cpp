// Bodies in gzip and deflate: what other programs make, what no program should, and bombs.
#include "http_server/coding.hpp"

#include <zlib.h>

#include <random>

#include "support/catch.hpp"

using namespace std::string_literals;
using namespace syncline;
using namespace syncline::http_server;

namespace {

constexpr std::size_t kBytesMax = 1024 * 1024;
constexpr int kZlib = MAX_WBITS;
constexpr int kRaw = -MAX_WBITS;
constexpr int kGzip = MAX_WBITS + 16;

std::string compressed(const std::string& body, int window_bits, int level = 9) {
    z_stream stream{};
    REQUIRE(::deflateInit2(&stream, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(::deflateBound(&stream, body.size()) + 32, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
    stream.avail_in = static_cast<uInt>(body.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    ::deflateEnd(&stream);
    return out;
}

std::string json_of(std::size_t bytes) {
    std::mt19937 random{7};
    std::string text = "[";
    while (text.size() < bytes) text += std::to_string(random()) + ",";
    return text + "0]";
}

int status_of(Coding coding, const std::string& body, std::size_t bytes_max = kBytesMax) {
    const Decoded decoded = decode(coding, body, bytes_max);
    if (!decoded.verdict.accepted()) CHECK(decoded.body.empty());
    return decoded.verdict.status;
}

}  // namespace

TEST_CASE("coding: the coding is what one Content-Encoding names", "[http_server][coding][E2]") {
    CHECK(content_coding({}) == Coding::kIdentity);
    CHECK(content_coding({{"content-type", "gzip"}}) == Coding::kIdentity);
    for (const char* name : {"gzip", "GZip", "x-gzip", " gzip\t"}) {
        CHECK(content_coding({{"content-encoding", name}}) == Coding::kGzip);
    }
    CHECK(content_coding({{"content-encoding", "Deflate"}}) == Coding::kDeflate);
    for (const char* name : {"identity", ""}) {
        CHECK(content_coding({{"content-encoding", name}}) == Coding::kIdentity);
    }
    for (const char* name : {"br", "zstd", "compress", "gzip, gzip", "gzip, identity", "deflate,",
                             "gzipx", "gzip;q=1", "*"}) {
        INFO(name);
        CHECK_FALSE(content_coding({{"content-encoding", name}}));
    }
    CHECK_FALSE(content_coding({{"content-encoding", "gzip"}, {"content-encoding", "gzip"}}));
    CHECK_FALSE(content_coding({{"content-encoding", "identity"}, {"content-encoding", "gzip"}}));
}

TEST_CASE("coding: what was compressed comes back", "[http_server][coding]") {
    for (const std::size_t bytes : {1u, 100u, 20'000u, 700'000u}) {
        const std::string body = json_of(bytes);
        for (const int level : {0, 1, 9}) {
            INFO(bytes << " bytes, level " << level);
            CHECK(decode(Coding::kGzip, compressed(body, kGzip, level), kBytesMax).body == body);
            CHECK(decode(Coding::kDeflate, compressed(body, kZlib, level), kBytesMax).body == body);
            CHECK(decode(Coding::kDeflate, compressed(body, kRaw, level), kBytesMax).body == body);
        }
    }
}

TEST_CASE("coding: nothing stays nothing", "[http_server][coding]") {
    for (const Coding coding : {Coding::kIdentity, Coding::kGzip, Coding::kDeflate}) {
        CHECK(decode(coding, "", kBytesMax).verdict.accepted());
        CHECK_FALSE(encode(coding, ""));
    }
    CHECK(decode(Coding::kGzip, compressed("", kGzip), kBytesMax).verdict.accepted());
    CHECK(decode(Coding::kIdentity, "as it is", kBytesMax).body == "as it is");
}

TEST_CASE("coding: gzip may come in several members", "[http_server][coding]") {
    const std::string two = compressed("one ", kGzip) + compressed("two", kGzip);
    CHECK(decode(Coding::kGzip, two, kBytesMax).body == "one two");
    CHECK(decode(Coding::kGzip, two, 6).verdict.status == 413);
}

TEST_CASE("coding: a bomb ends at the limit, whichever comes first", "[http_server][coding][E2]") {
    const std::string zeros(20'000'000, '\0');
    const std::string bomb = compressed(zeros, kGzip);
    REQUIRE(bomb.size() < 25'000);
    CHECK(status_of(Coding::kGzip, bomb) == 413);
    CHECK(status_of(Coding::kGzip, bomb, zeros.size()) == 413);  // by the ratio alone
    CHECK(status_of(Coding::kDeflate, compressed(zeros, kZlib)) == 413);
    CHECK(status_of(Coding::kDeflate, compressed(zeros, kRaw)) == 413);
    // Many small members instead of one large.
    std::string members;
    for (int i = 0; i < 50; ++i) members += compressed(std::string(100'000, 'x'), kGzip);
    CHECK(status_of(Coding::kGzip, members, 100'000'000) == 413);
}

TEST_CASE("coding: the limits are exact", "[http_server][coding][E2]") {
    const std::string body = json_of(10'000);
    const std::string packed = compressed(body, kGzip);
    CHECK(status_of(Coding::kGzip, packed, body.size()) == 0);
    CHECK(status_of(Coding::kGzip, packed, body.size() - 1) == 413);
    // Below and above a hundred to one.
    std::size_t bytes = 1;
    while (compressed(std::string(bytes * 2, 'x'), kGzip).size() * kDecodeRatioMax >= bytes * 2)
        bytes *= 2;
    CHECK(status_of(Coding::kGzip, compressed(std::string(bytes, 'x'), kGzip)) == 0);
    CHECK(status_of(Coding::kGzip, compressed(std::string(bytes * 2, 'x'), kGzip)) == 413);
}

TEST_CASE("coding: what is not in its coding is refused", "[http_server][coding][E2]") {
    const std::string body = json_of(5'000);
    const std::string gzip = compressed(body, kGzip);
    const std::string zlib = compressed(body, kZlib);
    CHECK(status_of(Coding::kGzip, body) == 400);
    CHECK(status_of(Coding::kGzip, zlib) == 400);
    CHECK(status_of(Coding::kDeflate, gzip) == 400);
    CHECK(status_of(Coding::kGzip, gzip + "tail") == 400);
    CHECK(status_of(Coding::kDeflate, zlib + "tail") == 400);
    CHECK(status_of(Coding::kGzip, gzip + gzip.substr(0, 12)) == 400);
    // A preset dictionary that nobody has.
    CHECK(status_of(Coding::kDeflate, "\x78\xbb\x00\x00\x00\x01"s) == 400);
}

TEST_CASE("coding: a body that ends too early is refused, wherever it ends",
          "[http_server][coding][E2]") {
    const std::string body = json_of(300);
    for (const auto& [coding, window_bits] :
         {std::pair{Coding::kGzip, kGzip}, {Coding::kDeflate, kZlib}, {Coding::kDeflate, kRaw}}) {
        const std::string packed = compressed(body, window_bits);
        for (std::size_t size = 1; size < packed.size(); ++size) {
            INFO(window_bits << " cut to " << size);
            REQUIRE(status_of(coding, packed.substr(0, size)) == 400);
        }
    }
}

TEST_CASE("coding: no change of a byte does harm", "[http_server][coding][E2]") {
    const std::string packed = compressed(json_of(300), kGzip);
    int refused = 0;
    for (std::size_t at = 0; at < packed.size(); ++at) {
        for (const int bit : {1, 16, 128}) {
            std::string changed = packed;
            changed[at] = static_cast<char>(changed[at] ^ bit);
            const Decoded decoded = decode(Coding::kGzip, changed, kBytesMax);
            REQUIRE(decoded.body.size() <= packed.size() * kDecodeRatioMax);
            if (!decoded.verdict.accepted()) ++refused;
        }
    }
    // But for what the header says about time and system, every change is noticed.
    CHECK(refused > static_cast<int>(packed.size() * 3 * 9 / 10));
}

TEST_CASE("coding: answers get smaller or stay as they are", "[http_server][coding]") {
    const std::string body = json_of(10'000);
    for (const Coding coding : {Coding::kGzip, Coding::kDeflate}) {
        const auto encoded = encode(coding, body);
        REQUIRE(encoded);
        CHECK(encoded->size() < body.size());
        CHECK(decode(coding, *encoded, kBytesMax).body == body);
        std::string noise(2'000, '\0');
        std::mt19937 random{1};
        for (char& c : noise) c = static_cast<char>(random());
        CHECK_FALSE(encode(coding, noise));
    }
    CHECK_FALSE(encode(Coding::kIdentity, body));
    // RFC 9110: `deflate` has the wrapper of zlib.
    CHECK((static_cast<unsigned char>(encode(Coding::kDeflate, body)->front()) & 0x0f) == 8);
}
