// The running hub: everything wired together, from start to a clean stop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/configuration.hpp"
#include "core/error.hpp"

namespace syncline::app {

struct HubOptions {
    bool allow_unsafe_filesystem = false;
    bool watches_config = false;  // a changed file of the configuration is taken into service
    // Called once, when webhooks are served: where, and the admin socket. [io]
    std::function<void(const std::string& listen, const std::string& admin)> on_ready;
};

// Serves until SIGTERM or SIGINT, then finishes what is in flight (at most 20 s) and returns. A
// failing disk ends the process at once with exit code 3: nothing after it may be acknowledged.
// Errors: what keeps the hub from starting.
Result<void> run_hub(Configuration configuration, const HubOptions& options);

}  // namespace syncline::app
