// The framing gate: decides on the raw bytes whether a request is unambiguous, before any parser
// sees them.
//
// Purpose: a request that two programs could read differently (request smuggling) is refused, never
//   repaired. The rules are a narrow subset of RFC 9112 and RFC 3986; what real clients send fits,
//   all else is a 4xx or 5xx.
// Concurrency: pure functions. [any]
// Limits: linear in the size of the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http_server/limits.hpp"

namespace syncline::http_server {

// Status 0 is "accepted". The reason is a constant sentence for the client, without a byte of its
// input.
struct Verdict {
    int status = 0;
    const char* reason = "";

    bool accepted() const { return status == 0; }
};

enum class Scan { kIncomplete, kComplete, kBroken };

// A header or trailer section as it arrives. Broken: a line ends in a bare LF.
struct SectionScan {
    Scan state = Scan::kIncomplete;
    std::size_t offset = 0;  // complete: the size with the empty line; incomplete: where to go on
};
SectionScan scan_section(std::string_view bytes, std::size_t resume_at);

// A request's header section, as far as framing and routing need it. Views point into the bytes
// that were checked.
struct Head {
    Verdict verdict;  // nothing else is meaningful when it refuses
    std::string_view method;
    std::string_view target;  // as sent
    std::string path;         // decoded once
    std::string_view query;   // raw, without '?'
    std::optional<std::uint64_t> content_length;
    bool is_chunked = false;
    bool is_http_1_0 = false;
    bool expects_continue = false;
};

// `section` is complete: scan_section() said so. Looks at limits.header_fields_max and
// target_bytes_max.
Head check_head(std::string_view section, const Limits& limits);

// Percent-decodes a path once. Refuses what could name another resource after one more round of
// normalisation.
Verdict decode_path(std::string_view raw, std::string& path);

// `1*HEXDIG CRLF`; extensions are refused. Broken as soon as that is certain.
struct ChunkLine {
    Scan state = Scan::kIncomplete;
    std::size_t line_bytes = 0;  // with CRLF
    std::uint64_t chunk_bytes = 0;
};
ChunkLine scan_chunk_line(std::string_view bytes, std::size_t line_bytes_max);

// A complete trailer section: well-formed, and without fields that frame or route.
Verdict check_trailers(std::string_view section, const Limits& limits);

// RFC 9110 token; also asked of the response headers that handlers give.
bool is_token(std::string_view text);
// Neither CR, LF, NUL nor another control character but TAB.
bool is_field_value(std::string_view text);

}  // namespace syncline::http_server
