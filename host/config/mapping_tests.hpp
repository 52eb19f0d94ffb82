// The tests of a connection's mapping, as `syncline test` runs them.
#pragma once

#include <vector>

#include "config/section.hpp"

namespace syncline::config {

// `path` is how messages call the list. Every problem is reported. [any]
std::vector<MappingTest> read_mapping_tests(Context& context, const Node& node,
                                            const std::string& path);

}  // namespace syncline::config
