#include "core/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace syncline::core {

std::size_t utf8_length(std::string_view text, std::size_t offset) {
    const auto byte = [&](std::size_t k) {
        return k < text.size() ? static_cast<unsigned char>(text[k]) : 0u;
    };
    const auto follows = [&](std::size_t k) { return (byte(k) & 0xC0) == 0x80; };
    const unsigned first = byte(offset);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return follows(offset + 1) ? 2 : 0;
    if ((first & 0xF0) == 0xE0) {
        const bool is_overlong = first == 0xE0 && byte(offset + 1) < 0xA0;
        const bool is_surrogate = first == 0xED && byte(offset + 1) > 0x9F;
        return follows(offset + 1) && follows(offset + 2) && !is_overlong && !is_surrogate ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const bool is_overlong = first == 0xF0 && byte(offset + 1) < 0x90;
        const bool is_beyond = first == 0xF4 && byte(offset + 1) > 0x8F;
        const bool is_whole = follows(offset + 1) && follows(offset + 2) && follows(offset + 3);
        return is_whole && !is_overlong && !is_beyond ? 4 : 0;
    }
    return 0;
}

bool is_utf8(std::string_view text) {
    constexpr std::uint64_t kHighBits = 0x8080'8080'8080'8080;
    for (std::size_t i = 0; i < text.size();) {
        // Most of it is ASCII, a word at a time.
        std::uint64_t word = 0;
        if (text.size() - i >= sizeof word) {
            std::memcpy(&word, text.data() + i, sizeof word);
            if ((word & kHighBits) == 0) {
                i += sizeof word;
                continue;
            }
        }
        const std::size_t length = utf8_length(text, i);
        if (length == 0) return false;
        i += length;
    }
    return true;
}

}  // namespace syncline::core
