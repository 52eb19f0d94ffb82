// What a new version of a connector may change while the hub runs, and what it may not.
#pragma once

#include <vector>

#include "core/error.hpp"
#include "plugin/instance.hpp"

namespace syncline::plugin {

// Whether `next` can serve in the place of `now`: what the hub has taken from the manifest at its
// start must be as it was, and the accounts must have what it needs. Their settings become what
// `next` is given, with the defaults of its schema, without secrets that it does not read. One
// that migrates settings takes them as they are (fit_settings.hpp).
// Errors: `plugin.needs_restart`, `plugin.settings_invalid`. [any]
Result<void> prepare_succession(const Manifest& now, const Manifest& next,
                                std::vector<InstanceOptions>& accounts);

}  // namespace syncline::plugin
