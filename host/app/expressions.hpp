// Expressions of connectors: those of the configuration, with the same limits.
// Concurrency: [any].
#pragma once

#include <memory>

#include "plugin/services.hpp"

namespace syncline::app {

std::shared_ptr<plugin::Expressions> make_expressions();

}  // namespace syncline::app
