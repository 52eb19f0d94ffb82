// One client: reads requests, asks the gate, hands over, writes answers, keeps the deadlines. [io]
#pragma once

#include <memory>
#include <string>

#include "http_server/hub.hpp"

namespace syncline::http_server {

// Takes the connected socket `fd` over, and speaks TLS when the hub has a certificate. It lives
// until the client, a deadline or the hub ends it. Errors: the fd is closed when it can't be used.
void serve_connection(const std::shared_ptr<Hub>& hub, int fd, int family, std::string peer);

// Answers 503 without reading, as far as that goes without waiting, and closes; under TLS it only
// closes. Counted as refused.
void refuse_connection(const std::shared_ptr<Hub>& hub, int fd);

}  // namespace syncline::http_server
