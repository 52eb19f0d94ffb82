// What verbs need of the configuration beside a running hub: its section `hub`, also where the
// hub's secrets are not known; and how the configuration's problems are told.
// Concurrency: the process's first thread.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "app/verbs.hpp"
#include "config/config.hpp"

namespace syncline::app {

// Prints every problem once; more than one are summed up. Returns the exit code.
int print_problems(const std::string& command, const Common& common,
                   const std::vector<config::Problem>& problems);

// For verbs that need only `hub` of the configuration, so that a secret that is not at hand does
// not keep an operator from looking.
config::Loaded load_hub_section(const Common& common);

// Asks the running hub of this configuration (admin_client.hpp). Errors: the configuration's first,
// and those of ask_hub().
Result<boost::json::value> ask(const Common& common, const std::string& method,
                               const std::string& target, const std::string& body = {});

}  // namespace syncline::app
