// Who a client is by its TLS: the certificate that it has shown when it was asked for one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/clock.hpp"

struct ssl_st;

namespace syncline::http_server {

struct ClientCertificate {
    // Why it is not to be trusted, in OpenSSL's words: of another authority, out of its dates, not
    // meant for clients. Only when this is empty does the rest say who the client is.
    std::string problem;
    std::string subject;             // as RFC 2253 writes it: `CN=shop,O=Example`
    std::vector<std::string> names;  // subject alternative names: `DNS:` in lower case, `URI:`,
                                     // `email:`; at most kNamesMax
    std::string fingerprint;         // SHA-256 of the whole, in lower-case hex
    core::WallTime ends_ns = 0;      // when its validity ends

    static constexpr std::size_t kNamesMax = 100;
};

// Of a session whose handshake is over; null when none was shown. [any]
std::shared_ptr<const ClientCertificate> read_client_certificate(ssl_st* session);

}  // namespace syncline::http_server
