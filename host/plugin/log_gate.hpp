// What stands between a connector and the log: a limit, so that one can't drown the others, and the
// hiding of secrets.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/secret.hpp"

namespace syncline::plugin {

// Concurrency: [any].
class LogGate {
  public:
    // Secrets are the texts of settings that the schema marks `writeOnly`: as long as this lives,
    // they are watched (core/redact.hpp).
    LogGate(const core::Clock& clock, const boost::json::object& schema,
            const boost::json::object& settings);

    // Whether one more line may pass: 200 at once, 20 a second after that. `suppressed` gets how
    // many did not pass since the last that did.
    bool admit(std::uint64_t& suppressed);

    // Hides all that is watched, and what is too short for that (4 to 7 bytes) among this
    // connector's own secrets.
    std::string without_secrets(std::string text, core::TextEnd end = core::TextEnd::kWhole) const;

  private:
    const core::Clock& clock_;
    std::vector<core::Watch> watches_;
    std::vector<core::Secret> short_secrets_;
    std::mutex mutex_;
    double tokens_;
    core::nanoseconds refilled_;
    std::uint64_t suppressed_ = 0;
};

}  // namespace syncline::plugin
