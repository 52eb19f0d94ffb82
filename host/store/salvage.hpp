// Recovers what is intact of a damaged data directory.
//
// Purpose: copies every row that can be read into a new database, makes its tables agree, applies
// the facts that the journal still has, begins a new journal, and changes places with the old ones.
// These end in `<data_dir>/quarantine/<time>/`; nothing is deleted. Killed at any moment it leaves
// the old data, or the new, or the new state beside the old journal, which a start refuses and the
// next salvage finishes. Positions are never used again: the new journal begins 1,000 epochs later.
// Concurrency: one thread; holds the lock of the data directory meanwhile.
// Limits: needs room on the disk for another copy of the state; memory as repair.hpp says.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "store/repair.hpp"

namespace syncline::store {

struct SalvageOptions {
    std::filesystem::path data_dir;
    const core::Clock* clock = nullptr;
    std::string version;
    bool allow_unsafe_filesystem = false;
    std::uint64_t segment_bytes = 8 * 1024 * 1024;
    std::uint64_t map_bytes = std::uint64_t{64} << 30;
    std::function<void(const std::string&)> on_progress;  // one line; may be empty
};

struct SalvageDamage {
    std::string where;  // file and offset
    std::string what;
};

struct SalvageReport {
    std::vector<SalvageDamage> damage;   // empty: nothing was changed
    std::uint64_t damage_not_named = 0;  // further places
    RepairResult rows;                   // what was kept and lost of the state
    std::uint64_t facts = 0;             // applied from the journal
    bool is_previous_commit = false;  // the state is that of one commit before, and the journal's
                                      // facts behind it: nothing of the state is lost
    std::filesystem::path quarantine;
};

// Errors: those of DataDir::open, store.newer_format, store.disk_full, store.io_failed,
// store.directory_unusable when there is no such directory.
Result<SalvageReport> salvage(const SalvageOptions& options);

}  // namespace syncline::store
