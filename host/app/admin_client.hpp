// Asks the running hub, over its admin socket.
// Concurrency: blocks; for the verbs, which have one thread. [any]
#pragma once

#include <boost/json/value.hpp>
#include <filesystem>
#include <string>

#include "core/error.hpp"

namespace syncline::app {

// One exchange, at most 30 s. Returns `result` of the answer. Errors: app.hub_unreachable; the
// hub's own, with its own code. By one thread at a time.
Result<boost::json::value> ask_hub(const std::filesystem::path& socket, const std::string& method,
                                   const std::string& target, const std::string& body = {});

// An error as the hub told it. One thread.
Error told_error(std::string code, core::ErrorClass error_class, std::string what,
                 std::string remedy);

}  // namespace syncline::app
