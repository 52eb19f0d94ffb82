// Looks through the database in a child process, because LMDB aborts its process on a page that
// makes no sense.
// Concurrency: only while the process has one thread.
#pragma once

#include <filesystem>

#include "core/error.hpp"

namespace syncline::store {

// After an unclean end: reads every row of every table in a child and checks its checksum. A clean
// or new database is not looked through; what a power cut left of a first start, when there is no
// journal yet, is removed. Errors: store.state_damaged with what was found. Only while the process
// has one thread.
Result<void> check_state_if_unclean(const std::filesystem::path& directory,
                                    const std::filesystem::path& journal);

}  // namespace syncline::store
