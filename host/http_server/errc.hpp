// The errors of this module.
#pragma once

#include "core/error.hpp"

namespace syncline::http_server {

inline constexpr core::ErrorCode kAddressInUse{
    "http_server.address_in_use", core::ErrorClass::kEnvironment,
    "stop the program that listens there, or choose another address or port"};
inline constexpr core::ErrorCode kAddressInvalid{
    "http_server.address_invalid", core::ErrorClass::kConfig,
    "give an IPv4 or IPv6 address of this machine, or unix:/path with a folder that exists"};
inline constexpr core::ErrorCode kPermission{
    "http_server.permission", core::ErrorClass::kEnvironment,
    "choose a port above 1023 or a folder that this user may write to"};
inline constexpr core::ErrorCode kOutOfResources{
    "http_server.out_of_resources", core::ErrorClass::kEnvironment,
    "raise the limit of open files (ulimit -n) or free memory"};

inline constexpr core::ErrorCode kCertificateInvalid{
    "http_server.certificate_invalid", core::ErrorClass::kConfig,
    "give a PEM file with the certificate first and its chain behind it"};
inline constexpr core::ErrorCode kCertificateDates{
    "http_server.certificate_dates", core::ErrorClass::kConfig,
    "renew the certificate, and check the clock of this machine"};
inline constexpr core::ErrorCode kKeyInvalid{
    "http_server.key_invalid", core::ErrorClass::kConfig,
    "give the PEM file of the certificate's private key, without a passphrase"};
inline constexpr core::ErrorCode kKeyMode{"http_server.key_mode", core::ErrorClass::kEnvironment,
                                          "let only its owner read it: chmod 600 FILE"};
inline constexpr core::ErrorCode kKeyMismatch{
    "http_server.key_mismatch", core::ErrorClass::kConfig,
    "give the certificate and the key that were made together"};
inline constexpr core::ErrorCode kClientCaInvalid{
    "http_server.client_ca_invalid", core::ErrorClass::kConfig,
    "give a PEM file with the certificates of the clients' authorities"};

}  // namespace syncline::http_server
