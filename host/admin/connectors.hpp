// Versions of connectors, for the operator's API.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <string>

#include "core/error.hpp"

namespace syncline::admin {

// What the API asks of whoever has the connectors. [io]
struct Connectors {
    using Done = std::function<void(Result<boost::json::value>)>;  // [any]

    // All of them, and what became of new versions.
    std::function<boost::json::value()> look{};
    // Begins; what becomes of it is among the events. Errors: `admin.not_found`, `admin.busy`.
    std::function<Result<boost::json::value>(const std::string& id)> roll_back{};
    // Completes when it is durable. Errors: those of the plugin module.
    std::function<void(const std::string& id, const std::string& sha256_hex, Done done)> release{};
    std::function<void(const std::string& id, Done done)> remove{};
};

}  // namespace syncline::admin
