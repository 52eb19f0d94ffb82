// From a checked configuration and what serves its accounts to what pipeline and intake run.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "app/configuration.hpp"
#include "app/names.hpp"
#include "app/running.hpp"
#include "app/verifiers.hpp"
#include "intake/route.hpp"
#include "pipeline/pipeline.hpp"

namespace syncline::app {

struct Assembly {
    pipeline::Plans plans;
    std::vector<intake::Route> routes;
    std::vector<std::pair<std::size_t, pipeline::QueryPlan>> queries;  // by index of the route
};

// Takes the compiled expressions. Reads files of keys. Errors: those of make_verifiers(),
// app.unknown_stream. [any]
Result<Assembly> assemble(Configuration& configuration, const RunningAccounts& accounts,
                          Names& names, const OpenKeySet& open_key_set);

// Routes whose requests are questions get whom they ask. Returns all of them. [any]
std::vector<intake::Route> with_queries(Assembly& assembly, pipeline::Pipeline& pipeline);

// What waits because a secret can't be opened: `account pangolin`, `webhook acme`. [any]
std::vector<std::string> sealed(const config::Config& config);

}  // namespace syncline::app
