// The questions that delivery and operators ask of the state, and its way to and from the database.

#include "core/assert.hpp"
#include "store/codec.hpp"
#include "store/errc.hpp"
#include "store/state.hpp"

namespace syncline::store {
namespace {

std::string big_endian(std::uint64_t n) {
    return Key{}.u64(n).str();
}

}  // namespace

Result<void> State::load() {
    auto number = [&](std::string_view name) -> Result<std::uint64_t> {
        SYNCLINE_TRY(auto value, overlay_.get(Table::kMeta, name));
        return value ? read_big_endian(*value) : 0;
    };
    SYNCLINE_TRY(std::uint64_t format, number(meta::kFormat));
    if (format > meta::kFormatNumber) {
        return Error{kNewerFormat, "the state has format " + std::to_string(format) +
                                       "; this syncline reads up to format " +
                                       std::to_string(meta::kFormatNumber)};
    }
    if (format != 0 && format < meta::kFormatNumber)
        overlay_.put(Table::kMeta, meta::kFormat, big_endian(meta::kFormatNumber));
    SYNCLINE_TRY(applied_.value, number(meta::kApplied));
    SYNCLINE_TRY(hash_seed_, number(meta::kSeed));
    SYNCLINE_TRY(pending_bytes_, number(meta::kPendingBytes));
    SYNCLINE_TRY(outcomes_bytes_, number(meta::kOutcomeBytes));
    SYNCLINE_TRY(std::uint64_t tick, number(meta::kLastTick));
    last_tick_ns_ = static_cast<std::int64_t>(tick);
    SYNCLINE_CHECK(load_message_ids(format));

    std::string from(1, '\0');
    for (;;) {
        SYNCLINE_TRY(auto row, overlay_.seek(Table::kName, from, ""));
        if (!row) break;
        Reader in{row->value};
        NameRow name;
        name.is_present = in.integer<std::uint8_t>() != 0;
        name.name = in.text();
        auto id = static_cast<std::uint32_t>(read_big_endian(std::string_view{row->key}.substr(1)));
        names_[static_cast<NameKind>(row->key.front())][id] = std::move(name);
        from = row->key + '\0';
    }
    from.assign(1, '\0');
    for (;;) {
        SYNCLINE_TRY(auto row, overlay_.seek(Table::kLedger, from, ""));
        if (!row) break;
        auto id = static_cast<std::uint32_t>(read_big_endian(std::string_view{row->key}.substr(1)));
        if (row->key.front() == static_cast<char>(NameKind::kRoute)) {
            SYNCLINE_TRY(route_ledgers_[id], decode_row<RouteLedger>(row->value));
        } else {
            SYNCLINE_TRY(connection_ledgers_[id], decode_row<ConnectionLedger>(row->value));
        }
        from = row->key + '\0';
    }
    return {};
}

void State::create(std::uint64_t hash_seed) {
    hash_seed_ = hash_seed;
    overlay_.put(Table::kMeta, meta::kSeed, big_endian(hash_seed));
    overlay_.put(Table::kMeta, meta::kFormat, big_endian(meta::kFormatNumber));
}

void State::seal() {
    overlay_.put(Table::kMeta, meta::kApplied, big_endian(applied_.value));
    overlay_.put(Table::kMeta, meta::kPendingBytes, big_endian(pending_bytes_));
    overlay_.put(Table::kMeta, meta::kOutcomeBytes, big_endian(outcomes_bytes_));
    overlay_.put(Table::kMeta, meta::kLastTick,
                 big_endian(static_cast<std::uint64_t>(last_tick_ns_)));
    for (const auto& [id, ledger] : route_ledgers_) {
        overlay_.put(Table::kLedger, name_key(NameKind::kRoute, id), encode(ledger));
    }
    for (const auto& [id, ledger] : connection_ledgers_) {
        overlay_.put(Table::kLedger, name_key(NameKind::kConnection, id), encode(ledger));
    }
}

std::uint64_t State::pending_events(RouteId route) const {
    auto at = route_ledgers_.find(route);
    return at == route_ledgers_.end() ? 0 : at->second.pending;
}

Result<std::vector<PendingEvent>> State::take_events(RouteId route, std::size_t count_max,
                                                     std::size_t bytes_max) {
    std::vector<PendingEvent> events;
    Position& cursor = event_cursors_[route];
    std::string prefix = Key{}.u32(route).str();
    std::size_t bytes = 0;
    while (events.size() < count_max && bytes < bytes_max) {
        SYNCLINE_TRY(auto row, overlay_.seek(Table::kEvent, event_key(route, cursor), prefix));
        if (!row) break;
        Position position{read_big_endian(std::string_view{row->key}.substr(4))};
        cursor = position.next();
        SYNCLINE_TRY(std::shared_ptr<const Received> event, take_event(position, row->value));
        if (!event) continue;  // in flight already
        bytes += event->body.size;
        events.push_back(PendingEvent{route, position, std::move(event)});
    }
    return events;
}

Result<std::optional<std::string>> State::mapped_id(AccountId account, std::string_view name_space,
                                                    std::string_view key) {
    SYNCLINE_TRY(auto found, overlay_.get(Table::kIdMap, id_map_key(account, name_space, key)));
    if (!found) return std::optional<std::string>{};
    return std::optional{std::string{*found}};
}

Result<std::optional<KeyMapRow>> State::key_map(ConnectionId connection, std::string_view lane) {
    SYNCLINE_TRY(auto found, overlay_.get(Table::kKeyMap, lane_row_key(connection, lane)));
    if (!found) return std::optional<KeyMapRow>{};
    SYNCLINE_TRY(KeyMapRow row, decode_row<KeyMapRow>(*found));
    return std::optional{std::move(row)};
}

Result<std::optional<LaneRow>> State::lane(ConnectionId connection, std::string_view lane) {
    SYNCLINE_TRY(auto found, overlay_.get(Table::kLane, lane_row_key(connection, lane)));
    if (!found) return std::optional<LaneRow>{};
    SYNCLINE_TRY(LaneRow row, decode_row<LaneRow>(*found));
    return std::optional{std::move(row)};
}

Result<bool> State::is_pending(RouteId route, Position event) {
    SYNCLINE_TRY(auto found, overlay_.get(Table::kEvent, event_key(route, event)));
    return found.has_value();
}

Result<std::optional<Letter>> State::fill(std::uint64_t id, LetterRow row) {
    Letter letter;
    letter.id = id;
    if (row.kind == LetterKind::kRecord) {
        SYNCLINE_TRY(auto found, overlay_.get(Table::kRecord, record_key(row.record)));
        if (found) {
            SYNCLINE_TRY(letter.record, decode_row<RecordRow>(*found));
        }
    } else {
        std::string_view bytes = row.event;
        SYNCLINE_TRY(Fact fact, decode(bytes));
        if (auto* received = std::get_if<Received>(&fact)) letter.event = std::move(*received);
    }
    letter.row = std::move(row);
    return std::optional{std::move(letter)};
}

Result<std::optional<Letter>> State::letter(std::uint64_t id) {
    SYNCLINE_TRY(auto found, overlay_.get(Table::kLetter, Key{}.u64(id)));
    if (!found) return std::optional<Letter>{};
    SYNCLINE_TRY(LetterRow row, decode_row<LetterRow>(*found));
    return fill(id, std::move(row));
}

Result<std::vector<Letter>> State::letters(std::uint64_t after, std::size_t limit) {
    std::vector<Letter> letters;
    std::uint64_t from = after + 1;
    while (letters.size() < limit) {
        SYNCLINE_TRY(auto found, overlay_.seek(Table::kLetter, Key{}.u64(from), ""));
        if (!found) break;
        std::uint64_t id = read_big_endian(found->key);
        SYNCLINE_TRY(LetterRow row, decode_row<LetterRow>(found->value));
        SYNCLINE_TRY(auto letter, fill(id, std::move(row)));
        letters.push_back(std::move(*letter));
        from = id + 1;
    }
    return letters;
}

Result<std::uint64_t> State::find_letters(std::uint64_t after, std::size_t look_max,
                                          const std::function<bool(const LetterRow&)>& is_wanted,
                                          std::vector<Letter>& found) {
    for (std::size_t looked = 0; looked < look_max; ++looked) {
        SYNCLINE_TRY(auto at, overlay_.seek(Table::kLetter, Key{}.u64(after + 1), ""));
        if (!at) return 0;
        after = read_big_endian(at->key);
        SYNCLINE_TRY(LetterRow row, decode_row<LetterRow>(at->value));
        if (!is_wanted(row)) continue;
        SYNCLINE_TRY(auto letter, fill(after, std::move(row)));
        found.push_back(std::move(*letter));
    }
    return after;
}

Result<std::vector<std::string>> State::body_files() {
    std::vector<std::string> files;
    std::string from(1, '\0');
    for (;;) {
        SYNCLINE_TRY(auto row, overlay_.seek(Table::kBody, from, ""));
        if (!row) break;
        files.push_back(row->key);
        from = row->key + '\0';
    }
    return files;
}

}  // namespace syncline::store
