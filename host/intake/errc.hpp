// Error codes that intake answers with. The dotted names are public contract.
#pragma once

#include "core/error.hpp"

namespace syncline::intake {

inline constexpr core::ErrorCode kUnknownRoute{"intake.unknown_route", core::ErrorClass::kConfig,
                                               "no connection has a webhook of this name"};
inline constexpr core::ErrorCode kMessageIdMissing{"intake.message_id_missing", core::ErrorClass::kPermanent,
                                                   "send the header that the route names as its message id"};
inline constexpr core::ErrorCode kHandshakeFailed{"intake.handshake_failed", core::ErrorClass::kTransient, ""};

}  // namespace syncline::intake
