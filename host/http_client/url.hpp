// URLs, read once: what is checked here is the very handle that libcurl then connects by.
#pragma once

#include <memory>
#include <string>

#include "http_client/client.hpp"
#include "http_client/libcurl.hpp"

namespace syncline::http_client {

struct UrlDeleter {
    void operator()(CURLU* url) const { libcurl().url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, UrlDeleter>;

// A URL that its policy allows, as far as that is known without resolving.
struct Target {
    Url url;
    bool is_literal_host = false;  // the operator named it: it may be on a private network
    bool is_plain_http = false;
};

// Errors: kUrlInvalid, kHostNotAllowed, and kAddressNotAllowed when the host is a number. [any]
syncline::Result<Target> parse_target(const std::string& url, const EgressPolicy& policy);

}  // namespace syncline::http_client
