// Reads what a scheme added.
#pragma once

#include <string>
#include <string_view>

#include "auth/request.hpp"
#include "auth/url.hpp"
#include "support/catch.hpp"

namespace syncline::test {

// The value of the one header of that name; empty if it was not added.
inline std::string header(const Result<auth::Additions>& additions, std::string_view name) {
    if (!additions) FAIL(additions.error().to_string());
    std::string value;
    for (const auth::SecretHeader& header : additions->headers) {
        if (!auth::equal_names(header.name, name)) continue;
        if (!value.empty()) FAIL("there are two headers " << name);
        value = header.value.reveal();
    }
    return value;
}

// The decoded value of a parameter of the query that was added.
inline std::string parameter(const Result<auth::Additions>& additions, std::string_view name) {
    if (!additions) FAIL(additions.error().to_string());
    for (const auth::Parameter& parameter : auth::parse_query(additions->query.reveal())) {
        if (parameter.name == name) return parameter.value;
    }
    return {};
}

// The part of a text between two marks.
inline std::string between(const std::string& text, std::string_view begin, std::string_view end) {
    const std::size_t at = text.find(begin);
    if (at == std::string::npos) return {};
    const std::size_t first = at + begin.size();
    return text.substr(first, text.find(end, first) - first);
}

}  // namespace syncline::test
