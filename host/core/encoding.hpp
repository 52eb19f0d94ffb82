// Bytes as text, by RFC 4648. What is read back is strict: every sequence of bytes has exactly one
// spelling (hexadecimal: one but for case), so that nobody can send the same bytes twice as two
// texts.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace syncline::core {

// Section 4, padded. [any]
std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

// Section 5, the alphabet of URLs and file names, without padding. [any]
std::string to_base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);

// Section 8 in either case. (to_hex() is in hash.hpp.) [any]
std::optional<std::string> from_hex(std::string_view text);

// How bytes are written where a configuration says it.
enum class TextEncoding { kHex, kBase64, kBase64Url };
std::string to_text(std::string_view bytes, TextEncoding encoding);  // [any]

}  // namespace syncline::core
