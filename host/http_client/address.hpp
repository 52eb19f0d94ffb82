// What an address is for, so that a request can't be talked into visiting the hub's own network.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

namespace syncline::http_client {

enum class AddressClass {
    kPublic,  // globally reachable unicast
    kLoopback,
    kPrivate,  // RFC 1918, unique-local and site-local IPv6
    kLinkLocal,
    kCarrierNat,  // 100.64.0.0/10
    kMulticast,   // and broadcast
    kDocumentation,
    kUnspecified,  // 0.0.0.0/8 and ::, which Linux connects to loopback
    kReserved,     // everything else that is not globally reachable
    kTranslated,   // a public IPv4 address inside an IPv6 one (mapped, NAT64, 6to4, Teredo)
    kMetadata,     // where clouds hand out credentials
    kUnknown,      // not an IP address
};

std::string_view to_string(AddressClass address_class);

// The class of a socket address. An IPv6 address that carries an IPv4 one has that one's class
// unless it is public. [any]
AddressClass address_class(const sockaddr& address);

// The same for a numeric address without brackets or zone. [any]
AddressClass address_class(const std::string& numeric_address);

// The rule of every connection: public addresses, and for a host that the operator wrote into the
// configuration any but a cloud's metadata. [any]
inline bool is_allowed(AddressClass address_class, bool is_literal_host) {
    if (address_class == AddressClass::kPublic) return true;
    return is_literal_host && address_class != AddressClass::kMetadata &&
           address_class != AddressClass::kUnknown;
}

}  // namespace syncline::http_client
