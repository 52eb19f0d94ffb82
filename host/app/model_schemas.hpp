// The published models of records (plugin-api/models) as JSON Schemas, draft 7.
#pragma once

#include <string_view>
#include <vector>

namespace syncline::app {

// The text of a model's schema; empty when there is none of that name. [any]
std::string_view model_schema(std::string_view name);

// [any]
std::vector<std::string_view> model_names();

}  // namespace syncline::app
