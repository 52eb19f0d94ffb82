// URLs: put together, and their pieces.
#ifndef SYNCLINE_URL_HPP
#define SYNCLINE_URL_HPP

#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "syncline/failure.hpp"

namespace syncline {

// Escapes everything but letters, digits and -._~ : safe in a query, a form and a path segment, but
// for the segments that is_dot_segment() names.
inline std::string percent_encode(std::string_view text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) {
            out += c;
        } else {
            out += '%';
            out += kHex[static_cast<unsigned char>(c) >> 4];
            out += kHex[static_cast<unsigned char>(c) & 15U];
        }
    }
    return out;
}

// Is this one or two dots, and so no name of a resource? A path with such a segment leads
// elsewhere, and no encoding helps: the host refuses such URLs. A record of such a key has to fail.
inline bool is_dot_segment(std::string_view text) {
    return text == "." || text == "..";
}

// A URL that is put together; what is added is escaped.
//
//     Url{"https://api.example.com/", "/v1/users"}.segment("a/b").query("fields", "id name").text()
//
// is "https://api.example.com/v1/users/a%2Fb?fields=id%20name".
class Url {
  public:
    // Slashes at the end of the base do not count; the path begins with one.
    Url(std::string_view base, std::string_view path)
        : text_(base.substr(0, base.find_last_not_of('/') + 1)) {
        text_ += path;
    }

    // Throws a Failure (PERMANENT) for a key that is_dot_segment() names.
    Url& segment(std::string_view key) {
        if (is_dot_segment(key))
            throw Failure{SYNCLINE_E_PERMANENT,
                          "no URL can have the key '" + std::string{key} + "'"};
        text_ += '/' + percent_encode(key);
        return *this;
    }
    Url& query(std::string_view name, std::string_view value) {
        text_ += (has_query_ ? '&' : '?') + percent_encode(name) + '=' + percent_encode(value);
        has_query_ = true;
        return *this;
    }
    Url& query(std::string_view name, std::integral auto value) {
        return query(name, std::string_view{std::to_string(value)});
    }

    const std::string& text() const { return text_; }

  private:
    std::string text_;
    bool has_query_ = false;
};

// Undoes percent-encoding; '+' is a space. A '%' without two hexadecimal digits stays as it is.
inline std::string query_decode(std::string_view text) {
    const auto digit = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = i + 2 < text.size() ? digit(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? digit(text[i + 2]) : -1;
        if (text[i] == '%' && high >= 0 && low >= 0) {
            out += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

// All parameters of a raw query string or form, decoded, in their order.
inline std::vector<std::pair<std::string, std::string>> query_parameters(std::string_view query) {
    std::vector<std::pair<std::string, std::string>> all;
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(pair.size() == query.size() ? pair.size() : pair.size() + 1);
        if (pair.empty()) continue;
        const std::size_t equals = pair.find('=');
        const bool has_value = equals != std::string_view::npos;
        all.emplace_back(query_decode(pair.substr(0, equals)),
                         has_value ? query_decode(pair.substr(equals + 1)) : "");
    }
    return all;
}

// The first parameter of that name in a raw query string, decoded.
inline std::optional<std::string> query_parameter(std::string_view query, std::string_view name) {
    for (auto& [own, value] : query_parameters(query)) {
        if (own == name) return std::move(value);
    }
    return std::nullopt;
}

}  // namespace syncline

#endif
