// Where a URL leads: its scheme, host and port, as they stand in the text.
//
// Purpose: URLs in the configuration are examined before libcurl is loaded (libcurl.hpp). What is
//   read here is what the operator allows; a request goes where libcurl reads that its URL leads,
//   and only if that is the same. So a URL that the two read differently is refused; and so that
//   nobody meets that, less is understood here than by libcurl: one spelling of scheme and
//   address, a host without percent-encoding.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.hpp"

namespace syncline::http_client {

struct Origin {
    bool is_https = false;
    std::string host;  // an IPv6 address without brackets, in its one spelling
    std::uint16_t port = 0;

    std::string to_string() const { return host + ":" + std::to_string(port); }
};

// Errors: kUrlInvalid, also for what check_text() refuses. [any]
syncline::Result<Origin> read_origin(std::string_view url);

// Refuses with kUrlInvalid what libcurl or a server would change before it looks: characters that
// must be percent-encoded, segments `.` and `..`; and more than 16 KiB. [any]
syncline::Result<void> check_text(std::string_view url);

// One spelling for one IPv6 address, without brackets; other hosts are returned unchanged. Case is
// compared away later. [any]
std::string normalise_host(std::string_view host);

// May it stand in the DNS? [any]
bool is_host_name(std::string_view host);

}  // namespace syncline::http_client
