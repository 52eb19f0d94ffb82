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

}  // namespace syncline::intake
