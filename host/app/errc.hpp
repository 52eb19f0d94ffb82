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
inline constexpr ErrorCode kSecretNotGiven{
    "app.secret_not_given", ErrorClass::kConfig,
    "if you agree, write it into `secrets` of the account: NAME: \"${secret:NAME}\""};
inline constexpr ErrorCode kSecretUndeclared{
    "app.secret_undeclared", ErrorClass::kConfig,
    "remove it; `syncline connectors describe` shows which secrets a connector reads"};
inline constexpr ErrorCode kKeySetInvalid{"app.key_set_invalid", ErrorClass::kTransient,
                                          "check that `jwks_url` leads to the issuer's keys"};
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
inline constexpr ErrorCode kLoginTimedOut{
    "app.login_timed_out", ErrorClass::kTransient,
    "try again; without a browser on this machine, paste the address that another one ends at"};
inline constexpr ErrorCode kLoginUnfinished{
    "app.login_unfinished", ErrorClass::kConfig,
    "use a terminal, or a `redirect_url` of this machine such as http://127.0.0.1/callback"};
inline constexpr ErrorCode kNoRefreshToken{
    "app.no_refresh_token", ErrorClass::kConfig,
    "ask for offline access, in the platform's way: `scope: ... offline_access`, or `authorize: { "
    "parameters: { access_type: offline, prompt: consent } }`"};
inline constexpr ErrorCode kHubNotTold{"app.hub_not_told", ErrorClass::kTransient,
                                       "restart the hub"};
inline constexpr ErrorCode kWatchFailed{
    "app.watch_failed", ErrorClass::kEnvironment,
    "raise fs.inotify.max_user_instances and max_user_watches, and restart the hub"};
inline constexpr ErrorCode kCrashNotesFailed{"app.crash_notes_failed", ErrorClass::kEnvironment,
                                             "let syncline write to its data directory"};
inline constexpr ErrorCode kNeedsRestart{
    "app.needs_restart", ErrorClass::kConfig,
    "restart the hub, or write what it has started with; nothing was changed"};
inline constexpr ErrorCode kSecretClosed{
    "app.secret_closed", ErrorClass::kConfig,
    "see that the vault and its master key are as they were; nothing was changed"};
inline constexpr ErrorCode kTokenInExchange{
    "app.token_in_exchange", ErrorClass::kTransient,
    "try again; see that the token endpoint answers and the vault can be written"};
inline constexpr ErrorCode kReloadUnknown{"app.reload_unknown", ErrorClass::kConfig,
                                          "ask soon after POST /v1/reload"};
inline constexpr ErrorCode kTemplateUnusable{
    "app.template_unusable", ErrorClass::kConfig,
    "install the package syncline-dev, or name a template by --template DIR"};
inline constexpr ErrorCode kDirectoryExists{"app.directory_exists", ErrorClass::kConfig,
                                            "choose another name, or --directory DIR"};
inline constexpr ErrorCode kDirectoryUnwritable{
    "app.directory_unwritable", ErrorClass::kEnvironment,
    "choose a folder that this user may write to, on a disk with free space"};
inline constexpr ErrorCode kRecordsInvalid{
    "app.records_invalid", ErrorClass::kConfig,
    R"(write one JSON object a line: {"op": "upsert", "key": "k", "record": {...}})"};
inline constexpr ErrorCode kRecordingFailed{
    "app.recording_failed", ErrorClass::kTransient,
    "look at the log above, and try the connector with its own tests first"};
inline constexpr ErrorCode kNotReadable{
    "app.not_readable", ErrorClass::kConfig,
    "`syncline connectors describe` shows which streams a connector reads page by page"};
inline constexpr ErrorCode kSyncFailed{
    "app.sync_failed", ErrorClass::kTransient,
    "see to the cause; the same command then goes on behind the last page"};
inline constexpr ErrorCode kNotSupported{
    "app.not_supported", ErrorClass::kConfig,
    "`syncline connectors describe` shows what a connector can do, as `capabilities`"};
inline constexpr ErrorCode kPlatformRefuses{
    "app.platform_refuses", ErrorClass::kTransient,
    "see to what the platform says: the account's settings, its credentials, or the way there"};
inline constexpr ErrorCode kVersionRefused{
    "app.version_refused", ErrorClass::kConfig,
    "the hub's log says more; report it to the connector's author"};
inline constexpr ErrorCode kOutcomeUnknown{
    "app.outcome_unknown", ErrorClass::kTransient,
    "`syncline connectors list` shows what serves, and the hub's log what has happened"};
inline constexpr ErrorCode kBadArgument{"app.bad_argument", ErrorClass::kConfig,
                                        "`syncline --help` shows what a verb takes"};

}  // namespace syncline::app
