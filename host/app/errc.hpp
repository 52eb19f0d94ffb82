// Error codes of the command line and of the configuration as a whole. The dotted names are public
// contract.
#pragma once

#include "core/error.hpp"

namespace syncline::app {

using core::ErrorClass;
using core::ErrorCode;

inline constexpr ErrorCode kConfigInvalid{
    "app.config_invalid", ErrorClass::kConfig,
    "correct what is listed, and check with `syncline validate`"};
inline constexpr ErrorCode kNotCapable{
    "app.not_capable", ErrorClass::kConfig,
    "`syncline connectors describe` shows what a connector can do"};
inline constexpr ErrorCode kUnknownStream{
    "app.unknown_stream", ErrorClass::kConfig,
    "`syncline connectors describe` lists a connector's streams"};
inline constexpr ErrorCode kNoVerification{"app.no_verification", ErrorClass::kConfig,
                                           "use `hmac` or `basic`, which the hub verifies"};
inline constexpr ErrorCode kHubUnreachable{
    "app.hub_unreachable", ErrorClass::kTransient,
    "start the hub with `syncline run`, or name its configuration with -c"};
inline constexpr ErrorCode kOutOfResources{
    "app.out_of_resources", ErrorClass::kEnvironment,
    "allow the process more memory, threads (ulimit -u, pids.max) or open files"};
inline constexpr ErrorCode kFileUnusable{
    "app.file_unusable", ErrorClass::kConfig,
    "name a regular file, not a link, in a folder that is there and that this user may write to"};
inline constexpr ErrorCode kAppendFailed{"app.append_failed", ErrorClass::kTransient,
                                         "free space on the file's disk, or check the disk"};
inline constexpr ErrorCode kInputUnreadable{
    "app.input_unreadable", ErrorClass::kConfig,
    "name a file that this user may read, or use standard input"};
inline constexpr ErrorCode kEditorFailed{
    "app.editor_failed", ErrorClass::kConfig,
    "set VISUAL or EDITOR to a command that waits, or use standard input or --file"};
inline constexpr ErrorCode kBadArgument{"app.bad_argument", ErrorClass::kConfig,
                                        "`syncline --help` shows what a verb takes"};

}  // namespace syncline::app
