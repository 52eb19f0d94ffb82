#include "core/encoding.hpp"

#include <array>
#include <cstdint>

#include "core/hash.hpp"

namespace syncline::core {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kNone = 0xff;

using Values = std::array<std::uint8_t, 256>;

constexpr Values values_of(std::string_view alphabet) {
    Values values{};
    for (std::uint8_t& value : values) value = kNone;
    for (std::size_t i = 0; i < alphabet.size(); ++i) {
        values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
    }
    return values;
}

std::string encode(std::string_view bytes, std::string_view alphabet) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    std::uint32_t word = 0;
    int bits = 0;
    for (char c : bytes) {
        word = word << 8 | static_cast<unsigned char>(c);
        for (bits += 8; bits >= 6; bits -= 6) text += alphabet[word >> (bits - 6) & 63];
    }
    if (bits > 0) text += alphabet[word << (6 - bits) & 63];
    return text;
}

std::optional<std::string> decode(std::string_view text, const Values& values) {
    if (text.size() % 4 == 1) return std::nullopt;
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3 + 2);
    std::uint32_t word = 0;
    int bits = 0;
    for (char c : text) {
        const std::uint8_t value = values[static_cast<unsigned char>(c)];
        if (value == kNone) return std::nullopt;
        word = word << 6 | value;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        bytes += static_cast<char>(word >> bits & 0xff);
    }
    // The bits that are left over say nothing, so they have one spelling: zero.
    if ((word & ((1u << bits) - 1)) != 0) return std::nullopt;
    return bytes;
}

constexpr Values hex_values() {
    Values values = values_of("0123456789abcdef");
    for (std::uint8_t i = 0; i < 6; ++i) values['A' + i] = static_cast<std::uint8_t>(10 + i);
    return values;
}

}  // namespace

std::string to_base64(std::string_view bytes) {
    std::string text = encode(bytes, kAlphabet);
    text.resize((text.size() + 3) / 4 * 4, '=');
    return text;
}

std::optional<std::string> from_base64(std::string_view text) {
    static constexpr Values kValues = values_of(kAlphabet);
    if (text.size() % 4 != 0) return std::nullopt;
    if (text.ends_with("==")) {
        text.remove_suffix(2);
    } else if (text.ends_with('=')) {
        text.remove_suffix(1);
    }
    return decode(text, kValues);
}

std::string to_base64url(std::string_view bytes) {
    return encode(bytes, kUrlAlphabet);
}

std::optional<std::string> from_base64url(std::string_view text) {
    static constexpr Values kValues = values_of(kUrlAlphabet);
    return decode(text, kValues);
}

std::optional<std::string> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    static constexpr Values kValues = hex_values();
    std::string bytes(text.size() / 2, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const std::uint8_t high = kValues[static_cast<unsigned char>(text[2 * i])];
        const std::uint8_t low = kValues[static_cast<unsigned char>(text[2 * i + 1])];
        if (high == kNone || low == kNone) return std::nullopt;
        bytes[i] = static_cast<char>(high << 4 | low);
    }
    return bytes;
}

std::string to_text(std::string_view bytes, TextEncoding encoding) {
    if (encoding == TextEncoding::kHex) return to_hex(bytes);
    return encoding == TextEncoding::kBase64 ? to_base64(bytes) : to_base64url(bytes);
}

}  // namespace syncline::core
