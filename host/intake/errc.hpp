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

inline constexpr core::ErrorCode kUnknownRoute{"intake.unknown_route", core::ErrorClass::kConfig,
                                               "no connection has a webhook of this name"};
inline constexpr core::ErrorCode kMessageIdMissing{
    "intake.message_id_missing", core::ErrorClass::kPermanent,
    "send the header that the route names as its message id"};
inline constexpr core::ErrorCode kHandshakeFailed{"intake.handshake_failed",
                                                  core::ErrorClass::kTransient, ""};

}  // namespace syncline::intake
