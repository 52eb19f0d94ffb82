// What stands between a connector and the log: a limit, so that one can't drown the others, and the
// hiding of secrets.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "core/clock.hpp"

namespace syncline::plugin {

// Concurrency: [any].
class LogGate {
  public:
    // Secrets are the texts of settings that the schema marks `writeOnly`.
    LogGate(const core::Clock& clock, const boost::json::object& schema,
            const boost::json::object& settings);

    // Whether one more line may pass: 200 at once, 20 a second after that. `suppressed` gets how
    // many did not pass since the last that did.
    bool admit(std::uint64_t& suppressed);

    std::string without_secrets(std::string text) const;

  private:
    const core::Clock& clock_;
    std::vector<std::string> secrets_;
    std::mutex mutex_;
    double tokens_;
    core::nanoseconds refilled_;
    std::uint64_t suppressed_ = 0;
};

}  // namespace syncline::plugin
