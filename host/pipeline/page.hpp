// A page that a source was read for, as the body of an event: the records whole, as they came.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "record/record.hpp"

namespace syncline::pipeline {

// [any]
std::string encode_page(const std::vector<record::Record>& records);
// Errors: `pipeline.page_damaged`. [any]
Result<std::vector<record::Record>> decode_page(std::string_view bytes);

}  // namespace syncline::pipeline
