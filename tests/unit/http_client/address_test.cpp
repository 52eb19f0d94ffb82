#include "http_client/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "support/catch.hpp"

using namespace syncline::http_client;
using enum AddressClass;

namespace {

struct Row {
    const char* address;
    AddressClass expected;
};

// The first and the last address of each range, and their neighbours.
constexpr Row kRows[] = {
    {"0.0.0.0", kUnspecified},
    {"0.255.255.255", kUnspecified},
    {"1.0.0.0", kPublic},
    {"8.8.8.8", kPublic},
    {"9.255.255.255", kPublic},
    {"10.0.0.0", kPrivate},
    {"10.255.255.255", kPrivate},
    {"11.0.0.0", kPublic},
    {"100.63.255.255", kPublic},
    {"100.64.0.0", kCarrierNat},
    {"100.127.255.255", kCarrierNat},
    {"100.128.0.0", kPublic},
    {"100.100.100.200", kMetadata},
    {"126.255.255.255", kPublic},
    {"127.0.0.0", kLoopback},
    {"127.0.0.1", kLoopback},
    {"127.255.255.255", kLoopback},
    {"128.0.0.0", kPublic},
    {"168.63.129.15", kPublic},
    {"168.63.129.16", kMetadata},
    {"169.253.255.255", kPublic},
    {"169.254.0.0", kLinkLocal},
    {"169.254.169.253", kLinkLocal},
    {"169.254.169.254", kMetadata},
    {"169.254.170.2", kMetadata},
    {"169.254.170.23", kMetadata},
    {"169.254.255.255", kLinkLocal},
    {"169.255.0.0", kPublic},
    {"172.15.255.255", kPublic},
    {"172.16.0.0", kPrivate},
    {"172.31.255.255", kPrivate},
    {"172.32.0.0", kPublic},
    {"192.0.0.0", kReserved},
    {"192.0.0.192", kMetadata},
    {"192.0.1.0", kPublic},
    {"192.0.2.1", kDocumentation},
    {"192.0.3.0", kPublic},
    {"192.88.99.1", kReserved},
    {"192.167.255.255", kPublic},
    {"192.168.0.0", kPrivate},
    {"192.168.255.255", kPrivate},
    {"192.169.0.0", kPublic},
    {"198.17.255.255", kPublic},
    {"198.18.0.0", kReserved},
    {"198.19.255.255", kReserved},
    {"198.20.0.0", kPublic},
    {"198.51.100.7", kDocumentation},
    {"203.0.113.7", kDocumentation},
    {"223.255.255.255", kPublic},
    {"224.0.0.1", kMulticast},
    {"239.255.255.255", kMulticast},
    {"240.0.0.0", kReserved},
    {"255.255.255.254", kReserved},
    {"255.255.255.255", kMulticast},
    {"::", kUnspecified},
    {"::1", kLoopback},
    {"::2", kUnspecified},
    {"::7f00:1", kLoopback},
    {"::a00:1", kPrivate},
    {"::808:808", kTranslated},
    {"::ffff:127.0.0.1", kLoopback},
    {"::ffff:10.1.2.3", kPrivate},
    {"::ffff:169.254.169.254", kMetadata},
    {"::ffff:0.0.0.0", kUnspecified},
    {"::ffff:8.8.8.8", kTranslated},
    {"::ffff:0:127.0.0.1", kLoopback},
    {"::fffe:127.0.0.1", kReserved},
    {"64:ff9b::127.0.0.1", kLoopback},
    {"64:ff9b::192.168.1.1", kPrivate},
    {"64:ff9b::169.254.169.254", kMetadata},
    {"64:ff9b::8.8.8.8", kTranslated},
    {"64:ff9b:1::1", kTranslated},
    {"64:ff9b:2::1", kReserved},
    {"100::1", kReserved},
    {"2000::", kPublic},
    {"2001::", kMulticast},  // Teredo to the inverse of 0.0.0.0
    {"2001:0:4136:e378:8000:63bf:80ff:fffe", kLoopback},
    {"2001:0:4136:e378:8000:63bf:5601:5601", kMetadata},
    {"2001:0:4136:e378:8000:63bf:f7f7:f7f7", kTranslated},
    {"2001:20::1", kReserved},
    {"2001:1ff:ffff::", kReserved},
    {"2001:200::", kPublic},
    {"2001:db7:ffff::", kPublic},
    {"2001:db8::1", kDocumentation},
    {"2001:db9::", kPublic},
    {"2001:4860:4860::8888", kPublic},
    {"2002:7f00:1::", kLoopback},
    {"2002:a9fe:a9fe::1", kMetadata},
    {"2002:c0a8:101::1", kPrivate},
    {"2002:808:808::", kTranslated},
    {"2003::1", kPublic},
    {"2606:4700::1111", kPublic},
    {"3fff::1", kDocumentation},
    {"3fff:fff:ffff::", kDocumentation},
    {"3fff:1000::", kPublic},
    {"4000::", kReserved},
    {"5f00::1", kReserved},
    {"fc00::", kPrivate},
    {"fd00:ec2::254", kMetadata},
    {"fd00:ec2::23", kMetadata},
    {"fd00:ec2::253", kPrivate},
    {"fd20:ce::254", kMetadata},
    {"fdff:ffff::1", kPrivate},
    {"fe00::1", kReserved},
    {"fe80::1", kLinkLocal},
    {"febf:ffff::", kLinkLocal},
    {"fec0::1", kPrivate},
    {"feff::1", kPrivate},
    {"ff00::", kMulticast},
    {"ff02::1", kMulticast},
    {"localhost", kUnknown},
    {"", kUnknown},
    {"127.1", kUnknown},
    {"[::1]", kUnknown},
    {"fe80::1%lo", kUnknown},
};

}  // namespace

TEST_CASE("address class: each special range ends where its registry says", "[http_client][H7]") {
    for (const Row& row : kRows) {
        INFO(row.address);
        CHECK(to_string(address_class(std::string{row.address})) == to_string(row.expected));
    }
}

TEST_CASE("address class: a socket address has the class of its text", "[http_client][H7]") {
    for (const Row& row : kRows) {
        INFO(row.address);
        sockaddr_in in4{};
        sockaddr_in6 in6{};
        in4.sin_family = AF_INET;
        in6.sin6_family = AF_INET6;
        const sockaddr* address = nullptr;
        if (::inet_pton(AF_INET, row.address, &in4.sin_addr) == 1) {
            address = reinterpret_cast<const sockaddr*>(&in4);
        } else if (::inet_pton(AF_INET6, row.address, &in6.sin6_addr) == 1) {
            address = reinterpret_cast<const sockaddr*>(&in6);
        }
        if (address != nullptr) CHECK(address_class(*address) == row.expected);
    }
    sockaddr local{};
    local.sa_family = AF_UNIX;
    CHECK(address_class(local) == kUnknown);
}

TEST_CASE("address rule: only a literal host may be private, and none is a cloud's metadata",
          "[http_client][H7]") {
    CHECK(is_allowed(kPublic, false));
    CHECK_FALSE(is_allowed(kLoopback, false));
    CHECK_FALSE(is_allowed(kTranslated, false));
    CHECK(is_allowed(kLoopback, true));
    CHECK(is_allowed(kPrivate, true));
    CHECK_FALSE(is_allowed(kMetadata, true));
    CHECK_FALSE(is_allowed(kUnknown, true));
}
