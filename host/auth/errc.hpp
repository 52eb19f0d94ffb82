// The errors of this module. None of them ever holds a secret or a part of one.
#pragma once

#include "core/error.hpp"

namespace syncline::auth {

using core::ErrorClass;
using core::ErrorCode;

inline constexpr ErrorCode kCredentialInvalid{
    "auth.credential_invalid", ErrorClass::kConfig,
    "correct the credential in the account's configuration"};
inline constexpr ErrorCode kRequestUnsignable{
    "auth.request_unsignable", ErrorClass::kPermanent,
    "correct the request's URL or headers in the connector"};
inline constexpr ErrorCode kTemplateInvalid{
    "auth.template_invalid", ErrorClass::kConfig,
    "use the placeholders of the documentation only, and {{ for a brace"};
inline constexpr ErrorCode kKeyInvalid{
    "auth.key_invalid", ErrorClass::kConfig,
    "give an RSA key of 2048 bits or more, a key of P-256 or Ed25519, or a secret"};
inline constexpr ErrorCode kTokenMalformed{"auth.token_malformed", ErrorClass::kPermanent,
                                           "send a signed token in compact form (RFC 7515)"};
inline constexpr ErrorCode kTokenNotAuthentic{
    "auth.token_not_authentic", ErrorClass::kPermanent,
    "sign the token with one of the configured keys and algorithms"};
inline constexpr ErrorCode kTokenNotAccepted{
    "auth.token_not_accepted", ErrorClass::kPermanent,
    "ask the issuer for a token that is valid now and here"};
inline constexpr ErrorCode kTokenEndpointInvalid{
    "auth.token_endpoint_invalid", ErrorClass::kConfig,
    "correct the description of the account's token endpoint"};
inline constexpr ErrorCode kTokenEndpointFailed{
    "auth.token_endpoint_failed", ErrorClass::kTransient,
    "nothing, if it is rare; otherwise check the token endpoint's answer"};
inline constexpr ErrorCode kTokenRequestRefused{
    "auth.token_request_refused", ErrorClass::kConfig,
    "correct the client's name, secret or scope in the account's configuration"};
inline constexpr ErrorCode kAuthorisationRefused{
    "auth.authorisation_refused", ErrorClass::kConfig,
    "log in again and consent, with a user who may, and check the client and its scope"};
inline constexpr ErrorCode kCallbackInvalid{
    "auth.callback_invalid", ErrorClass::kConfig,
    "log in again, in the browser that was opened for it, and paste all of what it ends at"};
inline constexpr ErrorCode kGrantRefused{"auth.grant_refused", ErrorClass::kConfig,
                                         "authorise the account anew"};
inline constexpr ErrorCode kAuthorisationNeeded{
    "auth.authorisation_needed", ErrorClass::kConfig,
    "log in with `syncline auth login`, or configure a new refresh token and start the hub again"};

}  // namespace syncline::auth
