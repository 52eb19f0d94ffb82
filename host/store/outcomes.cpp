// What became of events whose senders wait: kept from their receipt until a window is over, for who
// waits now, for repeats, and for who asks later.
#include <algorithm>
#include <limits>
#include <utility>

#include "store/state.hpp"

namespace syncline::store {

void State::expect_outcome(Position at, const Received& fact) {
    OutcomeRow row;
    row.route = fact.route;
    row.connection = fact.answering;
    row.received_ns = fact.received_ns;
    std::string bytes = encode(row);
    outcomes_bytes_ += bytes.size() + kOutcomeOverheadBytes;
    overlay_.put(Table::kOutcome, outcome_key(at), std::move(bytes), true);
    std::uint32_t minute = minute_of(fact.received_ns);
    Key expiry = Key{}.u32(minute).u64(at.value);
    overlay_.put(Table::kOutcomeExpiry, expiry, "");
    outcome_expiry_.minute = std::min(outcome_expiry_.minute, minute);
    outcome_expiry_.from = std::min(outcome_expiry_.from, expiry.str());
}

// The event became records, perhaps after it was a dead letter.
Result<void> State::expect_records(const Translated& fact, ConnectionId connection) {
    SYNCLINE_TRY(auto row, outcome(fact.event));
    if (!row) return {};
    row->is_translated = true;
    row->failure = {};
    row->open.clear();
    for (std::uint32_t index = 0; index < fact.records.size(); ++index) {
        const std::vector<Target>& targets = fact.records[index].targets;
        bool is_awaited = std::any_of(targets.begin(), targets.end(), [&](const Target& target) {
            return target.connection == connection;
        });
        if (is_awaited) row->open.push_back(index);
    }
    if (row->open.size() > kOutcomeRecordsMax) {
        row->failure.failure_class = "unsupported";
        row->failure.message = "the request became " + std::to_string(row->open.size()) +
                               " records, more than an answer has room for; they go out all the "
                               "same";
        row->open.clear();
    }
    return put_outcome(fact.event, *row);
}

Result<void> State::note_event_died(const EventDied& fact) {
    SYNCLINE_TRY(auto row, outcome(fact.event));
    if (!row) return {};
    row->failure = fact.failure;
    return put_outcome(fact.event, *row);
}

// The record has come to an end; the last one counts, because a dead letter may be replayed.
Result<void> State::note_settled(const Settled& fact, const RecordRow& record) {
    SYNCLINE_TRY(auto row, outcome(fact.record.event));
    if (!row || row->has_no_room()) return {};
    OutcomeEntry entry;
    entry.index = fact.record.index;
    entry.settlement = fact.settlement;
    entry.stream = record.stream;
    entry.key = record.key;
    entry.failure = fact.failure;
    if (fact.settlement == Settlement::kDelivered || fact.settlement == Settlement::kUnchanged) {
        SYNCLINE_TRY(auto known, key_map(fact.connection, fact.lane));
        if (known) entry.destination_key = std::move(known->destination_key);
    }
    std::erase(row->open, entry.index);
    std::erase_if(row->entries, [&](const auto& other) { return other.index == entry.index; });
    std::size_t replies = fact.reply.size();
    for (const OutcomeEntry& other : row->entries) replies += other.reply.size();
    if (replies <= kOutcomeRepliesBytesMax) entry.reply = fact.reply;
    auto place = std::upper_bound(
        row->entries.begin(), row->entries.end(), entry.index,
        [](std::uint32_t index, const OutcomeEntry& other) { return index < other.index; });
    row->entries.insert(place, std::move(entry));
    return put_outcome(fact.record.event, *row);
}

Result<void> State::put_outcome(Position event, const OutcomeRow& row) {
    Key key = outcome_key(event);
    SYNCLINE_TRY(auto before, overlay_.get(Table::kOutcome, key));
    std::string bytes = encode(row);
    outcomes_bytes_ += bytes.size();
    outcomes_bytes_ -= std::min<std::uint64_t>(outcomes_bytes_, before ? before->size() : 0);
    overlay_.put(Table::kOutcome, key, std::move(bytes));
    if (row.is_complete() || row.entries.empty()) outcome_news_.events.push_back(event);
    return {};
}

// Forgets outcomes that are older than the window, and beyond the bound the oldest of all.
Result<void> State::expire_outcomes(int count_max) {
    std::uint32_t oldest =
        last_tick_ns_ < kDedupWindowNs ? 0 : minute_of(last_tick_ns_ - kDedupWindowNs);
    for (int expired = 0; expired < count_max; ++expired) {
        bool is_over = outcomes_bytes_ > outcomes_bytes_max_;
        if (!is_over && outcome_expiry_.minute >= oldest) break;
        SYNCLINE_TRY(auto row, overlay_.seek(Table::kOutcomeExpiry, outcome_expiry_.from, ""));
        outcome_expiry_.minute = row ? static_cast<std::uint32_t>(
                                           read_big_endian(std::string_view{row->key}.substr(0, 4)))
                                     : std::numeric_limits<std::uint32_t>::max();
        if (!row || (!is_over && outcome_expiry_.minute >= oldest)) break;
        std::string_view key = std::string_view{row->key}.substr(4);
        SYNCLINE_TRY(auto outcome, overlay_.get(Table::kOutcome, key));
        std::uint64_t bytes = (outcome ? outcome->size() : 0) + kOutcomeOverheadBytes;
        outcomes_bytes_ -= std::min(outcomes_bytes_, bytes);
        overlay_.erase(Table::kOutcome, key);
        overlay_.erase(Table::kOutcomeExpiry, row->key);
        outcome_expiry_.from = row->key + '\0';
    }
    return {};
}

Result<std::optional<OutcomeRow>> State::outcome(Position event) {
    SYNCLINE_TRY(auto found, overlay_.get(Table::kOutcome, outcome_key(event)));
    if (!found) return std::optional<OutcomeRow>{};
    SYNCLINE_TRY(OutcomeRow row, decode_row<OutcomeRow>(*found));
    return std::optional{std::move(row)};
}

Result<Position> State::event_of(RouteId route, std::string_view message_id, Position event) {
    if (message_id.empty()) return event;
    SYNCLINE_TRY(std::optional<Position> first, first_with(route, message_id));
    return first.value_or(event);
}

Result<std::vector<std::string>> State::open_lanes(Position event, const OutcomeRow& outcome) {
    std::vector<std::string> lanes;
    for (std::uint32_t index : outcome.open) {
        SYNCLINE_TRY(auto found, overlay_.get(Table::kRecord, record_key({event, index})));
        if (!found) continue;
        SYNCLINE_TRY(RecordRow record, decode_row<RecordRow>(*found));
        lanes.push_back(lane_row_key(outcome.connection, lane_key(record.key)).str());
    }
    return lanes;
}

Result<std::optional<LaneRow>> State::lane(std::string_view row_key) {
    SYNCLINE_TRY(auto found, overlay_.get(Table::kLane, row_key));
    if (!found) return std::optional<LaneRow>{};
    SYNCLINE_TRY(LaneRow row, decode_row<LaneRow>(*found));
    return std::optional{std::move(row)};
}

}  // namespace syncline::store
