// What a request may say in its head.
#pragma once

#include <string>
#include <string_view>

#include "http_client/client.hpp"

namespace syncline::http_client {

// Refuses with kHeaderInvalid what could change the framing of the request or belongs to the host:
// a method or a name that is no token, a value with a control character, CONNECT and TRACE,
// hop-by-hop headers, Host, and Proxy-*. [any]
syncline::Result<void> check_head(const std::string& method, const Headers& headers);

// May be sent twice without harm by definition of HTTP. [any]
bool is_idempotent(std::string_view method);

bool equals_ignoring_case(std::string_view a, std::string_view b);
char to_lower(char c);

}  // namespace syncline::http_client
