// From the text of an expression to its tree.
#pragma once

#include <string_view>

#include "core/error.hpp"
#include "expr/tree.hpp"

namespace syncline::expr {

// Errors as of Program::compile(). [any]
Result<Tree> parse(std::string_view source, const Origin& origin);

}  // namespace syncline::expr
