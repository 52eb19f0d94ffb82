// A new version of a connector is tried in a process of its own first: `syncline connectors probe`,
// which is this executable.
#pragma once

#include <chrono>

#include "plugin/catalog.hpp"

namespace syncline::app {

// The process gets the accounts' settings and secrets on its standard input, never in its arguments
// or environment. One that crashes, hangs or refuses makes an error: `plugin.probe_failed`.
// Blocks up to the limit. Concurrency: [any], though none that others wait for.
plugin::Probe make_probe(std::chrono::milliseconds limit);

}  // namespace syncline::app
