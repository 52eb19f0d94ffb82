// Runs of connections, for the operator's API.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <string>

#include "core/error.hpp"

namespace syncline::admin {

// What the API asks of whoever has the runs; each answers as GET shows it. [io]
struct Syncs {
    // Errors: `admin.not_found`, `app.not_readable`, `pipeline.sync_running`.
    std::function<Result<boost::json::value>(const std::string& connection)> begin{};
    std::function<Result<boost::json::value>(const std::string& connection)> look{};
};

}  // namespace syncline::admin
