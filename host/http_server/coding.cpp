#include "http_server/coding.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>

#include "core/memory.hpp"
#include "http_server/text.hpp"

namespace syncline::http_server {
namespace {

constexpr Verdict kTooLarge{413, "The body is too large when it is decoded."};
constexpr Verdict kBombLike{413, "The body is compressed more than 100 to 1."};
constexpr Verdict kCorrupt{400, "The body is not in the coding that Content-Encoding names."};
constexpr Verdict kCut{400, "The compressed body ends too early."};
constexpr Verdict kTail{400, "Something follows the compressed body."};

// What zlib calls the wrapper around its stream, added to the size of the window.
constexpr int kZlib = MAX_WBITS;
constexpr int kRaw = -MAX_WBITS;
constexpr int kGzip = MAX_WBITS + 16;

constexpr std::size_t kStepBytes = 16 * 1024;

// RFC 1950: the method is deflate, and the two bytes are a multiple of 31. The first byte of a bare
// stream would need padding bits that no compressor sets.
bool has_zlib_header(std::string_view body) {
    if (body.size() < 2) return false;
    const auto first = static_cast<unsigned char>(body[0]);
    const auto second = static_cast<unsigned char>(body[1]);
    return (first & 0x0f) == Z_DEFLATED && (first * 256 + second) % 31 == 0;
}

int window_bits_of(Coding coding, std::string_view body) {
    if (coding == Coding::kGzip) return kGzip;
    return has_zlib_header(body) ? kZlib : kRaw;
}

// zlib takes pointers to bytes that it does not write to, but not const ones.
Bytef* input_of(std::string_view bytes) {
    return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
}

class Inflater {
  public:
    explicit Inflater(int window_bits) {
        core::require_memory(::inflateInit2(&stream_, window_bits) == Z_OK);
    }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    ~Inflater() { ::inflateEnd(&stream_); }

    Decoded run(std::string_view body, std::size_t bytes_max, bool may_have_members) {
        const std::size_t ratio_limit = body.size() * kDecodeRatioMax;
        stream_.next_in = input_of(body);
        stream_.avail_in = static_cast<uInt>(body.size());
        Decoded decoded;
        std::array<char, kStepBytes> step;
        for (;;) {
            stream_.next_out = reinterpret_cast<Bytef*>(step.data());
            stream_.avail_out = static_cast<uInt>(step.size());
            const int state = ::inflate(&stream_, Z_NO_FLUSH);
            const std::size_t count = step.size() - stream_.avail_out;
            const std::size_t total = decoded.body.size() + count;
            if (total > bytes_max) return {kTooLarge, {}};
            if (total > ratio_limit) return {kBombLike, {}};
            decoded.body.append(step.data(), count);
            if (state == Z_STREAM_END) {
                if (stream_.avail_in == 0) return decoded;
                if (!may_have_members) return {kTail, {}};
                ::inflateReset(&stream_);
            } else if (state == Z_BUF_ERROR || (state == Z_OK && is_exhausted())) {
                return {kCut, {}};
            } else if (state != Z_OK) {
                return {kCorrupt, {}};
            }
        }
    }

  private:
    // Everything was read, and it did not fill the output: there is nothing left to come.
    bool is_exhausted() const { return stream_.avail_in == 0 && stream_.avail_out > 0; }

    z_stream stream_{};
};

}  // namespace

std::optional<Coding> content_coding(const Headers& headers) {
    std::optional<Coding> coding;
    for (const auto& [name, value] : headers) {
        if (name != "content-encoding") continue;
        if (coding) return std::nullopt;
        const std::string_view text = trim(value);
        if (text.empty() || equals_ignoring_case(text, "identity")) {
            coding = Coding::kIdentity;
        } else if (equals_ignoring_case(text, "gzip") || equals_ignoring_case(text, "x-gzip")) {
            coding = Coding::kGzip;
        } else if (equals_ignoring_case(text, "deflate")) {
            coding = Coding::kDeflate;
        } else {
            return std::nullopt;
        }
    }
    return coding.value_or(Coding::kIdentity);
}

Decoded decode(Coding coding, std::string_view body, std::size_t bytes_max) {
    if (coding == Coding::kIdentity || body.empty()) return {{}, std::string{body}};
    Inflater inflater(window_bits_of(coding, body));
    return inflater.run(body, bytes_max, coding == Coding::kGzip);
}

std::optional<std::string> encode(Coding coding, std::string_view body) {
    if (coding == Coding::kIdentity || body.empty()) return std::nullopt;
    constexpr int kMemoryLevel = 8;  // zlib's default
    z_stream stream{};
    const int window_bits = coding == Coding::kGzip ? kGzip : kZlib;
    core::require_memory(::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, window_bits,
                                        kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string encoded(body.size() - 1, '\0');
    stream.next_in = input_of(body);
    stream.avail_in = static_cast<uInt>(body.size());
    stream.next_out = reinterpret_cast<Bytef*>(encoded.data());
    stream.avail_out = static_cast<uInt>(encoded.size());
    const int state = ::deflate(&stream, Z_FINISH);
    encoded.resize(encoded.size() - stream.avail_out);
    ::deflateEnd(&stream);
    if (state != Z_STREAM_END) return std::nullopt;
    return encoded;
}

}  // namespace syncline::http_server
