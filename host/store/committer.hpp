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

// Writes what the overlay holds, on the thread that owns it and while no other commits. Enlarges
// the map as needed. Errors: store.disk_full, store.io_failed.
Result<void> commit_overlay(Database& database, const DataDir& directory, Overlay& overlay);

}  // namespace syncline::store
