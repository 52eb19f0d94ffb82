// Looks through the file of the state before LMDB opens it, because LMDB aborts its process on a
// page that makes no sense.
// Concurrency: one thread.
#pragma once

#include <filesystem>

#include "core/error.hpp"

namespace syncline::store {

// Reads every page and the checksum of every row. What a power cut left of a first start, when
// there is no journal yet, is removed. Errors: store.state_damaged with the first thing that was
// found, store.newer_format, store.io_failed.
Result<void> check_state(const std::filesystem::path& directory,
                         const std::filesystem::path& journal);

// There is no state yet, or only what a power cut left of the very first start.
bool is_unborn(const std::filesystem::path& database, const std::filesystem::path& journal);

}  // namespace syncline::store
