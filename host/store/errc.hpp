// Error codes of the store. The dotted names are public contract.
#pragma once

#include "core/error.hpp"

namespace syncline::store {

using core::ErrorClass;
using core::ErrorCode;

inline constexpr ErrorCode kDirectoryUnusable{
    "store.directory_unusable", ErrorClass::kEnvironment,
    "make the data directory writable for this user, or choose another hub.data_dir"};
inline constexpr ErrorCode kInUse{
    "store.in_use", ErrorClass::kEnvironment,
    "another syncline runs on this data directory: stop it first, or choose another hub.data_dir"};
inline constexpr ErrorCode kUnsafeFilesystem{
    "store.unsafe_filesystem", ErrorClass::kEnvironment,
    "use a local file system such as ext4 or xfs; --allow-unsafe-filesystem accepts the risk"};
inline constexpr ErrorCode kDiskFull{"store.disk_full", ErrorClass::kEnvironment,
                                     "free space on the file system of the data directory"};
inline constexpr ErrorCode kIo{"store.io_failed", ErrorClass::kEnvironment,
                               "check the disk and the system log, then start again"};
inline constexpr ErrorCode kJournalDamaged{
    "store.journal_damaged", ErrorClass::kEnvironment,
    "run `syncline salvage`, or restore the data directory from a backup"};
inline constexpr ErrorCode kStateDamaged{
    "store.state_damaged", ErrorClass::kEnvironment,
    "run `syncline salvage`, or restore the data directory from a backup"};
inline constexpr ErrorCode kStateAhead{
    "store.state_ahead", ErrorClass::kEnvironment,
    "the journal is older than the state: restore both from the same backup, or run `syncline "
    "salvage`"};
inline constexpr ErrorCode kNewerFormat{"store.newer_format", ErrorClass::kEnvironment,
                                        "start the syncline version that wrote this directory"};
inline constexpr ErrorCode kBusy{"store.busy", ErrorClass::kTransient,
                                 "repeat after the time in Retry-After"};
inline constexpr ErrorCode kQuota{"store.quota", ErrorClass::kTransient,
                                  "let the backlog drain, or raise hub.limits.pending_bytes_max"};
inline constexpr ErrorCode kStopping{"store.stopping", ErrorClass::kTransient,
                                     "repeat when the hub is up again"};
inline constexpr ErrorCode kNoSuchLetter{"store.no_such_letter", ErrorClass::kConfig,
                                         "`syncline dlq list` shows the dead letters there are"};
inline constexpr ErrorCode kNotEditable{"store.letter_not_editable", ErrorClass::kConfig,
                                        "replay the dead letter, or discard it"};
inline constexpr ErrorCode kBackupPlace{
    "store.backup_place", ErrorClass::kConfig,
    "name a folder that is not there yet, or is empty, outside of the data directory"};
inline constexpr ErrorCode kBackupRunning{"store.backup_running", ErrorClass::kTransient,
                                          "let the other backup end first"};
inline constexpr ErrorCode kBackupOutrun{
    "store.backup_outrun", ErrorClass::kEnvironment,
    "back up to a faster disk, or at a quieter time; the hub is not harmed"};
inline constexpr ErrorCode kBackupCancelled{"store.backup_cancelled", ErrorClass::kTransient,
                                            "begin it again; nothing of it is left"};
inline constexpr ErrorCode kBackupDamaged{"store.backup_damaged", ErrorClass::kEnvironment,
                                          "use another backup; this one is not what was written"};
inline constexpr ErrorCode kBodyMissing{"store.body_missing", ErrorClass::kPermanent,
                                        "the file of a large body was removed by hand"};

}  // namespace syncline::store
