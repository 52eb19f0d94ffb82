// UTF-8, checked strictly: no overlong forms, no surrogates, nothing beyond U+10FFFF.
#pragma once

#include <cstddef>
#include <string_view>

namespace syncline::config {

// The bytes of the character that begins at the offset, 0 when none does. [any]
std::size_t utf8_length(std::string_view text, std::size_t offset);

bool is_utf8(std::string_view text);

}  // namespace syncline::config
