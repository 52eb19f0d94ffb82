// What a process that may die looks at for one that may not: whether a library loads, serves, ends.
#pragma once

#include <filesystem>
#include <vector>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "plugin/instance.hpp"

namespace syncline::plugin {

// Loads the library, which is private already, starts an instance for each of the accounts, stops
// them and unloads it. What an account lacks of services is there and fails: nothing goes out.
// Errors: those of Catalog::start(); a constructor that crashes or hangs is left to who asks.
// Concurrency: [any] but a generation's thread; it blocks.
Result<void> probe_library(const std::filesystem::path& library,
                           std::vector<InstanceOptions> accounts, const core::Clock& clock);

}  // namespace syncline::plugin
