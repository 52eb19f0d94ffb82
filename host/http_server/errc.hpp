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

}  // namespace syncline::http_server
