// Error codes of the checker module.
#pragma once

#include "core/error.hpp"

namespace syncline::checker {

using core::ErrorClass;
using core::ErrorCode;

// Why a test can't say anything about a connector: it is skipped, with the error's words.
inline constexpr ErrorCode kNotApplicable{"checker.not_applicable", ErrorClass::kConfig,
                                          "nothing; or give what the words name"};
inline constexpr ErrorCode kNotLoaded{"checker.not_loaded", ErrorClass::kConfig,
                                      "see the test `scan-loads`"};
inline constexpr ErrorCode kUnknownTest{"checker.unknown_test", ErrorClass::kConfig,
                                        "`syncline connectors check --list` has the names"};
inline constexpr ErrorCode kFileUnreadable{"checker.file_unreadable", ErrorClass::kConfig,
                                           "correct the path, or let yourself read the file"};
inline constexpr ErrorCode kSettingsInvalid{
    "checker.settings_invalid", ErrorClass::kConfig,
    "give a JSON object that fits the connector's settings; `syncline connectors describe`"};
inline constexpr ErrorCode kChildFailed{"checker.child_failed", ErrorClass::kEnvironment,
                                        "let this user start processes and write to the temporary "
                                        "folder"};

}  // namespace syncline::checker
