// Whether the accounts' credentials are good for a version that is to serve them.
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "plugin/instance.hpp"

namespace syncline::plugin {

// How long all accounts of a version have, together, when it is to come into service.
inline constexpr std::chrono::milliseconds kSwapCheckLimit{10'000};

// One account, on the version that is to serve it and on the one that does.
struct CheckedAccount {
    std::string name;
    std::shared_ptr<Instance> next, now;
};

// Does the failure say that the account can't work? That its platform can't be asked now
// (TRANSIENT, RATE_LIMITED, DEADLINE, CANCELLED) says nothing of it.
bool is_verdict(FailureClass failure_class);

// Asks the new instances, all at once, and for each account that fails there the one that serves.
// A version is refused for what its predecessor does not say as well: so a platform that is down
// keeps no version out, nor do credentials that are expired for both; a version that reads them
// wrongly does not come into service. Connectors that can't check are not asked. What is let
// through with a failure is logged.
// Errors: `plugin.check_failed`. Blocks up to two limits, or until a stop is asked for.
// Concurrency: [any] but a generation's thread.
Result<void> check_credentials(const std::vector<CheckedAccount>& accounts,
                               std::chrono::milliseconds limit, const std::stop_token& stop);

}  // namespace syncline::plugin
