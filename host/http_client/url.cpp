#include "http_client/url.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "http_client/address.hpp"
#include "http_client/errc.hpp"
#include "http_client/headers.hpp"
#include "http_client/origin.hpp"

namespace syncline::http_client {
namespace {

struct CurlDeleter {
    void operator()(char* text) const { libcurl().free(text); }
};

std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
    char* text = nullptr;
    if (libcurl().url_get(url, which, &text, flags) != CURLUE_OK) return {};
    std::unique_ptr<char, CurlDeleter> owner{text};
    return text;
}

std::string origin_of(CURLU* url, const std::string& host) {
    return host + ":" + part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

bool matches(const std::string& entry, const std::string& host, bool is_number) {
    if (!entry.starts_with("*.")) return equals_ignoring_case(normalise_host(entry), host);
    std::string_view suffix = std::string_view{entry}.substr(1);
    return !is_number && suffix.size() > 1 && host.size() > suffix.size() &&
           equals_ignoring_case(std::string_view{host}.substr(host.size() - suffix.size()), suffix);
}

syncline::Result<Url> parse_url(const std::string& text) {
    SYNCLINE_CHECK(load_libcurl());
    SYNCLINE_CHECK(check_text(text));
    Url url{libcurl().url()};
    if (!url) throw std::bad_alloc();
    const CURLUcode code =
        libcurl().url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_DISALLOW_USER);
    if (code == CURLUE_USER_NOT_ALLOWED) {
        return Error(kUrlInvalid, "the URL has a user name or a password");
    }
    if (code != CURLUE_OK) {
        return Error(kUrlInvalid,
                     std::string{"the URL can't be read: "} + libcurl().url_strerror(code));
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

}  // namespace syncline::http_client
