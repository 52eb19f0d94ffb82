// The form of the configuration file as a JSON Schema (draft 7), for editors and for generators.
//
// It says what can be said without looking elsewhere: keys, types, ranges, choices, defaults.
// load() says the rest, and better. That the two agree is tested key by key.
#pragma once

#include <string_view>

namespace syncline::config {

// The text of schema.json. [any]
std::string_view schema();

}  // namespace syncline::config
