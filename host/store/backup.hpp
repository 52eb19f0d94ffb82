// A consistent copy of the data directory, of a hub that runs or of one that does not.
//
// Purpose: the copy is a data directory: the state as one commit left it, and the journal from
// there to a position that was durable when the copy of the state had ended. Everything that was
// acknowledged before the backup began is in it.
// Lifecycle: the copy is made in DIR.partial and gets its name when it is whole, durable and was
// looked through as a start would. After a failure, nothing is left; after a kill, DIR.partial,
// which the next backup to DIR removes.
// Concurrency: blocks the calling thread for as long as the disks take. What is copied is held
// meanwhile (hold.hpp); the state is read on another thread, which no slow disk holds up for
// more than kStallMax, so that neither journal nor state grow without end for a backup.
// Limits: those of HoldLimits; on the disk of the data directory the store's reserve is left alone.
// Modes: folders 0700, files 0600. Internal to store but for the structs.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "store/backup_manifest.hpp"
#include "store/hold.hpp"

namespace syncline::store {

class Bodies;
class DataDir;
class Database;
class Journal;

struct BackupProgress {
    std::uint64_t bytes = 0;        // copied
    std::uint64_t bytes_total = 0;  // as far as it is known
};

struct BackupOptions {
    static constexpr std::chrono::seconds kStallMax{30};

    std::filesystem::path to;  // absolute
    const core::Clock* clock = nullptr;
    std::string version;
    HoldLimits limits;
    std::function<bool()> may_go_on;                         // false: it is cancelled; may be empty
    std::function<void(const BackupProgress&)> on_progress;  // may be empty
};

struct BackupSource {
    const DataDir& directory;
    Database& database;
    Journal& journal;
    Bodies& bodies;
};

// Errors: store.backup_place, store.backup_running when another one writes there,
// store.backup_outrun, store.backup_cancelled, store.disk_full, store.io_failed,
// store.journal_damaged, store.backup_damaged.
Result<BackupManifest> make_backup(const BackupSource& source, const BackupOptions& options);

// For a start from a copy: the first epoch has to be behind every one that the hub of which the
// copy was made can have taken since, or positions, and with them the ids of events and the keys of
// idempotency, would be used twice. How many to leave out; 0 for a directory that is no copy.
// Errors: as read_manifest().
Result<std::uint64_t> epochs_to_skip(const std::filesystem::path& data_dir);
// Once the epoch has begun. Error: store.io_failed.
Result<void> mark_restored(const std::filesystem::path& data_dir);

}  // namespace syncline::store
