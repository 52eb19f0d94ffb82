#include "http_client/headers.hpp"

#include <algorithm>
#include <array>

#include "http_client/errc.hpp"

namespace syncline::http_client {
namespace {

constexpr std::array<std::string_view, 9> kHostOwned{
    "host", "content-length", "transfer-encoding", "connection", "expect",
    "te",   "trailer",        "upgrade",           "keep-alive"};

bool is_token(std::string_view text) {
    auto is_token_character = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               (c != '\0' && std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos);
    };
    return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

bool has_control_character(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    });
}

bool is_host_owned(std::string_view name) {
    constexpr std::string_view kProxy = "proxy-";
    if (equals_ignoring_case(name.substr(0, kProxy.size()), kProxy)) return true;
    return std::any_of(kHostOwned.begin(), kHostOwned.end(),
                       [&](std::string_view owned) { return equals_ignoring_case(name, owned); });
}

}  // namespace

char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return to_lower(x) == to_lower(y); });
}

bool is_idempotent(std::string_view method) {
    constexpr std::array<std::string_view, 5> kMethods{"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
    return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

syncline::Result<void> check_head(const std::string& method, const Headers& headers) {
    if (!is_token(method)) return Error(kHeaderInvalid, "the method is not a token");
    if (equals_ignoring_case(method, "CONNECT") || equals_ignoring_case(method, "TRACE")) {
        return Error(kHeaderInvalid, "the method " + method + " is not supported");
    }
    for (const auto& [name, value] : headers) {
        if (!is_token(name)) return Error(kHeaderInvalid, "a header's name is not a token");
        if (is_host_owned(name)) {
            return Error(kHeaderInvalid, "the header " + name + " is set by the host alone");
        }
        if (has_control_character(value)) {
            return Error(kHeaderInvalid,
                         "the value of the header " + name + " has a control character");
        }
    }
    return {};
}

}  // namespace syncline::http_client
