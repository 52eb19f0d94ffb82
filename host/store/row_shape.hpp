// Does a row look like one of its table? Asked of rows that a damaged file gave: their checksum
// says that they were written, not where.
// Concurrency: [any].
#pragma once

#include <string_view>

#include "core/error.hpp"
#include "store/tables.hpp"

namespace syncline::store {

// Errors: store.newer_format, when it is a row of a newer syncline.
Result<bool> fits(Table table, std::string_view key, std::string_view value);

}  // namespace syncline::store
