// Applying facts. Everything here is deterministic: no clock, no random, no configuration (rule 6).
#include "store/state.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/assert.hpp"
#include "store/codec.hpp"
#include "store/errc.hpp"

namespace syncline::store {
namespace {

constexpr int kExpiredPerTickMax = 10'000;
constexpr int kExpiredPerEventMax = 2;
constexpr std::size_t kRecentBytesMax = 4 * 1024 * 1024;

std::string encode_fact(const Fact& fact) {
    std::string bytes;
    bytes.reserve(size_of(fact) + 64);
    encode(fact, bytes);
    return bytes;
}

Result<Received> decode_received(std::string_view bytes) {
    SYNCLINE_TRY(Fact fact, decode(bytes));
    auto* received = std::get_if<Received>(&fact);
    if (received == nullptr)
        return Error{kStateDamaged, "a row of table event holds something else"};
    return std::move(*received);
}

}  // namespace

Result<Applied> State::apply(NumberedFact fact) {
    SYNCLINE_ASSERT(fact.position > applied_);
    auto apply = [&](auto& f) { return apply_to(fact.position, std::move(f)); };
    SYNCLINE_TRY(Applied applied, std::visit(apply, fact.fact));
    applied_ = fact.position;
    return applied;
}

Result<Applied> State::apply_to(Position, const EpochBegan&) {
    return Applied{};
}

Result<Applied> State::apply_to(Position, const Named& fact) {
    names_[fact.kind][fact.id] = NameRow{fact.is_present, fact.name};
    Writer row;
    row.integer(static_cast<std::uint8_t>(fact.is_present)).text(fact.name);
    overlay_.put(Table::kName, name_key(fact.kind, fact.id), row.take());
    return Applied{};
}

Result<Applied> State::apply_to(Position, const HandshakeAnswered& fact) {
    RouteLedger& ledger = route_ledgers_[fact.route];
    ++ledger.received;
    ++ledger.handshake;
    return Applied{};
}

Result<Applied> State::apply_to(Position, const QueryAnswered& fact) {
    ++route_ledgers_[fact.route].queried;
    return Applied{};
}

Result<Applied> State::apply_to(Position, const IdsMapped& fact) {
    for (const IdsMapped::Entry& entry : fact.entries) {
        Key key = id_map_key(fact.account, entry.name_space, entry.key);
        if (entry.value.empty()) {
            overlay_.erase(Table::kIdMap, key);
        } else {
            overlay_.put(Table::kIdMap, key, entry.value);
        }
    }
    return Applied{};
}

Result<Applied> State::apply_to(Position at, Received&& fact) {
    RouteLedger& ledger = route_ledgers_[fact.route];
    ++ledger.received;
    if (!fact.message_id.empty()) {
        // Rule 5: identity is decided here, in journal order.
        Key key = Key{}.u32(fact.route).raw(fact.message_id);
        SYNCLINE_TRY(auto known, overlay_.get(Table::kDedup, key));
        if (known) {
            ++ledger.duplicate;
            SYNCLINE_CHECK(drop_unless_referenced(fact.body));
            return Applied{};
        }
        std::uint32_t minute = minute_of(fact.received_ns);
        Key expiry = Key{}.u32(minute).raw(key);
        overlay_.put(Table::kDedup, key, Key{}.u64(at.value).str());
        overlay_.put(Table::kDedupExpiry, expiry, "");
        expiry_.minute = std::min(expiry_.minute, minute);
        expiry_.from = std::min(expiry_.from, expiry.str());
        SYNCLINE_CHECK(expire(kExpiredPerEventMax));  // as many go as come, however many come
    }
    ++ledger.pending;
    pending_bytes_ += fact.body.size + kPendingOverheadBytes;
    SYNCLINE_CHECK(reference_body(fact.body, 1));
    if (fact.answering != 0) {
        expect_outcome(at, fact);
        SYNCLINE_CHECK(expire_outcomes(kExpiredPerEventMax));
    }
    std::size_t bytes = size_of(fact);
    Fact kept{std::move(fact)};
    overlay_.put(Table::kEvent, event_key(std::get<Received>(kept).route, at), encode_fact(kept),
                 true);
    if (recent_bytes_ + bytes <= kRecentBytesMax) {
        recent_bytes_ += bytes;
        recent_events_.emplace(
            at.value, std::make_shared<const Received>(std::move(std::get<Received>(kept))));
    }
    return Applied{};
}

// Null when the event is gone already.
Result<std::shared_ptr<const Received>> State::take_event_row(RouteId route, Position position) {
    Key key = event_key(route, position);
    if (!events_in_flight_.contains(position.value)) {
        SYNCLINE_TRY(auto row, overlay_.get(Table::kEvent, key));
        if (!row) return std::shared_ptr<const Received>{};
        SYNCLINE_CHECK(take_event(position, *row));
    }
    auto in_flight = events_in_flight_.find(position.value);
    std::shared_ptr<const Received> event = std::move(in_flight->second);
    events_in_flight_.erase(in_flight);
    overlay_.erase(Table::kEvent, key);
    RouteLedger& ledger = route_ledgers_[route];
    SYNCLINE_ASSERT(ledger.pending > 0);
    --ledger.pending;
    pending_bytes_ -= std::min(pending_bytes_, event->body.size + kPendingOverheadBytes);
    return event;
}

Result<std::shared_ptr<const Received>> State::take_event(Position position, std::string_view row) {
    auto [in_flight, is_new] = events_in_flight_.try_emplace(position.value);
    if (!is_new) return std::shared_ptr<const Received>{};
    if (auto recent = recent_events_.find(position.value); recent != recent_events_.end()) {
        in_flight->second = std::move(recent->second);
        recent_events_.erase(recent);
        recent_bytes_ -= size_of(*in_flight->second);
        return in_flight->second;
    }
    SYNCLINE_TRY(Received received, decode_received(row));
    in_flight->second = std::make_shared<const Received>(std::move(received));
    return in_flight->second;
}

Result<Applied> State::apply_to(Position, const Translated& fact) {
    SYNCLINE_TRY(auto event, take_event_row(fact.route, fact.event));
    if (!event) {
        for (const TranslatedRecord& record : fact.records)
            SYNCLINE_CHECK(drop_unless_referenced(record.body));
        return Applied{};
    }
    ++route_ledgers_[fact.route].translated;
    std::uint32_t index = 0;
    for (const TranslatedRecord& record : fact.records) {
        RecordId id{fact.event, index++};
        if (record.targets.empty()) {
            SYNCLINE_CHECK(drop_unless_referenced(record.body));
            continue;
        }
        std::vector<ConnectionId> targets;
        for (const Target& target : record.targets) targets.push_back(target.connection);
        std::sort(targets.begin(), targets.end());
        targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
        RecordRow row;
        row.references = static_cast<std::uint32_t>(targets.size());
        row.route = fact.route;
        row.operation = record.operation;
        row.stream = record.stream;
        row.key = record.key;
        row.occurred_ns = record.occurred_ns;
        row.received_ns = event->received_ns;
        row.body = record.body;
        row.answering = event->answering;
        overlay_.put(Table::kRecord, record_key(id), encode(row), true);
        pending_bytes_ += record.body.size + kPendingOverheadBytes;
        SYNCLINE_CHECK(reference_body(record.body, 1));
        std::string lane = lane_key(record.key);
        for (ConnectionId target : targets) {
            ConnectionLedger& ledger = connection_ledgers_[target];
            ++ledger.routed;
            ++ledger.pending;
            SYNCLINE_CHECK(enqueue(target, lane, id, false));
        }
    }
    if (event->answering != 0) SYNCLINE_CHECK(expect_records(fact, event->answering));
    SYNCLINE_CHECK(reference_body(event->body, -1));
    return Applied{};
}

Result<Applied> State::apply_to(Position at, const EventDied& fact) {
    SYNCLINE_TRY(auto event, take_event_row(fact.route, fact.event));
    if (!event) return Applied{};
    ++route_ledgers_[fact.route].dead;
    LetterRow letter;
    letter.kind = LetterKind::kEvent;
    letter.owner = fact.route;
    letter.record.event = fact.event;
    letter.attempts = 1;
    letter.at_ns = fact.at_ns;
    letter.failure = fact.failure;
    letter.event = encode_fact(Fact{*event});  // keeps the reference to a large body
    overlay_.put(Table::kLetter, Key{}.u64(at.value), encode(letter), true);
    if (event->answering != 0) SYNCLINE_CHECK(note_event_died(fact));
    return Applied{};
}

// Adds a record to its lane: at the head when the lane is empty, in order behind it otherwise.
Result<void> State::enqueue(ConnectionId connection, std::string_view lane, RecordId record,
                            bool is_forced) {
    Key key = lane_row_key(connection, lane);
    SYNCLINE_TRY(auto found, overlay_.get(Table::kLane, key));
    if (!found) {
        LaneRow row;
        row.head = record;
        row.is_forced = is_forced;
        row.count = 1;
        overlay_.put(Table::kLane, key, encode(row), true);
        make_ready(connection, lane, record);
        return {};
    }
    SYNCLINE_TRY(LaneRow row, decode_row<LaneRow>(*found));
    ++row.count;
    overlay_.put(Table::kLane, key, encode(row));
    overlay_.put(Table::kQueue, queue_key(connection, lane, record),
                 std::string(1, is_forced ? '\1' : '\0'));
    if (record < queue_begin(key)) note_queue_begin(key, record);  // a letter that is replayed
    return {};
}

void State::make_ready(ConnectionId connection, std::string_view lane, RecordId head) {
    constexpr std::size_t kEarlyMax = 10'000;
    // A head has one place in the schedule: no such row exists now.
    overlay_.put(Table::kReady, ready_key(connection, head), std::string{lane}, true);
    Cursor& cursor = cursors_[connection];
    if (head >= cursor.ready) return;
    cursor.early.insert(head);
    if (cursor.early.size() > kEarlyMax) {
        cursor.ready = *cursor.early.begin();
        cursor.early.clear();
    }
}

void State::unschedule(ConnectionId connection, std::string_view lane, const LaneRow& row) {
    if (row.due_ns == 0) {
        overlay_.erase(Table::kReady, ready_key(connection, row.head));
        cursors_[connection].early.erase(row.head);
    } else {
        overlay_.erase(Table::kDue, due_key(connection, row.due_ns, lane));
    }
}

Result<Applied> State::apply_to(Position at, const Settled& fact) {
    SYNCLINE_TRY(auto found, overlay_.get(Table::kLane, lane_row_key(fact.connection, fact.lane)));
    if (!found) return Applied{};
    SYNCLINE_TRY(LaneRow lane, decode_row<LaneRow>(*found));
    // Rule 13: a late result of an older attempt, or of a record that has been settled, changes
    // nothing.
    if (lane.head != fact.record || lane.attempts + 1 != fact.attempt) return Applied{};

    SYNCLINE_CHECK(remember(fact));
    lanes_in_flight_.erase(lane_row_key(fact.connection, fact.lane));
    unschedule(fact.connection, fact.lane, lane);
    if (fact.settlement == Settlement::kRetry) {
        wait(fact, std::move(lane));
        return Applied{};
    }
    ConnectionLedger& ledger = connection_ledgers_[fact.connection];
    SYNCLINE_ASSERT(ledger.pending > 0);
    --ledger.pending;
    switch (fact.settlement) {
        case Settlement::kDelivered:
            ++ledger.delivered;
            break;
        case Settlement::kUnchanged:
            ++ledger.unchanged;
            break;
        case Settlement::kFiltered:
            ++ledger.filtered;
            break;
        case Settlement::kSuperseded:
            ++ledger.superseded;
            break;
        case Settlement::kDead:
            ++ledger.dead;
            break;
        case Settlement::kRetry:
            break;
    }
    SYNCLINE_ASSERT(ledger.balances());  // invariant 3
    SYNCLINE_TRY(RecordRow record, record_row(fact.record));
    if (record.answering == fact.connection) SYNCLINE_CHECK(note_settled(fact, record));
    if (fact.settlement == Settlement::kDead) {
        bury(at, fact);
    } else {
        SYNCLINE_CHECK(release(fact.record, std::move(record)));
    }
    SYNCLINE_CHECK(pop(fact, std::move(lane)));
    return Applied{};
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
Result<void> State::pop(const Settled& fact, LaneRow lane) {
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
    row.is_forced = !next->value.empty() && next->value.front() == '\1';
    row.count = lane.count - 1;
    overlay_.erase(Table::kQueue, next->key);
    note_queue_begin(key, row.head);
    overlay_.put(Table::kLane, key, encode(row));
    make_ready(fact.connection, fact.lane, row.head);
    return {};
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

// The key map: what the destination has now, as far as is known (rules 12 and 13).
Result<void> State::remember(const Settled& fact) {
    bool is_final =
        fact.settlement == Settlement::kDelivered || fact.settlement == Settlement::kUnchanged;
    if (!is_final && !fact.is_unknown) return {};
    Key key = lane_row_key(fact.connection, fact.lane);
    std::optional<KeyMapRow> known;
    if (auto taken = lanes_in_flight_.find(key); taken != lanes_in_flight_.end()) {
        known = std::move(taken->second);
    } else {
        SYNCLINE_TRY(known, key_map(fact.connection, fact.lane));
    }
    KeyMapRow row = known ? std::move(*known) : KeyMapRow{};
    row.is_unknown = !is_final;
    if (is_final) {
        row.last = std::max(row.last, fact.record);
        row.row_hash = fact.row_hash;
    }
    if (fact.settlement == Settlement::kDelivered) {
        row.field_hashes = fact.field_hashes;
        if (!fact.destination_key.empty()) row.destination_key = fact.destination_key;
    }
    overlay_.put(Table::kKeyMap, key, encode(row));
    return {};
}

// The letter takes over the lane's reference to the record.
void State::bury(Position at, const Settled& fact) {
    LetterRow letter;
    letter.kind = LetterKind::kRecord;
    letter.owner = fact.connection;
    letter.record = fact.record;
    letter.lane = fact.lane;
    letter.attempts = fact.attempt;
    letter.is_unknown = fact.is_unknown;
    letter.at_ns = fact.at_ns;
    letter.failure = fact.failure;
    letter.answer = fact.answer;
    pending_bytes_ += size_of(letter.answer);  // it takes room until someone looks at it
    overlay_.put(Table::kLetter, Key{}.u64(at.value), encode(letter), true);
}

Result<RecordRow> State::record_row(RecordId record) {
    SYNCLINE_TRY(auto found, overlay_.get(Table::kRecord, record_key(record)));
    if (!found) return Error{kStateDamaged, "a lane names a record that is not there"};
    return decode_row<RecordRow>(*found);
}

Result<void> State::release(RecordId record, RecordRow row) {
    Key key = record_key(record);
    if (--row.references > 0) {
        overlay_.put(Table::kRecord, key, encode(row));
        return {};
    }
    overlay_.erase(Table::kRecord, key);
    pending_bytes_ -= std::min(pending_bytes_, row.body.size + kPendingOverheadBytes);
    return reference_body(row.body, -1);
}

Result<void> State::reference_body(const Body& body, int change) {
    if (body.file.empty()) return {};
    SYNCLINE_TRY(auto found, overlay_.get(Table::kBody, body.file));
    std::uint64_t count = found ? read_big_endian(*found) : 0;
    if (change < 0 && count == 0)
        return Error{kStateDamaged, "a body is used that nothing refers to: " + body.file};
    dropped_bodies_.erase(body.file);
    count = change > 0 ? count + 1 : count - 1;
    if (count > 0) {
        overlay_.put(Table::kBody, body.file, Key{}.u32(static_cast<std::uint32_t>(count)).str());
    } else {
        overlay_.erase(Table::kBody, body.file);
        dropped_bodies_.insert(body.file);
    }
    return {};
}

// The body of a fact without effect.
Result<void> State::drop_unless_referenced(const Body& body) {
    if (body.file.empty()) return {};
    SYNCLINE_TRY(auto found, overlay_.get(Table::kBody, body.file));
    if (!found) dropped_bodies_.insert(body.file);
    return {};
}

std::vector<std::string> State::take_dropped_bodies() {
    std::vector<std::string> files{dropped_bodies_.begin(), dropped_bodies_.end()};
    dropped_bodies_.clear();
    return files;
}

Result<Applied> State::apply_to(Position, const Command& fact) {
    SYNCLINE_TRY(auto found, overlay_.get(Table::kLetter, Key{}.u64(fact.letter)));
    if (!found) {
        return Applied::rejected(
            Error{kNoSuchLetter, "there is no dead letter " + to_string(Position{fact.letter})});
    }
    SYNCLINE_TRY(LetterRow letter, decode_row<LetterRow>(*found));
    overlay_.erase(Table::kLetter, Key{}.u64(fact.letter));
    pending_bytes_ -= std::min<std::uint64_t>(pending_bytes_, size_of(letter.answer));
    return fact.kind == CommandKind::kReplayLetter ? replay(fact, std::move(letter))
                                                   : discard(fact, std::move(letter));
}

Result<Applied> State::replay(const Command& fact, LetterRow letter) {
    if (letter.kind == LetterKind::kEvent) {
        RouteLedger& ledger = route_ledgers_[letter.owner];
        --ledger.dead;
        ++ledger.pending;
        SYNCLINE_TRY(Received received, decode_received(letter.event));
        pending_bytes_ += received.body.size + kPendingOverheadBytes;
        overlay_.put(Table::kEvent, event_key(letter.owner, letter.record.event), letter.event);
        Position& cursor = event_cursors_[letter.owner];
        cursor = std::min(cursor, letter.record.event);
        return Applied{};
    }
    ConnectionLedger& ledger = connection_ledgers_[letter.owner];
    --ledger.dead;
    ++ledger.pending;
    SYNCLINE_CHECK(enqueue(letter.owner, letter.lane, letter.record, fact.is_forced));
    return Applied{};
}

Result<Applied> State::discard(const Command&, LetterRow letter) {
    if (letter.kind == LetterKind::kEvent) {
        // The route goes on counting it as dead: an event has no other end but its translation.
        SYNCLINE_TRY(Received received, decode_received(letter.event));
        SYNCLINE_CHECK(reference_body(received.body, -1));
        return Applied{};
    }
    ConnectionLedger& ledger = connection_ledgers_[letter.owner];
    --ledger.dead;
    ++ledger.discarded;
    SYNCLINE_TRY(RecordRow record, record_row(letter.record));
    SYNCLINE_CHECK(release(letter.record, std::move(record)));
    return Applied{};
}

Result<Applied> State::apply_to(Position, const Ticked& fact) {
    last_tick_ns_ = std::max(last_tick_ns_, fact.at_ns);
    SYNCLINE_CHECK(expire(kExpiredPerTickMax));
    SYNCLINE_CHECK(expire_outcomes(kExpiredPerTickMax));
    return Applied{};
}

// Forgets message ids that are older than the window, oldest first.
Result<void> State::expire(int count_max) {
    if (last_tick_ns_ < kDedupWindowNs) return {};
    std::uint32_t oldest = minute_of(last_tick_ns_ - kDedupWindowNs);
    for (int expired = 0; expired < count_max && expiry_.minute < oldest; ++expired) {
        SYNCLINE_TRY(auto row, overlay_.seek(Table::kDedupExpiry, expiry_.from, ""));
        expiry_.minute = row ? static_cast<std::uint32_t>(
                                   read_big_endian(std::string_view{row->key}.substr(0, 4)))
                             : std::numeric_limits<std::uint32_t>::max();
        if (expiry_.minute >= oldest) break;
        overlay_.erase(Table::kDedup, std::string_view{row->key}.substr(4));
        overlay_.erase(Table::kDedupExpiry, row->key);
        expiry_.from = row->key + '\0';
    }
    return {};
}

}  // namespace syncline::store
