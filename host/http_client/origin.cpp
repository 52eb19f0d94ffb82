#include "http_client/origin.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>

#include "http_client/client.hpp"
#include "http_client/errc.hpp"
#include "http_client/headers.hpp"

namespace syncline::http_client {
namespace {

constexpr std::size_t kUrlBytesMax = 16 * 1024;
constexpr std::size_t kHostBytesMax = 253;  // of a name in the DNS
constexpr std::size_t kPortDigitsMax = 5;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_hex_digit(char c) {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f');
}

std::string_view without_brackets(std::string_view host) {
    if (host.size() < 2 || host.front() != '[' || host.back() != ']') return host;
    return host.substr(1, host.size() - 2);
}

// Is a segment of the path `.` or `..`, also when it is percent-encoded? libcurl or a server would
// take it out, and the request reach another resource than the one that was named and signed.
bool has_dot_segment(std::string_view url) {
    url = url.substr(0, url.find_first_of("?#"));
    const std::size_t scheme = url.find("://");
    std::size_t slash = url.find('/', scheme == std::string_view::npos ? 0 : scheme + 3);
    while (slash != std::string_view::npos) {
        url.remove_prefix(slash + 1);
        slash = url.find('/');
        std::string_view segment = url.substr(0, slash);
        int dots = 0;
        for (; !segment.empty(); ++dots) {
            const bool is_encoded = equals_ignoring_case(segment.substr(0, 3), "%2e");
            if (!is_encoded && segment.front() != '.') break;
            segment.remove_prefix(is_encoded ? 3 : 1);
        }
        if (segment.empty() && (dots == 1 || dots == 2)) return true;
    }
    return false;
}

// Resolvers and libcurl take a name whose last label is a number for an IPv4 address, in one of a
// dozen spellings: `127.1`, `0x7f000001`, `0177.0.0.1`.
bool ends_in_a_number(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    const std::size_t dot = host.rfind('.');
    std::string_view label = dot == std::string_view::npos ? host : host.substr(dot + 1);
    if (equals_ignoring_case(label.substr(0, 2), "0x"))
        return std::ranges::all_of(label.substr(2), is_hex_digit);
    return !label.empty() && std::ranges::all_of(label, is_digit);
}

bool is_address(int family, std::string_view text) {
    in6_addr address{};  // room for both families
    return ::inet_pton(family, std::string{text}.c_str(), &address) == 1;
}

Error invalid(std::string what) {
    return {kUrlInvalid, std::move(what)};
}

syncline::Result<std::string> read_host(std::string_view text) {
    if (text.starts_with('[')) {
        if (is_address(AF_INET6, without_brackets(text))) return normalise_host(text);
        return invalid("what stands in the URL's brackets is no IPv6 address");
    }
    if (!is_host_name(text)) return invalid("the URL's host is neither a name nor an address");
    if (ends_in_a_number(text) && !is_address(AF_INET, text))
        return invalid("the URL's address is not written as four decimal numbers");
    return std::string{text};
}

syncline::Result<std::uint16_t> read_port(std::string_view digits) {
    std::uint16_t port = 0;
    const char* const end = digits.data() + digits.size();
    const auto [read_to, error] = std::from_chars(digits.data(), end, port);
    if (digits.size() > kPortDigitsMax || error != std::errc{} || read_to != end || port == 0)
        return invalid("the URL's port is no number from 1 to 65535");
    return port;
}

}  // namespace

syncline::Result<void> check_text(std::string_view url) {
    const auto is_printable_ascii = [](char c) { return c > 0x20 && c < 0x7f; };
    if (url.size() > kUrlBytesMax) return invalid("the URL is too long");
    if (!std::ranges::all_of(url, is_printable_ascii))
        return invalid("the URL has a character that must be percent-encoded");
    if (has_dot_segment(url)) return invalid("the URL's path has a segment `.` or `..`");
    return {};
}

std::string normalise_host(std::string_view host) {
    const std::string bare{without_brackets(host)};
    in6_addr address{};
    if (::inet_pton(AF_INET6, bare.c_str(), &address) != 1) return std::string{host};
    char text[INET6_ADDRSTRLEN];
    return ::inet_ntop(AF_INET6, &address, text, sizeof text);
}

bool is_host_name(std::string_view host) {
    return !host.empty() && host.size() <= kHostBytesMax && host.front() != '.' &&
           std::ranges::all_of(host, [](char c) {
               const char lower = to_lower(c);
               return (lower >= 'a' && lower <= 'z') || is_digit(c) || c == '-' || c == '.' ||
                      c == '_';
           });
}

syncline::Result<Origin> read_origin(std::string_view url) {
    SYNCLINE_CHECK(check_text(url));
    const std::size_t colon = url.find("://");
    if (colon == std::string_view::npos) return invalid("the URL has no scheme");
    const std::string_view scheme = url.substr(0, colon);
    Origin origin;
    origin.is_https = equals_ignoring_case(scheme, "https");
    if (!origin.is_https && !equals_ignoring_case(scheme, "http"))
        return invalid("the URL's scheme is neither https nor http");
    url.remove_prefix(colon + 3);
    const std::string_view authority = url.substr(0, url.find_first_of("/?#"));
    if (authority.find('@') != std::string_view::npos)
        return invalid("the URL has a user name or a password");
    const std::size_t bracket = authority.find(']');
    const std::size_t port = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
    SYNCLINE_TRY(origin.host, read_host(authority.substr(0, port)));
    origin.port = origin.is_https ? 443 : 80;
    if (port != std::string_view::npos && port + 1 < authority.size()) {
        SYNCLINE_TRY(origin.port, read_port(authority.substr(port + 1)));
    }
    return origin;
}

syncline::Result<std::string> host_of(const std::string& url) {
    SYNCLINE_TRY(Origin origin, read_origin(url));
    return std::move(origin.host);
}

syncline::Result<void> grant(EgressPolicy& policy, const std::string& url) {
    SYNCLINE_TRY(Origin origin, read_origin(url));
    if (!origin.is_https) policy.plain_origins.push_back(origin.to_string());
    policy.literal_hosts.push_back(std::move(origin.host));
    return {};
}

}  // namespace syncline::http_client
