// The error codes of the module `expr`.
#pragma once

#include "core/error.hpp"

namespace syncline::expr {

inline constexpr core::ErrorCode kSyntax{"expr.syntax", core::ErrorClass::kConfig,
                                         "correct the expression at the place named"};
inline constexpr core::ErrorCode kUnknownFunction{
    "expr.unknown_function", core::ErrorClass::kConfig,
    "use a function of the expression language (host/expr/LANGUAGE.md)"};
inline constexpr core::ErrorCode kUnsupported{
    "expr.unsupported", core::ErrorClass::kConfig,
    "say it with what the expression language has, or write a transform connector"};
inline constexpr core::ErrorCode kTooDeep{"expr.too_deep", core::ErrorClass::kConfig,
                                          "split the expression into several mappings"};
inline constexpr core::ErrorCode kType{
    "expr.type", core::ErrorClass::kPermanent,
    "guard the place with `?`, `//` or `if`, or correct the record at its source"};
inline constexpr core::ErrorCode kLimit{"expr.limit", core::ErrorClass::kPermanent,
                                        "make the record smaller or the expression simpler"};

}  // namespace syncline::expr
