// What jq knows and this language leaves out, so that it can be refused by name.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace syncline::expr {

// The builtins of jq 1.6 and 1.7 as `name/arguments`, sorted, in the subset or not. [any]
std::span<const std::string_view> jq_builtins();

// True for a builtin of jq 1.6 or 1.7 by name and number of arguments, in the subset or not. [any]
bool is_jq_builtin(std::string_view name, std::size_t argument_count);

// True for a keyword of jq that begins a construct outside the subset. [any]
bool is_unsupported_keyword(std::string_view name);

// What to do instead of something that is left out; empty if there is no better advice than the
// default. [any]
std::string advice_for(std::string_view name);

}  // namespace syncline::expr
