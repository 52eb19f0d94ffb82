// What a client would rather get: Accept and Accept-Encoding, and the answer that suits them.
//
// Concurrency: pure functions. [any]
// Limits: linear in the size of the headers; answers of more than kEncodeBytesMax go out as they
//   are, because compressing them would hold up the io thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "http_server/coding.hpp"
#include "http_server/server.hpp"

namespace syncline::http_server {

inline constexpr std::size_t kEncodeBytesMin = 1024;
inline constexpr std::size_t kEncodeBytesMax = 1024 * 1024;

struct Preferences {
    Coding coding = Coding::kIdentity;
    bool plain_text = false;  // rather than JSON, for errors
};

// Of a request's headers (names in lower case). What is malformed counts as not said. gzip comes
// before deflate, and JSON before text, when the client does not mind.
Preferences preferences_of(const Headers& headers);

// Whether the answer depends on what the client prefers: errors with a text, and large answers.
// Nearly all answers are neither.
inline bool is_negotiable(const Response& response) {
    return !response.text.empty() || response.body.size() >= kEncodeBytesMin;
}

// The answer in the form that suits, with `Vary` naming what it depends on. An answer that has a
// Content-Encoding already keeps it.
Response suited(Response response, const Preferences& preferences);

}  // namespace syncline::http_server
