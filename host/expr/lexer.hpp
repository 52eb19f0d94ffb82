// The tokens of an expression.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace syncline::expr {

enum class TokenKind : std::uint8_t {
    kEnd,
    kName,      // identifier or keyword
    kField,     // `.name`
    kNumber,
    kQuote,     // the `"` that begins a string; the parser reads on from there
    kVariable,  // `$name`
    kFormat,    // `@name`
    kSymbol,    // operators and brackets
    kInvalid,   // a character that begins no token
};

struct Token {
    TokenKind kind = TokenKind::kEnd;
    std::string_view text;
    std::size_t begin = 0;

    std::size_t end() const { return begin + text.size(); }
    bool is_symbol(std::string_view symbol) const {
        return kind == TokenKind::kSymbol && text == symbol;
    }
    bool is_name(std::string_view name) const { return kind == TokenKind::kName && text == name; }
};

// The token at or after `position`; white space and comments are skipped. [any]
Token next_token(std::string_view source, std::size_t position);

}  // namespace syncline::expr
