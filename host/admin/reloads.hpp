// Reloads of the configuration, for the operator's API.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>

#include "core/error.hpp"

namespace syncline::admin {

// What the API asks of whoever reloads. [io]
struct Reloads {
    // Asks for one; its number. `is_check`: only whether it could be.
    std::function<std::uint64_t(bool is_check)> begin{};
    // How far it is, as GET shows it. Errors: `app.reload_unknown`.
    std::function<Result<boost::json::value>(std::uint64_t number)> look{};
};

}  // namespace syncline::admin
