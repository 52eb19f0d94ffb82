// What a browser shows at the end of a login.
#pragma once

#include <string>
#include <string_view>

#include "http_server/server.hpp"

namespace syncline::app {

// A whole page of its own: no script, nothing from elsewhere, kept nowhere. The texts may hold
// anything. [any]
http_server::Response login_page(int status, bool is_success, std::string_view title,
                                 std::string_view text);

}  // namespace syncline::app
