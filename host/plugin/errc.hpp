// Error codes of the plugin module.
#pragma once

#include "core/error.hpp"

namespace syncline::plugin {

using core::ErrorClass;
using core::ErrorCode;

inline constexpr ErrorCode kDirectoryUnreadable{
    "plugin.directory_unreadable", ErrorClass::kEnvironment,
    "make the directory, or correct the path of the connectors directory"};
inline constexpr ErrorCode kFileUnreadable{"plugin.file_unreadable", ErrorClass::kEnvironment,
                                           "let the user that runs syncline read the file"};
inline constexpr ErrorCode kFileUntrusted{
    "plugin.file_untrusted", ErrorClass::kEnvironment,
    "install a connector as a regular file that only root or the user of syncline can change"};
inline constexpr ErrorCode kNotALibrary{
    "plugin.not_a_library", ErrorClass::kConfig,
    "copy the file again, whole, as it was built for this machine"};
inline constexpr ErrorCode kNotAConnector{
    "plugin.not_a_connector", ErrorClass::kConfig,
    "build it with syncline_add_connector(), or move the file elsewhere"};
inline constexpr ErrorCode kManifestInvalid{"plugin.manifest_invalid", ErrorClass::kConfig,
                                            "correct the connector's manifest and build it again"};
inline constexpr ErrorCode kAbiMismatch{
    "plugin.abi_mismatch", ErrorClass::kConfig,
    "build the connector again with the plugin-api of this syncline"};
inline constexpr ErrorCode kHostTooOld{
    "plugin.host_too_old", ErrorClass::kConfig,
    "install a newer syncline, or an older version of the connector"};
inline constexpr ErrorCode kNeedsProcess{
    "plugin.needs_process", ErrorClass::kConfig,
    "write it in C, C++ or Rust: connectors run in the hub's own process"};
inline constexpr ErrorCode kDuplicateId{"plugin.duplicate_id", ErrorClass::kConfig,
                                        "remove the file that is not wanted"};
inline constexpr ErrorCode kStageFailed{"plugin.stage_failed", ErrorClass::kEnvironment,
                                        "let syncline write to its data directory"};
inline constexpr ErrorCode kLoadFailed{
    "plugin.load_failed", ErrorClass::kEnvironment,
    "install the libraries that the connector needs, and keep the data directory off file "
    "systems mounted noexec"};
inline constexpr ErrorCode kUnknownConnector{
    "plugin.unknown_connector", ErrorClass::kConfig,
    "correct the connector's name, or put its file into the connectors directory"};
inline constexpr ErrorCode kSettingsInvalid{
    "plugin.settings_invalid", ErrorClass::kConfig,
    "correct the settings; `syncline connectors describe` shows what a connector takes"};
inline constexpr ErrorCode kNeedsRestart{
    "plugin.needs_restart", ErrorClass::kConfig,
    "restart the hub to take the new version, or put the old file back"};
inline constexpr ErrorCode kCheckFailed{
    "plugin.check_failed", ErrorClass::kConfig,
    "see whether the new version wants other credentials; `syncline accounts check` asks the one "
    "that serves"};
inline constexpr ErrorCode kProbeFailed{
    "plugin.probe_failed", ErrorClass::kConfig,
    "report it to the connector's author, and put the old file back"};
inline constexpr ErrorCode kRecorderFailed{"plugin.recorder_failed", ErrorClass::kEnvironment,
                                           "let syncline write to its data directory"};
inline constexpr ErrorCode kTrialRunning{
    "plugin.on_trial", ErrorClass::kTransient,
    "try again when the trial is over, or `syncline connectors rollback` the version"};
inline constexpr ErrorCode kCrashed{
    "plugin.crashed", ErrorClass::kBug,
    "install a version of the connector that survives it, then replay the dead letter"};
inline constexpr ErrorCode kStartFailed{"plugin.start_failed", ErrorClass::kConfig,
                                        "follow the connector's message"};
inline constexpr ErrorCode kVersionsFailed{
    "plugin.versions_failed", ErrorClass::kEnvironment,
    "let syncline write to its data directory, on a disk with free space"};
inline constexpr ErrorCode kQuarantined{
    "plugin.quarantined", ErrorClass::kConfig,
    "install another version; this one comes back by `syncline connectors install FILE --force`"};
inline constexpr ErrorCode kNoPrevious{
    "plugin.no_previous", ErrorClass::kConfig,
    "install the version that is wanted: syncline connectors install FILE"};
inline constexpr ErrorCode kInUse{
    "plugin.in_use", ErrorClass::kConfig,
    "take these accounts out of the configuration, and restart the hub, before"};

}  // namespace syncline::plugin
