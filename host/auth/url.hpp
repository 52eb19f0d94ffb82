// The parts of a URL that signatures are made of, and percent-encoding (RFC 3986).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace syncline::auth {

// Everything outside `A-Z a-z 0-9 - . _ ~` becomes %XX in upper case. [any]
std::string percent_encode(std::string_view bytes);

// A percent sign that is followed by no two digits stands for itself, as does `+`. [any]
std::string percent_decode(std::string_view text);

// Decoded name and value of `name=value`; `name` alone has an empty value.
struct Parameter {
    std::string name, value;
    auto operator<=>(const Parameter&) const = default;
};

// Views into the text that was read.
struct UrlParts {
    std::string scheme;     // lower case
    std::string host;       // lower case, with the port unless it is the scheme's own
    std::string_view path;  // as it is sent: encoded, begins with a slash
    std::string_view query;
};

// Of http and https, without user name and password. Errors: kRequestUnsignable. [any]
Result<UrlParts> parse_url(std::string_view url);

// Whether it stays on this machine: 127.0.0.0/8, [::1] or localhost. [any]
bool is_loopback(const UrlParts& url);

// Whether a secret may go there: by https, or without leaving this machine. [any]
bool is_confidential(const UrlParts& url);

// The parameters of a query in their order. [any]
std::vector<Parameter> parse_query(std::string_view query);

// The parameters of a body of application/x-www-form-urlencoded, where `+` is a space. [any]
std::vector<Parameter> parse_form(std::string_view body);

// `name=value&...`, encoded. [any]
std::string write_query(const std::vector<Parameter>& parameters);

// The URL with a query appended, before its fragment. [any]
std::string with_query(std::string_view url, std::string_view query);

// The text without spaces and tabs at its ends. [any]
std::string_view trimmed(std::string_view text);

// Without case; ASCII. [any]
bool equal_names(std::string_view a, std::string_view b);
std::string lower_case(std::string_view text);

}  // namespace syncline::auth
