// The error codes of the configuration: public contract.
#pragma once

#include "core/error.hpp"

namespace syncline::config {

using core::ErrorClass;
using core::ErrorCode;

// ---- The file ---------------------------------------------------------------------------------

inline constexpr ErrorCode kFileMissing{"config.file_missing", ErrorClass::kConfig,
                                        "check the path"};
inline constexpr ErrorCode kFileUnreadable{"config.file_unreadable", ErrorClass::kEnvironment,
                                           "check the file and its permissions"};
inline constexpr ErrorCode kFileMode{
    "config.file_mode", ErrorClass::kEnvironment,
    "a secret file is a regular file, no link, that only its owner can read: chmod 600 FILE"};
inline constexpr ErrorCode kSyntax{"config.syntax", ErrorClass::kConfig,
                                   "mend the YAML at this place"};

// ---- Keys and values --------------------------------------------------------------------------

inline constexpr ErrorCode kVersion{"config.version", ErrorClass::kConfig, "write `version: 1`"};
inline constexpr ErrorCode kUnknownKey{"config.unknown_key", ErrorClass::kConfig,
                                       "remove it or correct its spelling"};
inline constexpr ErrorCode kMissingKey{"config.missing_key", ErrorClass::kConfig, "add it"};
inline constexpr ErrorCode kType{"config.type", ErrorClass::kConfig,
                                 "write a value of the type that is asked for"};
inline constexpr ErrorCode kValue{"config.value", ErrorClass::kConfig,
                                  "write one of the values that are allowed"};
inline constexpr ErrorCode kDuplicate{"config.duplicate", ErrorClass::kConfig,
                                      "keep one of the two"};
inline constexpr ErrorCode kBadAddress{
    "config.address", ErrorClass::kConfig,
    "write an address such as 127.0.0.1:8080, [::1]:8080 or unix:hub.sock"};
inline constexpr ErrorCode kPlainListener{
    "config.plain_listener", ErrorClass::kConfig,
    "add `tls: { certificate: FILE, key: FILE }`, listen on 127.0.0.1 behind a proxy, or write "
    "`allow_plain: true` when the network is trusted"};

// ---- References -------------------------------------------------------------------------------

inline constexpr ErrorCode kUnknownAccount{"config.unknown_account", ErrorClass::kConfig,
                                           "add the account under `accounts`"};
inline constexpr ErrorCode kRouteConflict{
    "config.route_conflict", ErrorClass::kConfig,
    "connections that share a webhook share its account and its settings: write the settings once, "
    "and `webhook: { name: ... }` in the others"};
inline constexpr ErrorCode kVerifyMissing{
    "config.verify_missing", ErrorClass::kConfig,
    "write how a sender proves who it is, such as `verify: [{ scheme: hmac, preset: mapp, key: "
    "\"${NAME}\" }]`, or `verify: none` when anyone may send"};

inline constexpr ErrorCode kClientCaMissing{
    "config.client_ca_missing", ErrorClass::kConfig,
    "add `client_ca: FILE` to `hub.tls`, so that clients are asked for a certificate"};
inline constexpr ErrorCode kAnswerAmbiguous{
    "config.answer_ambiguous", ErrorClass::kConfig,
    "name the connection whose outcome the sender waits for: `answer_from: NAME`; a webhook with "
    "`answer: query` has one connection only"};

// ---- Variables and secrets --------------------------------------------------------------------

inline constexpr ErrorCode kVariableUnset{
    "config.variable_unset", ErrorClass::kConfig,
    "set it in the environment of the hub, or write ${NAME:-default}"};
inline constexpr ErrorCode kVariableSyntax{
    "config.variable_syntax", ErrorClass::kConfig,
    "write ${NAME}, ${NAME:-default}, ${NAME:?message}, ${file:PATH} or ${secret:NAME}; a plain "
    "`${` is `$${`"};
inline constexpr ErrorCode kSecretEmpty{"config.secret_empty", ErrorClass::kConfig,
                                        "give the secret a value: an empty one proves nothing"};

}  // namespace syncline::config
