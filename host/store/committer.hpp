// Writes one frozen layer into the database. Internal to store.
// Concurrency: the committing thread, or the one that opens the store before there are others.
#pragma once

#include "core/error.hpp"
#include "store/data_dir.hpp"
#include "store/database.hpp"
#include "store/overlay.hpp"

namespace syncline::store {

// One durable transaction. Errors: kMapFull (grow and repeat), store.disk_full (repeat when there
// is room; nothing was changed), store.io_failed (final).
Result<void> write_layer(Database& database, const DataDir& directory, const Overlay::Layer& layer);

}  // namespace syncline::store
