// Looks through the file of the state before LMDB opens it, because LMDB aborts its process on a
// page that makes no sense.
// Concurrency: one thread.
#pragma once

#include <filesystem>

#include "core/error.hpp"

namespace syncline::store {

// Reads every page of `directory`/data.mdb, if there is one, and the checksum of every row. Errors:
// store.state_damaged with the first thing that was found, store.newer_format, store.io_failed.
Result<void> check_state(const std::filesystem::path& directory);

}  // namespace syncline::store
