// The error codes of the module `record`.
#pragma once

#include "core/error.hpp"

namespace syncline::record {

inline constexpr core::ErrorCode kJsonInvalid{
    "record.json_invalid", core::ErrorClass::kPermanent,
    "send one JSON text in UTF-8, without a byte order mark (RFC 8259)"};

}  // namespace syncline::record
