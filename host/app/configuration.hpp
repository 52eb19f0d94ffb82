// The configuration as a whole: the file, the connectors that it names, their settings, streams and
// expressions. What `validate` says and what `run` needs come from here, so that they can't differ.
// Concurrency: [any]; the result belongs to who asked.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "config/config.hpp"
#include "pipeline/plan.hpp"
#include "plugin/catalog.hpp"

namespace syncline::app {

// One connection with its expressions compiled.
struct CompiledConnection {
    const config::Connection* source = nullptr;  // in Configuration::config
    std::optional<expr::Program> when;
    pipeline::FieldPrograms map, answer_map;
};

struct Configuration {
    config::Config config;
    std::unique_ptr<plugin::Catalog> catalog;  // looks only; null when it was read with `serving`
    std::vector<CompiledConnection> connections;
};

struct Checked {
    std::unique_ptr<Configuration> configuration;  // null when there are problems
    std::vector<config::Problem> problems;         // in the order of the file
    std::vector<core::Watch> watches;  // of all secrets that were read, the master key among them
    std::vector<Error> remarks;        // of the vault: what depends on it may have to wait
};

// Reads and checks everything that can be checked without running code of a connector, touching the
// network or writing. `serving`: the connectors of the running hub, which count instead of those in
// the directory.
Checked load_configuration(const std::filesystem::path& file, const core::Clock& clock,
                           const plugin::Catalog* serving = nullptr);

}  // namespace syncline::app
