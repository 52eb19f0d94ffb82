// The lanes of a connection: what is at the head, what waits behind it, and when the head may go.
// Deterministic, as all of applying (rule 6).
#include <algorithm>
#include <utility>

#include "core/assert.hpp"
#include "store/errc.hpp"
#include "store/parents.hpp"
#include "store/state.hpp"

namespace syncline::store {

// Adds a record to its lane: at the head when the lane is empty, in order behind it otherwise.
Result<void> State::enqueue(ConnectionId connection, std::string_view lane, RecordId id,
                            const RecordRow& record, bool is_forced) {
    ConnectionLedger& ledger = connection_ledgers_[connection];
    const bool is_child = parent_of(record, connection) != 0;
    Key key = lane_row_key(connection, lane);
    SYNCLINE_TRY(auto found, overlay_.get(Table::kLane, key));
    if (!found) {
        LaneRow row;
        row.head = id;
        row.is_forced = is_forced;
        row.count = 1;
        ++ledger.pending;
        return place(connection, lane, std::move(row), is_child ? &record : nullptr, true);
    }
    SYNCLINE_TRY(LaneRow row, decode_row<LaneRow>(*found));
    std::uint64_t& waiting = row.waits_for == 0 ? ledger.pending : ledger.parked;
    SYNCLINE_TRY(bool is_merged, make_way(connection, lane, row.tail, id, record));
    if (is_merged) {
        ++ledger.superseded;
    } else {
        ++row.count;
        ++waiting;
    }
    row.tail = std::max(row.tail, id);
    overlay_.put(Table::kLane, key, encode(row));
    const int flags = (is_forced ? queue_flag::kForced : 0) | (is_child ? queue_flag::kChild : 0);
    overlay_.put(Table::kQueue, queue_key(connection, lane, id),
                 std::string(1, static_cast<char>(flags)));
    if (id < queue_begin(key)) note_queue_begin(key, id);  // a letter that is replayed
    SYNCLINE_ASSERT(ledger.balances());
    return {};
}

// The newest that waits gives way to a newer one that tells all that it told: two that may be
// merged (rule 15), or two that are to be fetched (rule 2). Never the head, which may be in flight.
Result<bool> State::make_way(ConnectionId connection, std::string_view lane, RecordId tail,
                             RecordId id, const RecordRow& record) {
    const bool is_fetch = record.operation == record::Operation::kFetch;
    if (!is_fetch && !record.is_mergeable) return false;
    if (tail == RecordId{} || tail > id) return false;
    Key key = queue_key(connection, lane, tail);
    SYNCLINE_TRY(auto found, overlay_.get(Table::kQueue, key));
    if (!found) return Error{kStateDamaged, "a lane ends with a record that does not wait in it"};
    if (has_flag(*found, queue_flag::kForced)) return false;
    SYNCLINE_TRY(RecordRow older, read_record(tail));
    const bool is_of_kind = older.operation == record.operation && older.stream == record.stream;
    if (!is_of_kind || older.answering != 0) return false;
    if (!is_fetch && !older.is_mergeable) return false;
    overlay_.erase(Table::kQueue, key);
    SYNCLINE_CHECK(release(tail, connection));
    return true;
}

// Puts a lane with a new head, all of it counted as pending, where it belongs: it is ready, or
// parked until the parent of its head is at the destination. `child`: the head, if it has a parent.
Result<void> State::place(ConnectionId connection, std::string_view lane, LaneRow row,
                          const RecordRow* child, bool is_new) {
    if (child != nullptr) {
        SYNCLINE_TRY(row.waits_for, missing_parent(overlay_, *child, connection));
    }
    overlay_.put(Table::kLane, lane_row_key(connection, lane), encode(row), is_new);
    ConnectionLedger& ledger = connection_ledgers_[connection];
    if (row.waits_for == 0) {
        make_ready(connection, lane, row.head);
    } else {
        Key key = parked_key(row.waits_for, lane_key(child->parent_key), connection, lane);
        overlay_.put(Table::kParked, key, "", true);
        outcome_news_.lanes.push_back(lane_row_key(connection, lane).str());
        ledger.pending -= row.count;
        ledger.parked += row.count;
    }
    SYNCLINE_ASSERT(ledger.balances());  // invariant 3
    return {};
}

// The destination of the parent's connection has the parent now: what waited for it is ready.
Result<void> State::release_children(ConnectionId parent, std::string_view parent_lane) {
    auto is_parking = [](const auto& entry) { return entry.second.parked > 0; };
    if (std::none_of(connection_ledgers_.begin(), connection_ledgers_.end(), is_parking)) return {};
    Key prefix = parked_prefix(parent, parent_lane);
    std::string from = prefix.str();
    for (;;) {
        SYNCLINE_TRY(auto row, overlay_.seek(Table::kParked, from, prefix));
        if (!row) return {};
        overlay_.erase(Table::kParked, row->key);
        from = row->key + '\0';
        Key key = Key{}.raw(std::string_view{row->key}.substr(std::string_view{prefix}.size()));
        std::string_view child = key;
        auto connection = static_cast<ConnectionId>(read_big_endian(child.substr(0, 4)));
        SYNCLINE_TRY(auto found, overlay_.get(Table::kLane, key));
        if (!found) return Error{kStateDamaged, "a parked lane is not there"};
        SYNCLINE_TRY(LaneRow lane, decode_row<LaneRow>(*found));
        lane.waits_for = 0;
        overlay_.put(Table::kLane, key, encode(lane));
        make_ready(connection, child.substr(4), lane.head);
        ConnectionLedger& ledger = connection_ledgers_[connection];
        SYNCLINE_ASSERT(ledger.parked >= lane.count);
        ledger.parked -= lane.count;
        ledger.pending += lane.count;
        SYNCLINE_ASSERT(ledger.balances());
    }
}

void State::make_ready(ConnectionId connection, std::string_view lane, RecordId head) {
    // A head has one place in the schedule: no such row exists now.
    overlay_.put(Table::kReady, ready_key(connection, head), std::string{lane}, true);
    bring_forward(connection, head);
}

// The search finds what is ready before the place where it stands.
void State::bring_forward(ConnectionId connection, RecordId head) {
    constexpr std::size_t kEarlyMax = 10'000;
    Cursor& cursor = cursors_[connection];
    if (head >= cursor.ready) return;
    cursor.early.insert(head);
    if (cursor.early.size() > kEarlyMax) {
        cursor.ready = *cursor.early.begin();
        cursor.early.clear();
    }
}

// Takes the lane off its schedule; what was parked counts as pending again.
Result<void> State::unschedule(ConnectionId connection, std::string_view lane, LaneRow& row) {
    if (row.waits_for != 0) {
        SYNCLINE_TRY(RecordRow head, read_record(row.head));
        overlay_.erase(Table::kParked,
                       parked_key(row.waits_for, lane_key(head.parent_key), connection, lane));
        row.waits_for = 0;
        ConnectionLedger& ledger = connection_ledgers_[connection];
        ledger.parked -= row.count;
        ledger.pending += row.count;
    } else if (row.due_ns == 0) {
        overlay_.erase(Table::kReady, ready_key(connection, row.head));
        cursors_[connection].early.erase(row.head);
    } else {
        overlay_.erase(Table::kDue, due_key(connection, row.due_ns, lane));
    }
    return {};
}

void State::wait(const Settled& fact, LaneRow lane) {
    lane.attempts = fact.attempt;
    lane.due_ns = std::max<std::int64_t>(fact.due_ns, 1);
    lane.last_failure = fact.failure;
    overlay_.put(Table::kLane, lane_row_key(fact.connection, fact.lane), encode(lane));
    Key due = due_key(fact.connection, lane.due_ns, fact.lane);
    overlay_.put(Table::kDue, due, "");
    outcome_news_.lanes.push_back(lane_row_key(fact.connection, fact.lane).str());
    std::string& cursor = cursors_[fact.connection].due;
    cursor = std::min(cursor,
                      due.str());  // a due time may have passed already, or the clock was set back
}

// The head is settled: the next record of the key moves up, or the lane ends.
Result<void> State::pop(const Settled& fact, const LaneRow& lane) {
    Key key = lane_row_key(fact.connection, fact.lane);
    if (lane.count <= 1) {
        overlay_.erase(Table::kLane, key);
        queue_begins_.erase(key);
        return {};
    }
    Key prefix = queue_prefix(fact.connection, fact.lane);
    Key from = queue_key(fact.connection, fact.lane, queue_begin(key));
    SYNCLINE_TRY(auto next, overlay_.seek(Table::kQueue, from, prefix));
    if (!next) return Error{kStateDamaged, "a lane counts more records than its queue holds"};
    LaneRow row;
    row.head = record_id_of(next->key);
    row.is_forced = has_flag(next->value, queue_flag::kForced);
    const bool is_child = has_flag(next->value, queue_flag::kChild);
    row.count = lane.count - 1;
    if (lane.tail != row.head) row.tail = lane.tail;
    overlay_.erase(Table::kQueue, next->key);
    note_queue_begin(key, row.head);
    RecordRow child;
    if (is_child) {
        SYNCLINE_TRY(child, read_record(row.head));
    }
    return place(fact.connection, fact.lane, std::move(row), is_child ? &child : nullptr, false);
}

RecordId State::queue_begin(std::string_view lane_row) const {
    auto known = queue_begins_.find(lane_row);
    return known == queue_begins_.end() ? RecordId{} : known->second;
}

void State::note_queue_begin(std::string_view lane_row, RecordId first) {
    constexpr std::size_t kNotesMax = 100'000;
    if (queue_begins_.size() >= kNotesMax) queue_begins_.clear();
    queue_begins_[std::string{lane_row}] = first;
}

}  // namespace syncline::store
