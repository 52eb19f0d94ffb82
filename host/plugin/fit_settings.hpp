// Settings of an account as a loaded version of its connector takes them.
#pragma once

#include <stop_token>

#include "core/error.hpp"
#include "plugin/generation.hpp"
#include "record/locked_object.hpp"

namespace syncline::plugin {

inline constexpr std::size_t kSettingsBytesMax = 1024 * 1024;

// Adds the defaults of the schema. Settings that do not fit it even so are migrated, as they were
// given, by a connector that can (syncline/migrate.h), and have to fit afterwards; what grants a
// host or a file must be as the operator wrote it. With a failure, `settings` are not to be used.
// Errors: `plugin.settings_invalid`. Blocks while the connector works, on a thread of its own: for
// the call limit at most, or until a stop is asked for.
// Concurrency: [any] but a thread of the generation.
Result<void> fit_settings(Generation& generation, record::LockedObject& settings,
                          const std::stop_token& stop = {});

}  // namespace syncline::plugin
