// The errors of this module.
#pragma once

#include "core/error.hpp"

namespace syncline::http_client {

using core::ErrorClass;
using core::ErrorCode;

inline constexpr ErrorCode kUrlInvalid{
    "http_client.url_invalid", ErrorClass::kConfig,
    "write the URL as https://host/path in ASCII, without user name, password or segments `.` and "
    "`..`"};
inline constexpr ErrorCode kHostNotAllowed{
    "http_client.host_not_allowed", ErrorClass::kConfig,
    "add the host to the account's allowed hosts if requests may go there"};
inline constexpr ErrorCode kAddressNotAllowed{
    "http_client.address_not_allowed", ErrorClass::kConfig,
    "name the host in the configuration itself if it is meant to be on a private network"};
inline constexpr ErrorCode kHeaderInvalid{
    "http_client.header_invalid", ErrorClass::kPermanent,
    "correct the request's method or headers in the connector"};
inline constexpr ErrorCode kResolveFailed{"http_client.resolve_failed", ErrorClass::kTransient,
                                          "check the host's name and the machine's resolver"};
inline constexpr ErrorCode kConnectFailed{
    "http_client.connect_failed", ErrorClass::kTransient,
    "check that the platform is up and reachable from this machine"};
inline constexpr ErrorCode kTimeout{"http_client.timeout", ErrorClass::kTransient,
                                    "raise the time limit if the platform needs longer"};
inline constexpr ErrorCode kTooSlow{"http_client.too_slow", ErrorClass::kTransient,
                                    "ask the platform why it answers so slowly"};
inline constexpr ErrorCode kTlsFailed{
    "http_client.tls_failed", ErrorClass::kConfig,
    "correct the server's certificate, or the file of trusted authorities"};
inline constexpr ErrorCode kTooLarge{"http_client.too_large", ErrorClass::kPermanent,
                                     "ask for smaller pages, or raise the limit"};
inline constexpr ErrorCode kProtocol{"http_client.protocol", ErrorClass::kTransient,
                                     "check that the URL leads to an HTTP server"};
inline constexpr ErrorCode kConnectionLost{"http_client.connection_lost", ErrorClass::kTransient,
                                           "nothing, if it is rare"};
inline constexpr ErrorCode kLibraryMissing{
    "http_client.library_missing", ErrorClass::kEnvironment,
    "install libcurl 4 with OpenSSL (Debian: libcurl4), and start again"};
inline constexpr ErrorCode kCancelled{"http_client.cancelled", ErrorClass::kTransient, ""};

}  // namespace syncline::http_client
