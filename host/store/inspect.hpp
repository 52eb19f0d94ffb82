// What can be said of a data directory without changing anything in it.
// Concurrency: one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "store/position.hpp"

namespace syncline::store {

// Who has the lock of the directory: the process's number as it wrote it down. None: nobody. Tries
// the lock for a moment, shared. Errors: store.io_failed.
Result<std::optional<std::string>> lock_holder(const std::filesystem::path& data_dir);

struct JournalSummary {
    std::vector<Error> damage;  // what would keep the hub from starting, in the order of the files
    std::uint64_t facts = 0;
    Position last;
    std::int64_t newest_ns = 0;  // wall time of the newest fact that has one; 0: there is none
};

// Reads every fact of `data_dir`/journal. While a hub writes there, what it finds means nothing.
// Errors: store.io_failed, store.newer_format.
Result<JournalSummary> summarize_journal(const std::filesystem::path& data_dir);

}  // namespace syncline::store
