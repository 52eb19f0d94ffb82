#include "auth/url.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "auth/errc.hpp"
#include "core/encoding.hpp"

namespace syncline::auth {
namespace {

constexpr std::size_t kUrlBytesMax = 64 * 1024;

bool is_unreserved(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

Error unsignable(std::string what) {
    return {kRequestUnsignable, std::move(what)};
}

}  // namespace

std::string percent_encode(std::string_view bytes) {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    std::string text;
    text.reserve(3 * bytes.size());  // growing would leave copies of secrets behind
    for (char c : bytes) {
        if (is_unreserved(c)) {
            text += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        text += '%';
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

std::string percent_decode(std::string_view text) {
    std::string bytes;
    bytes.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = text[i] == '%' ? core::from_hex(text.substr(i + 1, 2)) : std::nullopt;
        if (!byte || byte->empty()) {
            bytes += text[i];
            continue;
        }
        bytes += *byte;
        i += 2;
    }
    return bytes;
}

Result<UrlParts> parse_url(std::string_view url) {
    if (url.size() > kUrlBytesMax) return unsignable("the URL is too long");
    const auto is_control = [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    };
    if (std::ranges::any_of(url, is_control)) return unsignable("the URL has control characters");
    url = url.substr(0, url.find('#'));
    const std::size_t colon = url.find("://");
    if (colon == std::string_view::npos) return unsignable("the URL is not absolute");
    UrlParts parts;
    parts.scheme = lower_case(url.substr(0, colon));
    if (parts.scheme != "http" && parts.scheme != "https")
        return unsignable("the URL is neither http nor https");
    url.remove_prefix(colon + 3);
    const std::size_t end = std::min(url.find_first_of("/?"), url.size());
    parts.host = lower_case(url.substr(0, end));
    if (parts.host.find('@') != std::string::npos)
        return unsignable("the URL has a user name or a password");
    const std::string_view own_port = parts.scheme == "http" ? ":80" : ":443";
    if (parts.host.ends_with(own_port)) parts.host.resize(parts.host.size() - own_port.size());
    if (parts.host.ends_with(':')) parts.host.pop_back();
    if (parts.host.empty()) return unsignable("the URL has no host");
    url.remove_prefix(end);
    const std::size_t mark = std::min(url.find('?'), url.size());
    parts.path = mark == 0 ? std::string_view{"/"} : url.substr(0, mark);
    if (mark < url.size()) parts.query = url.substr(mark + 1);
    return parts;
}

bool is_loopback(const UrlParts& url) {
    std::string name = url.host;
    if (!name.ends_with(']')) name = name.substr(0, name.rfind(':'));
    if (name == "localhost" || name == "[::1]") return true;
    in_addr address{};
    return ::inet_pton(AF_INET, name.c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

bool is_confidential(const UrlParts& url) {
    return url.scheme == "https" || is_loopback(url);
}

std::vector<Parameter> parse_query(std::string_view query) {
    std::vector<Parameter> parameters;
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view item = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (item.empty()) continue;
        const std::size_t equals = std::min(item.find('='), item.size());
        const std::string_view value = equals < item.size() ? item.substr(equals + 1) : "";
        parameters.push_back({percent_decode(item.substr(0, equals)), percent_decode(value)});
    }
    return parameters;
}

std::vector<Parameter> parse_form(std::string_view body) {
    std::string text{body};
    std::ranges::replace(text, '+', ' ');
    return parse_query(text);
}

std::string write_query(const std::vector<Parameter>& parameters) {
    std::string text;
    for (const auto& [name, value] : parameters) {
        if (!text.empty()) text += '&';
        text += percent_encode(name) + '=' + percent_encode(value);
    }
    return text;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlank = " \t";
    const std::size_t first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool equal_names(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::string lower_case(std::string_view text) {
    std::string result{text};
    std::ranges::transform(result, result.begin(), lower);
    return result;
}

std::string with_query(std::string_view url, std::string_view query) {
    if (query.empty()) return std::string{url};
    const std::size_t fragment = std::min(url.find('#'), url.size());
    std::string result{url.substr(0, fragment)};
    const std::size_t mark = result.find('?');
    if (mark == std::string::npos) {
        result += '?';
    } else if (mark + 1 < result.size() && !result.ends_with('&')) {
        result += '&';
    }
    result += query;
    result += url.substr(fragment);
    return result;
}

}  // namespace syncline::auth
