// What can be asked of an account, for the operator's API.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <string>

#include "core/error.hpp"

namespace syncline::admin {

// Each completes once, on any thread. Errors: `admin.not_found`, `app.not_supported`,
// `app.platform_refuses`; from `discover` as well what is wrong with its JSON. [io]
struct AccountQuestions {
    using Done = std::function<void(Result<boost::json::value>)>;
    using Ask = std::function<void(const std::string& account, Done done)>;
    Ask check{};     // are its credentials good?
    Ask discover{};  // which streams and fields has it?
};

}  // namespace syncline::admin
