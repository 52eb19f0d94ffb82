#include "expr/lexer.hpp"

#include <array>

namespace syncline::expr {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_begin(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_name_char(char c) { return is_name_begin(c) || is_digit(c); }

std::size_t skip_blanks(std::string_view source, std::size_t at) {
    while (at < source.size()) {
        if (source[at] == '#') {
            while (at < source.size() && source[at] != '\n') ++at;
        } else if (std::string_view{" \t\r\n"}.find(source[at]) != std::string_view::npos) {
            ++at;
        } else {
            break;
        }
    }
    return at;
}

std::size_t name_size(std::string_view text) {
    if (text.empty() || !is_name_begin(text[0])) return 0;
    std::size_t size = 1;
    while (size < text.size() && is_name_char(text[size])) ++size;
    return size;
}

std::size_t digits_size(std::string_view text, std::size_t at) {
    std::size_t size = 0;
    while (at + size < text.size() && is_digit(text[at + size])) ++size;
    return size;
}

// 1, 1., .5, 1.5e-3; 0 if no number begins here.
std::size_t number_size(std::string_view text) {
    std::size_t whole = digits_size(text, 0);
    std::size_t size = whole;
    if (size < text.size() && text[size] == '.') {
        std::size_t fraction = digits_size(text, size + 1);
        if (whole + fraction == 0) return 0;
        size += 1 + fraction;
    }
    if (size == 0) return 0;
    if (size < text.size() && (text[size] == 'e' || text[size] == 'E')) {
        std::size_t digits = size + 1;
        if (digits < text.size() && (text[digits] == '+' || text[digits] == '-')) ++digits;
        std::size_t exponent = digits_size(text, digits);
        if (exponent > 0) size = digits + exponent;
    }
    return size;
}

std::size_t symbol_size(std::string_view text) {
    static constexpr std::array<std::string_view, 13> kLong{
        "?//", "//=", "==", "!=", "<=", ">=", "//", "|=", "+=", "-=", "*=", "/=", "%="};
    for (auto symbol : kLong) {
        if (text.starts_with(symbol)) return symbol.size();
    }
    if (text.starts_with("..")) return 2;
    return std::string_view{".[]{}()|,:;=<>+-*/%?"}.find(text[0]) != std::string_view::npos ? 1 : 0;
}

}  // namespace

Token next_token(std::string_view source, std::size_t position) {
    auto begin = skip_blanks(source, position);
    auto text = source.substr(begin);
    auto token = [&](TokenKind kind, std::size_t size) {
        return Token{kind, text.substr(0, size), begin};
    };
    if (text.empty()) return token(TokenKind::kEnd, 0);
    if (text[0] == '"') return token(TokenKind::kQuote, 1);
    if (auto size = number_size(text)) return token(TokenKind::kNumber, size);
    if (auto size = name_size(text)) return token(TokenKind::kName, size);
    if (auto size = name_size(text.substr(1))) {
        if (text[0] == '.') return token(TokenKind::kField, size + 1);
        if (text[0] == '$') return token(TokenKind::kVariable, size + 1);
        if (text[0] == '@') return token(TokenKind::kFormat, size + 1);
    }
    if (auto size = symbol_size(text)) return token(TokenKind::kSymbol, size);
    return token(TokenKind::kInvalid, 1);
}

}  // namespace syncline::expr
