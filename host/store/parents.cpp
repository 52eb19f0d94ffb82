#include "store/parents.hpp"

#include <algorithm>

namespace syncline::store {

ConnectionId parent_of(const RecordRow& record, ConnectionId connection) {
    auto is_of = [&](const Target& target) { return target.connection == connection; };
    auto at = std::find_if(record.parents.begin(), record.parents.end(), is_of);
    return at == record.parents.end() ? 0 : at->parent;
}

Result<ConnectionId> missing_parent(Overlay& overlay, const RecordRow& record,
                                    ConnectionId connection) {
    const ConnectionId parent = parent_of(record, connection);
    if (parent == 0) return ConnectionId{0};
    if (parent == connection && record.parent_key == record.key) return ConnectionId{0};
    Key key = lane_row_key(parent, lane_key(record.parent_key));
    SYNCLINE_TRY(auto found, overlay.get(Table::kKeyMap, key));
    if (!found) return parent;
    SYNCLINE_TRY(KeyMapRow known, decode_row<KeyMapRow>(*found));
    if (has_record(known)) return ConnectionId{0};
    bool was_deleted = known.last != RecordId{};
    bool is_deletion = record.operation == record::Operation::kDelete;
    return was_deleted && is_deletion ? ConnectionId{0} : parent;
}

}  // namespace syncline::store
