// The errors of this module.
#pragma once

#include "core/error.hpp"

namespace syncline::intake {

using core::ErrorClass;
using core::ErrorCode;

inline constexpr ErrorCode kVerifierInvalid{"intake.verifier_invalid", ErrorClass::kConfig,
                                            "correct the authentication of the route"};
inline constexpr ErrorCode kNotAuthentic{"intake.not_authentic", ErrorClass::kPermanent,
                                         "check that the sender signs with the same secret"};
inline constexpr ErrorCode kStale{
    "intake.stale", ErrorClass::kPermanent,
    "sign it anew, and check the clocks of the sender and of this machine"};
inline constexpr ErrorCode kAddressRefused{
    "intake.address_refused", ErrorClass::kPermanent,
    "allow the address in `verify`; behind a proxy it is the proxy's"};
inline constexpr ErrorCode kCertificateRefused{
    "intake.certificate_refused", ErrorClass::kPermanent,
    "name the certificate in `verify`, or send with one that is"};
inline constexpr ErrorCode kKeysMissing{
    "intake.keys_missing", ErrorClass::kTransient,
    "send it again later; the hub is fetching the issuer's keys (see its log)"};
inline constexpr ErrorCode kReplayed{"intake.replayed", ErrorClass::kPermanent,
                                     "every request has a nonce of its own, also a repeated one"};
inline constexpr ErrorCode kTooManyNonces{"intake.too_many_nonces", ErrorClass::kTransient,
                                          "send it again later"};
inline constexpr ErrorCode kNotVerified{"intake.not_verified", ErrorClass::kTransient,
                                        "send it again; the connector could not verify it now"};
inline constexpr ErrorCode kRouteSealed{
    "intake.route_sealed", ErrorClass::kTransient,
    "send it again later; the hub's operator has to open its vault (see its log)"};
inline constexpr core::ErrorCode kUnknownRoute{"intake.unknown_route", core::ErrorClass::kConfig,
                                               "no connection has a webhook of this name"};
inline constexpr core::ErrorCode kMessageIdMissing{
    "intake.message_id_missing", core::ErrorClass::kPermanent,
    "send the header that the route names as its message id"};
inline constexpr core::ErrorCode kHandshakeFailed{"intake.handshake_failed",
                                                  core::ErrorClass::kTransient, ""};

// ---- Of senders who wait for the outcome

inline constexpr ErrorCode kTooManyWait{"intake.too_many_wait", ErrorClass::kTransient,
                                        "send it again later"};
inline constexpr ErrorCode kOutcomeLate{
    "intake.outcome_late", ErrorClass::kTransient,
    "send it again with the same message id, or ask for the event"};
inline constexpr ErrorCode kOutcomeHeld{
    "intake.outcome_held", ErrorClass::kTransient,
    "send it again with the same message id, or ask for the event"};
inline constexpr ErrorCode kInterrupted{
    "intake.interrupted", ErrorClass::kTransient,
    "send it again with the same message id, or ask for the event"};
inline constexpr ErrorCode kNotTranslated{"intake.not_translated", ErrorClass::kPermanent,
                                          "correct the request; it is a dead letter now"};
inline constexpr ErrorCode kNotDelivered{"intake.not_delivered", ErrorClass::kPermanent,
                                         "see the dead letter"};
inline constexpr ErrorCode kNothingFound{"intake.nothing_found", ErrorClass::kPermanent, ""};
inline constexpr ErrorCode kQueryFailed{"intake.query_failed", ErrorClass::kTransient, ""};

}  // namespace syncline::intake
