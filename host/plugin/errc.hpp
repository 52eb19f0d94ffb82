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
inline constexpr ErrorCode kStartFailed{"plugin.start_failed", ErrorClass::kConfig,
                                        "follow the connector's message"};

}  // namespace syncline::plugin
