// UTF-8, checked strictly: no overlong forms, no surrogates, nothing beyond U+10FFFF
// (https://www.rfc-editor.org/rfc/rfc3629#section-4).
#pragma once

#include <cstddef>
#include <string_view>

namespace syncline::core {

// The bytes of the character that begins at the offset, 0 when none does. `offset` is inside the
// text. [any]
std::size_t utf8_length(std::string_view text, std::size_t offset);

bool is_utf8(std::string_view text);

}  // namespace syncline::core
