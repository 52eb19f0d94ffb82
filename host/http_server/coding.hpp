// Content codings: what the body of a request came in, and what a large answer goes out in.
//
// Purpose: the only place that knows zlib. Decoding is bounded by what comes out, not by what came
//   in: a bomb costs the bytes that are allowed and no more.
// Concurrency: pure functions. [any]
// Limits: one coding per body; kDecodeRatioMax bytes out for each byte in, and the caller's limit.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "http_server/gate.hpp"
#include "http_server/server.hpp"

namespace syncline::http_server {

enum class Coding { kIdentity, kGzip, kDeflate };

inline constexpr std::size_t kDecodeRatioMax = 100;

// What Accept-Encoding of a 415 says: the codings that decode() knows.
inline constexpr const char* kDecodableCodings = "gzip, deflate";

// The coding that the headers (names in lower case) declare: identity, gzip (also x-gzip) or
// deflate. Empty for any other and for more than one.
std::optional<Coding> content_coding(const Headers& headers);

struct Decoded {
    Verdict verdict;  // 400: not in this coding, or cut short; 413: more than is allowed
    std::string body;
};
// gzip may have several members; deflate may lack the wrapper that RFC 9110 asks for, as some
// senders do. An empty body stays empty.
Decoded decode(Coding coding, std::string_view body, std::size_t bytes_max);

// The body in the coding; nothing when it would not get smaller.
std::optional<std::string> encode(Coding coding, std::string_view body);

}  // namespace syncline::http_server
