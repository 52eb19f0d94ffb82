// What may go out now: finding lanes, and taking what is at their heads. What is in flight is known
// in memory only.
#include <algorithm>
#include <utility>

#include "store/errc.hpp"
#include "store/parents.hpp"
#include "store/state.hpp"

namespace syncline::store {

bool State::is_in_flight(ConnectionId connection, std::string_view lane) const {
    return lanes_in_flight_.contains(lane_row_key(connection, lane));
}

Result<LaneHead> State::make_head(ConnectionId connection, std::string_view lane, RecordId id) {
    SYNCLINE_TRY(RecordRow record, read_record(id));
    LaneHead head;
    head.connection = connection;
    head.lane = lane;
    head.record = id;
    head.attempt = 1;
    if (record.operation == record::Operation::kFetch) head.as_of = applied_;
    if (ConnectionId parent = parent_of(record, connection); parent != 0) {
        SYNCLINE_TRY(auto known, key_map(parent, lane_key(record.parent_key)));
        if (known) head.parent_destination_key = std::move(known->destination_key);
    }
    if (const Edit* edit = edit_of(record, connection)) record.body = Body{edit->body};
    record.edits.clear();
    head.row = std::make_shared<const RecordRow>(std::move(record));
    return head;
}

// The head of a lane, and what follows it.
Result<void> State::take_lane(const Want& want, std::string_view lane,
                              std::vector<LaneHead>& heads) {
    Key key = lane_row_key(want.connection, lane);
    SYNCLINE_TRY(auto found, overlay_.get(Table::kLane, key));
    if (!found) return Error{kStateDamaged, "a schedule names a lane that is not there"};
    SYNCLINE_TRY(LaneRow row, decode_row<LaneRow>(*found));
    SYNCLINE_TRY(LaneHead head, make_head(want.connection, lane, row.head));
    head.attempt = row.attempts + 1;
    head.is_forced = row.is_forced;
    SYNCLINE_TRY(head.key_map, key_map(want.connection, lane));
    Flight flight{head.key_map, false};
    const bool is_fetch = head.row->operation == record::Operation::kFetch;
    heads.push_back(std::move(head));
    if (want.lane_max > 1 && row.count > 1 && !is_fetch) {
        SYNCLINE_TRY(flight.is_chain, take_followers(want, lane, heads));
    }
    lanes_in_flight_.emplace(key.str(), std::move(flight));
    return {};
}

// What stands behind the lane's head, the last of `heads`, and needs nothing before it but that.
// What may give way to a newer one is not taken: only a head is sure to stay.
Result<bool> State::take_followers(const Want& want, std::string_view lane,
                                   std::vector<LaneHead>& heads) {
    const std::size_t first = heads.size() - 1;
    Key key = lane_row_key(want.connection, lane);
    Key prefix = queue_prefix(want.connection, lane);
    std::string from = queue_key(want.connection, lane, queue_begin(key)).str();
    while (heads.size() < want.count_max && heads.size() - first < want.lane_max) {
        SYNCLINE_TRY(auto row, overlay_.seek(Table::kQueue, from, prefix));
        if (!row) break;
        from = row->key + '\0';
        const bool is_forced = has_flag(row->value, queue_flag::kForced);
        const bool is_child = has_flag(row->value, queue_flag::kChild);
        SYNCLINE_TRY(LaneHead head, make_head(want.connection, lane, record_id_of(row->key)));
        if (head.row->is_mergeable || head.row->operation == record::Operation::kFetch) break;
        if (is_child) {
            SYNCLINE_TRY(ConnectionId missing,
                         missing_parent(overlay_, *head.row, want.connection));
            if (missing != 0) break;
        }
        head.is_forced = is_forced;
        head.is_follower = head.is_chained = true;
        head.key_map = heads[first].key_map;
        heads.push_back(std::move(head));
    }
    return heads[first].is_chained = heads.size() - first > 1;
}

Result<void> State::give_back(ConnectionId connection, std::string_view lane) {
    Key key = lane_row_key(connection, lane);
    lanes_in_flight_.erase(key);
    SYNCLINE_TRY(auto found, overlay_.get(Table::kLane, key));
    if (!found) return {};
    SYNCLINE_TRY(LaneRow row, decode_row<LaneRow>(*found));
    // The search may have passed it by while it was in flight.
    if (row.due_ns != 0) {
        std::string& cursor = cursors_[connection].due;
        cursor = std::min(cursor, due_key(connection, row.due_ns, lane).str());
    } else if (row.waits_for == 0) {
        bring_forward(connection, row.head);
    }
    return {};
}

Result<void> State::take_due(const Want& want, std::vector<LaneHead>& heads) {
    Cursor& cursor = cursors_[want.connection];
    std::string prefix = Key{}.u32(want.connection).str();
    if (cursor.due.empty()) cursor.due = prefix;
    while (heads.size() < want.count_max) {
        SYNCLINE_TRY(auto row, overlay_.seek(Table::kDue, cursor.due, prefix));
        if (!row) break;
        std::string_view key = row->key;
        if (static_cast<std::int64_t>(read_big_endian(key.substr(4, 8))) > want.now_ns) break;
        std::string_view lane = key.substr(12);
        if (!is_in_flight(want.connection, lane)) SYNCLINE_CHECK(take_lane(want, lane, heads));
        cursor.due = row->key + '\0';
    }
    return {};
}

Result<std::vector<LaneHead>> State::take_lanes(ConnectionId connection, std::size_t count_max,
                                                std::int64_t now_ns, std::size_t lane_max) {
    const Want want{connection, count_max, lane_max, now_ns};
    std::vector<LaneHead> heads;
    SYNCLINE_CHECK(take_due(want, heads));
    Cursor& cursor = cursors_[connection];
    while (heads.size() < count_max && !cursor.early.empty()) {
        RecordId id = *cursor.early.begin();
        cursor.early.erase(cursor.early.begin());
        SYNCLINE_TRY(auto lane, overlay_.get(Table::kReady, ready_key(connection, id)));
        if (!lane || is_in_flight(connection, *lane)) continue;
        SYNCLINE_CHECK(take_lane(want, std::string{*lane}, heads));
    }
    std::string prefix = Key{}.u32(connection).str();
    while (heads.size() < count_max) {
        SYNCLINE_TRY(auto row,
                     overlay_.seek(Table::kReady, ready_key(connection, cursor.ready), prefix));
        if (!row) break;
        RecordId id = record_id_of(row->key);
        cursor.ready = RecordId{id.event, id.index + 1};
        if (is_in_flight(connection, row->value)) continue;
        SYNCLINE_CHECK(take_lane(want, std::string{row->value}, heads));
    }
    return heads;
}

Result<bool> State::has_ready(ConnectionId connection, std::int64_t now_ns) {
    Cursor& cursor = cursors_[connection];
    if (!cursor.early.empty()) return true;
    std::string prefix = Key{}.u32(connection).str();
    SYNCLINE_TRY(auto row,
                 overlay_.seek(Table::kReady, ready_key(connection, cursor.ready), prefix));
    if (row) return true;
    SYNCLINE_TRY(auto due, next_due(connection, now_ns));
    return due && *due <= now_ns;
}

Result<std::optional<std::int64_t>> State::next_due(ConnectionId connection, std::int64_t) {
    Cursor& cursor = cursors_[connection];
    std::string prefix = Key{}.u32(connection).str();
    if (cursor.due.empty()) cursor.due = prefix;
    SYNCLINE_TRY(auto row, overlay_.seek(Table::kDue, cursor.due, prefix));
    if (!row) return std::optional<std::int64_t>{};
    return std::optional{
        static_cast<std::int64_t>(read_big_endian(std::string_view{row->key}.substr(4, 8)))};
}

}  // namespace syncline::store
