#include "http_client/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/assert.hpp"

namespace syncline::http_client {
namespace {

using Bytes4 = std::array<std::uint8_t, 4>;
using Bytes16 = std::array<std::uint8_t, 16>;
using enum AddressClass;

// A row of the IANA special-purpose registries, or of a cloud's manual.
struct Row {
    const char* prefix;
    unsigned bits;
    AddressClass address_class;
};

// The first row that matches decides.
constexpr Row kRows4[] = {
    {"169.254.169.254", 32, kMetadata},  // AWS, Google, Azure, and most others
    {"169.254.170.2", 32, kMetadata},    // AWS containers
    {"169.254.170.23", 32, kMetadata},   // AWS pod identity
    {"100.100.100.200", 32, kMetadata},  // Alibaba
    {"168.63.129.16", 32, kMetadata},    // Azure's platform channel
    {"192.0.0.192", 32, kMetadata},      // Oracle
    {"0.0.0.0", 8, kUnspecified},        {"10.0.0.0", 8, kPrivate},
    {"100.64.0.0", 10, kCarrierNat},     {"127.0.0.0", 8, kLoopback},
    {"169.254.0.0", 16, kLinkLocal},     {"172.16.0.0", 12, kPrivate},
    {"192.0.0.0", 24, kReserved},        {"192.0.2.0", 24, kDocumentation},
    {"192.88.99.0", 24, kReserved},      {"192.168.0.0", 16, kPrivate},
    {"198.18.0.0", 15, kReserved},       {"198.51.100.0", 24, kDocumentation},
    {"203.0.113.0", 24, kDocumentation}, {"224.0.0.0", 4, kMulticast},
    {"255.255.255.255", 32, kMulticast}, {"240.0.0.0", 4, kReserved},
};

constexpr Row kRows6[] = {
    {"fd00:ec2::254", 128, kMetadata},  // AWS
    {"fd00:ec2::23", 128, kMetadata},   // AWS pod identity
    {"fd20:ce::254", 128, kMetadata},   // Google
    {"::", 128, kUnspecified},
    {"::1", 128, kLoopback},
    {"ff00::", 8, kMulticast},
    {"fe80::", 10, kLinkLocal},
    {"fec0::", 10, kPrivate},
    {"fc00::", 7, kPrivate},
    {"2001:db8::", 32, kDocumentation},
    {"3fff::", 20, kDocumentation},
    {"64:ff9b:1::", 48, kTranslated},
    {"2001::", 23, kReserved},
    {"2000::", 3, kPublic},
    {"::", 0, kReserved},
};

// An IPv6 prefix that carries an IPv4 address, and where.
struct EmbeddingRow {
    const char* prefix;
    unsigned bits;
    std::size_t offset;
    std::uint8_t mask;  // Teredo stores the address inverted
};

constexpr EmbeddingRow kEmbeddingRows[] = {
    {"::ffff:0:0", 96, 12, 0},    // IPv4-mapped
    {"::ffff:0:0:0", 96, 12, 0},  // IPv4-translated
    {"::", 96, 12, 0},            // IPv4-compatible
    {"64:ff9b::", 96, 12, 0},     // NAT64
    {"2002::", 16, 2, 0},         // 6to4
    {"2001::", 32, 12, 0xff},     // Teredo
};

template <class Bytes>
Bytes parse(int family, const char* text) {
    Bytes bytes{};
    SYNCLINE_ASSERT(::inet_pton(family, text, bytes.data()) == 1);
    return bytes;
}

template <class Bytes>
bool has_prefix(const Bytes& address, const Bytes& prefix, unsigned bits) {
    const std::size_t whole = bits / 8;
    if (!std::equal(prefix.begin(), prefix.begin() + static_cast<std::ptrdiff_t>(whole),
                    address.begin())) {
        return false;
    }
    if (bits % 8 == 0) return true;
    return ((address[whole] ^ prefix[whole]) >> (8 - bits % 8)) == 0;
}

// The rows with their prefixes as bytes, made once.
template <class Bytes, class AnyRow>
struct Parsed {
    Bytes prefix;
    AnyRow row;
};

template <class Bytes, class AnyRow, std::size_t count>
std::vector<Parsed<Bytes, AnyRow>> parse_rows(int family, const AnyRow (&rows)[count]) {
    std::vector<Parsed<Bytes, AnyRow>> parsed;
    for (const AnyRow& row : rows) parsed.push_back({parse<Bytes>(family, row.prefix), row});
    return parsed;
}

AddressClass class_of(const Bytes4& address) {
    static const auto rows = parse_rows<Bytes4>(AF_INET, kRows4);
    for (const auto& [prefix, row] : rows) {
        if (has_prefix(address, prefix, row.bits)) return row.address_class;
    }
    return kPublic;
}

AddressClass class_of_native(const Bytes16& address) {
    static const auto rows = parse_rows<Bytes16>(AF_INET6, kRows6);
    for (const auto& [prefix, row] : rows) {
        if (has_prefix(address, prefix, row.bits)) return row.address_class;
    }
    return kReserved;
}

AddressClass class_of(const Bytes16& address) {
    static const auto rows = parse_rows<Bytes16>(AF_INET6, kEmbeddingRows);
    const AddressClass native = class_of_native(address);
    if (native == kUnspecified || native == kLoopback) return native;
    for (const auto& [prefix, row] : rows) {
        if (!has_prefix(address, prefix, row.bits)) continue;
        Bytes4 inner{};
        for (std::size_t i = 0; i < inner.size(); ++i) {
            inner[i] = static_cast<std::uint8_t>(address[row.offset + i] ^ row.mask);
        }
        const AddressClass carried = class_of(inner);
        return carried == kPublic ? kTranslated : carried;
    }
    return native;
}

}  // namespace

std::string_view to_string(AddressClass address_class) {
    switch (address_class) {
        case kPublic:
            return "public";
        case kLoopback:
            return "loopback";
        case kPrivate:
            return "private";
        case kLinkLocal:
            return "link-local";
        case kCarrierNat:
            return "carrier NAT";
        case kMulticast:
            return "multicast";
        case kDocumentation:
            return "documentation";
        case kUnspecified:
            return "unspecified";
        case kReserved:
            return "reserved";
        case kTranslated:
            return "translated";
        case kMetadata:
            return "cloud metadata";
        case kUnknown:
            break;
    }
    return "unknown";
}

// The copies keep this free of assumptions about the alignment of what libcurl hands over.
AddressClass address_class(const sockaddr& address) {
    if (address.sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &address, sizeof in);
        Bytes4 bytes;
        std::memcpy(bytes.data(), &in.sin_addr, bytes.size());
        return class_of(bytes);
    }
    if (address.sa_family == AF_INET6) {
        sockaddr_in6 in{};
        std::memcpy(&in, &address, sizeof in);
        Bytes16 bytes;
        std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
        return class_of(bytes);
    }
    return kUnknown;
}

AddressClass address_class(const std::string& numeric_address) {
    Bytes4 bytes4;
    if (::inet_pton(AF_INET, numeric_address.c_str(), bytes4.data()) == 1) return class_of(bytes4);
    Bytes16 bytes16;
    if (::inet_pton(AF_INET6, numeric_address.c_str(), bytes16.data()) == 1) {
        return class_of(bytes16);
    }
    return kUnknown;
}

}  // namespace syncline::http_client
