// Records that wait until another one, their parent, is at the destination: a membership for its
// audience. Concurrency: as the overlay that is asked. Internal to store.
#pragma once

#include "store/overlay.hpp"
#include "store/rows.hpp"

namespace syncline::store {

// The connection that brings the record's parent to where `connection` brings the record; 0: none
// does.
ConnectionId parent_of(const RecordRow& record, ConnectionId connection);

// The connection that has yet to bring the parent; 0: the record waits for nobody. A deletion does
// not wait for a parent that was deleted, nor anything for itself. Errors: those of the database.
Result<ConnectionId> missing_parent(Overlay& overlay, const RecordRow& record,
                                    ConnectionId connection);

}  // namespace syncline::store
