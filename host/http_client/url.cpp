#include "http_client/url.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "http_client/address.hpp"
#include "http_client/errc.hpp"
#include "http_client/headers.hpp"

namespace syncline::http_client {
namespace {

constexpr std::size_t kUrlBytesMax = 16 * 1024;
constexpr std::size_t kHostBytesMax = 253;  // of a name in the DNS

struct CurlDeleter {
    void operator()(char* text) const { curl_free(text); }
};

std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(url, which, &text, flags) != CURLUE_OK) return {};
    std::unique_ptr<char, CurlDeleter> owner{text};
    return text;
}

std::string_view without_brackets(std::string_view host) {
    if (host.size() < 2 || host.front() != '[' || host.back() != ']') return host;
    return host.substr(1, host.size() - 2);
}

// One spelling for one IPv6 address; other hosts are returned unchanged. Case is compared away
// later.
std::string normalise_host(std::string_view host) {
    std::string bare{without_brackets(host)};
    in6_addr address{};
    if (::inet_pton(AF_INET6, bare.c_str(), &address) != 1) return std::string{host};
    char text[INET6_ADDRSTRLEN];
    return ::inet_ntop(AF_INET6, &address, text, sizeof text);
}

std::string origin_of(CURLU* url, const std::string& host) {
    return host + ":" + part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

bool is_host_name(std::string_view host) {
    return !host.empty() && host.size() <= kHostBytesMax && host.front() != '.' &&
           std::all_of(host.begin(), host.end(), [](char c) {
               char lower = to_lower(c);
               return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                      c == '.' || c == '_';
           });
}

bool matches(const std::string& entry, const std::string& host, bool is_number) {
    if (!entry.starts_with("*.")) return equals_ignoring_case(normalise_host(entry), host);
    std::string_view suffix = std::string_view{entry}.substr(1);
    return !is_number && suffix.size() > 1 && host.size() > suffix.size() &&
           equals_ignoring_case(std::string_view{host}.substr(host.size() - suffix.size()), suffix);
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

syncline::Result<Url> parse_url(const std::string& text) {
    auto is_printable_ascii = [](char c) { return c > 0x20 && c < 0x7f; };
    if (text.size() > kUrlBytesMax) return Error(kUrlInvalid, "the URL is too long");
    if (!std::all_of(text.begin(), text.end(), is_printable_ascii)) {
        return Error(kUrlInvalid, "the URL has a character that must be percent-encoded");
    }
    if (has_dot_segment(text)) {
        return Error(kUrlInvalid, "the URL's path has a segment `.` or `..`");
    }
    Url url{curl_url()};
    if (!url) throw std::bad_alloc();
    const CURLUcode code =
        curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_DISALLOW_USER);
    if (code == CURLUE_USER_NOT_ALLOWED) {
        return Error(kUrlInvalid, "the URL has a user name or a password");
    }
    if (code != CURLUE_OK) {
        return Error(kUrlInvalid, std::string{"the URL can't be read: "} + curl_url_strerror(code));
    }
    if (!part(url.get(), CURLUPART_ZONEID).empty()) {
        return Error(kUrlInvalid, "the URL's host has a zone");
    }
    return url;
}

}  // namespace

syncline::Result<Target> parse_target(const std::string& url, const EgressPolicy& policy) {
    SYNCLINE_TRY(Url parsed, parse_url(url));
    const std::string scheme = part(parsed.get(), CURLUPART_SCHEME);
    if (scheme != "https" && scheme != "http") {
        return Error(kUrlInvalid, "the URL's scheme is neither https nor http");
    }
    const std::string host = normalise_host(part(parsed.get(), CURLUPART_HOST));
    const AddressClass number_class = address_class(host);
    const bool is_number = number_class != AddressClass::kUnknown;
    if (!is_number && !is_host_name(host)) {
        return Error(kUrlInvalid, "the URL's host is neither a name nor an address");
    }

    auto matches_host = [&](const std::string& entry) { return matches(entry, host, is_number); };
    const bool is_literal = std::any_of(
        policy.literal_hosts.begin(), policy.literal_hosts.end(), [&](const std::string& entry) {
            return equals_ignoring_case(normalise_host(entry), host);
        });
    if (!is_literal && std::none_of(policy.hosts.begin(), policy.hosts.end(), matches_host)) {
        return Error(kHostNotAllowed, "requests to the host " + host + " are not allowed");
    }
    if (scheme == "http" && !policy.allow_plain_http) {
        const std::string origin = origin_of(parsed.get(), host);
        const bool is_granted = std::any_of(
            policy.plain_origins.begin(), policy.plain_origins.end(),
            [&](const std::string& entry) { return equals_ignoring_case(entry, origin); });
        if (!is_granted) return Error(kHostNotAllowed, "requests to " + origin + " must use https");
    }
    if (is_number && !is_allowed(number_class, is_literal)) {
        return Error(kAddressNotAllowed, "the address " + host + " is not allowed: " +
                                             std::string{to_string(number_class)});
    }
    Target target;
    target.url = std::move(parsed);
    target.is_literal_host = is_literal;
    target.is_plain_http = scheme == "http";
    return target;
}

syncline::Result<void> check_url(const std::string& url, const EgressPolicy& policy) {
    SYNCLINE_TRY([[maybe_unused]] Target target, parse_target(url, policy));
    return {};
}

syncline::Result<std::string> host_of(const std::string& url) {
    SYNCLINE_TRY(Url parsed, parse_url(url));
    return normalise_host(part(parsed.get(), CURLUPART_HOST));
}

syncline::Result<void> grant(EgressPolicy& policy, const std::string& url) {
    SYNCLINE_TRY(Url parsed, parse_url(url));
    std::string host = normalise_host(part(parsed.get(), CURLUPART_HOST));
    if (part(parsed.get(), CURLUPART_SCHEME) == "http")
        policy.plain_origins.push_back(origin_of(parsed.get(), host));
    policy.literal_hosts.push_back(std::move(host));
    return {};
}

}  // namespace syncline::http_client
