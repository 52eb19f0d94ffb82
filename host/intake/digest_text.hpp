// Whether a text that a client sent is the digest that was computed.
// Concurrency: a pure function. [any]
#pragma once

#include <string_view>

#include "core/encoding.hpp"

namespace syncline::intake {

// In a time that does not tell where they differ. Comparing decoded hex makes its case irrelevant,
// comparing encoded base64 leaves no room for a second spelling. [any]
bool is_text_of(std::string_view claimed, std::string_view expected, core::TextEncoding encoding);

}  // namespace syncline::intake
