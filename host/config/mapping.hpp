// Expressions where they are written, and maps of fields to them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/section.hpp"

namespace syncline::config {

// The text of an expression, its variables replaced, and where what is visible of it begins.
// Nothing after reporting what is wrong. [any]
std::optional<Located> read_expression(Context& context, const Node& node, const std::string& path);

// Those that are right; the others are reported. [any]
std::vector<Mapping> read_mappings(Context& context, const Node& node, const std::string& path);

}  // namespace syncline::config
