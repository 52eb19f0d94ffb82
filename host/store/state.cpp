// Applying facts. Everything here is deterministic: no clock, no random, no configuration (rule 6).
#include "store/state.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/assert.hpp"
#include "store/codec.hpp"
#include "store/errc.hpp"
#include "store/message_id.hpp"
#include "store/parents.hpp"

namespace syncline::store {
namespace {

constexpr int kExpiredPerTickMax = 10'000;
constexpr int kExpiredPerEventMax = 2;
// Once around all rows while an eighth of them comes: so few that are forgotten are still there.
constexpr int kSweptPerEventMax = 8;
constexpr std::size_t kRecentBytesMax = 4 * 1024 * 1024;

std::string encode_fact(const Fact& fact) {
    std::string bytes;
    bytes.reserve(size_of(fact) + 64);
    encode(fact, bytes);
    return bytes;
}

// Did the id that is known come with another body? Not every row says what it came with.
bool is_altered(const Received& fact, std::string_view known) {
    const std::string_view before = known.substr(std::min(known.size(), kPositionBytes));
    const std::string_view now = content_of(fact.message_id);
    return !before.empty() && !now.empty() && before != now;
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
        SYNCLINE_TRY(auto known, known_message_id(dedup_key(fact.route, fact.message_id)));
        if (known) {
            ++ledger.duplicate;
            SYNCLINE_CHECK(drop_unless_referenced(fact.body));
            Applied applied;
            applied.is_altered_repeat = is_altered(fact, *known);
            return applied;
        }
        note_message_id(at, fact);
        SYNCLINE_CHECK(expire(kExpiredPerEventMax));  // as many go as come, however many come
        SYNCLINE_CHECK(sweep(kSweptPerEventMax));
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
        RecordRow row;
        for (const Target& target : record.targets) {
            targets.push_back(target.connection);
            if (target.parent != 0) row.parents.push_back(target);
        }
        std::sort(targets.begin(), targets.end());
        targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
        row.references = static_cast<std::uint32_t>(targets.size());
        row.route = fact.route;
        row.operation = record.operation;
        row.stream = record.stream;
        row.key = record.key;
        row.occurred_ns = record.occurred_ns;
        row.received_ns = event->received_ns;
        row.body = record.body;
        row.is_mergeable = record.is_mergeable && record.operation == record::Operation::kUpsert;
        if (!row.parents.empty()) row.parent_key = record.parent_key;
        row.answering = event->answering;
        overlay_.put(Table::kRecord, record_key(id), encode(row), true);
        pending_bytes_ += record.body.size + kPendingOverheadBytes;
        SYNCLINE_CHECK(reference_body(record.body, 1));
        std::string lane = lane_key(record.key);
        for (ConnectionId target : targets) {
            ++connection_ledgers_[target].routed;
            SYNCLINE_CHECK(enqueue(target, lane, id, row, false));
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

Result<Applied> State::apply_to(Position at, const Settled& fact) {
    SYNCLINE_TRY(auto found, overlay_.get(Table::kLane, lane_row_key(fact.connection, fact.lane)));
    if (!found) return Applied{};
    SYNCLINE_TRY(LaneRow lane, decode_row<LaneRow>(*found));
    // Rule 13: a late result of an older attempt, or of a record that has been settled, changes
    // nothing.
    if (lane.head != fact.record || lane.attempts + 1 != fact.attempt) return Applied{};

    SYNCLINE_CHECK(remember(fact));
    auto flight = lanes_in_flight_.find(lane_row_key(fact.connection, fact.lane));
    if (flight != lanes_in_flight_.end() && !flight->second.is_chain)
        lanes_in_flight_.erase(flight);
    SYNCLINE_CHECK(unschedule(fact.connection, fact.lane, lane));
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
    SYNCLINE_TRY(RecordRow record, read_record(fact.record));
    if (record.answering == fact.connection) SYNCLINE_CHECK(note_settled(fact, record));
    if (fact.settlement == Settlement::kDead) {
        bury(at, fact);
    } else {
        SYNCLINE_CHECK(release(fact.record, std::move(record), fact.connection));
    }
    SYNCLINE_CHECK(pop(fact, std::move(lane)));
    return Applied{};
}

// The key map: what the destination has now, as far as is known (rules 12 and 13).
Result<void> State::remember(const Settled& fact) {
    bool is_final =
        fact.settlement == Settlement::kDelivered || fact.settlement == Settlement::kUnchanged;
    if (!is_final && !fact.is_unknown) return {};
    Key key = lane_row_key(fact.connection, fact.lane);
    std::optional<KeyMapRow> known;
    auto taken = lanes_in_flight_.find(key);
    if (taken != lanes_in_flight_.end()) {
        known = std::move(taken->second.key_map);
    } else {
        SYNCLINE_TRY(known, key_map(fact.connection, fact.lane));
    }
    KeyMapRow row = known ? std::move(*known) : KeyMapRow{};
    row.is_unknown = !is_final;
    if (is_final) {
        // What was received before a record was asked for is older than what came.
        constexpr std::uint32_t kLastIndex = std::numeric_limits<std::uint32_t>::max();
        row.last = std::max(row.last, fact.record);
        if (fact.as_of != Position{}) row.last = std::max(row.last, {fact.as_of, kLastIndex});
        row.row_hash = fact.row_hash;
    }
    if (fact.settlement == Settlement::kDelivered) {
        row.field_hashes = fact.field_hashes;
        if (!fact.destination_key.empty()) row.destination_key = fact.destination_key;
    }
    overlay_.put(Table::kKeyMap, key, encode(row));
    const bool is_there = is_final && has_record(row);
    if (taken != lanes_in_flight_.end()) taken->second.key_map = std::move(row);
    return is_there ? release_children(fact.connection, fact.lane) : Result<void>{};
}

Result<RecordRow> State::read_record(RecordId record) {
    SYNCLINE_TRY(auto found, overlay_.get(Table::kRecord, record_key(record)));
    if (!found) return Error{kStateDamaged, "a lane names a record that is not there"};
    return decode_row<RecordRow>(*found);
}

Result<void> State::release(RecordId record, ConnectionId connection) {
    SYNCLINE_TRY(RecordRow row, read_record(record));
    return release(record, std::move(row), connection);
}

Result<void> State::release(RecordId record, RecordRow row, ConnectionId connection) {
    Key key = record_key(record);
    SYNCLINE_CHECK(drop_edit(row, connection));
    if (--row.references > 0) {
        overlay_.put(Table::kRecord, key, encode(row));
        return {};
    }
    overlay_.erase(Table::kRecord, key);
    // Of connections that lost their place in a salvage.
    while (!row.edits.empty()) SYNCLINE_CHECK(drop_edit(row, row.edits.back().connection));
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

Result<Applied> State::apply_to(Position, const Ticked& fact) {
    last_tick_ns_ = std::max(last_tick_ns_, fact.at_ns);
    SYNCLINE_CHECK(expire(kExpiredPerTickMax));
    SYNCLINE_CHECK(sweep(kExpiredPerTickMax));
    SYNCLINE_CHECK(expire_outcomes(kExpiredPerTickMax));
    return Applied{};
}

}  // namespace syncline::store
