#include "store/row_shape.hpp"

#include "store/codec.hpp"
#include "store/errc.hpp"
#include "store/message_id_groups.hpp"
#include "store/rows.hpp"

namespace syncline::store {
namespace {

template <class Row>
Result<bool> holds(std::string_view value) {
    Result<Row> row = decode_row<Row>(value);
    if (row.has_value()) return true;
    if (row.error().is(kNewerFormat)) return row.error();
    return false;
}

Result<bool> holds_event(std::string_view value) {
    Result<Fact> fact = decode(value);
    if (!fact.has_value()) {
        if (fact.error().is(kNewerFormat)) return fact.error();
        return false;
    }
    return std::holds_alternative<Received>(*fact) && value.empty();
}

Result<bool> holds_letter(std::string_view value) {
    SYNCLINE_TRY(bool is_letter, holds<LetterRow>(value));
    if (!is_letter) return false;
    Result<LetterRow> letter = decode_row<LetterRow>(value);
    if (letter->kind == LetterKind::kEvent) return holds_event(letter->event);
    return letter->kind == LetterKind::kRecord && letter->event.empty();
}

bool is_kind(char kind) {
    return kind >= static_cast<char>(NameKind::kRoute) &&
           kind <= static_cast<char>(NameKind::kAccount);
}

bool is_name(std::string_view key, std::string_view value) {
    if (key.size() != 5 || !is_kind(key.front())) return false;
    Reader in{value};
    auto is_present = in.integer<std::uint8_t>();
    in.text();
    return is_present <= 1 && in.at_end();
}

Result<bool> is_ledger(std::string_view key, std::string_view value) {
    if (key.size() != 5 || !is_kind(key.front())) return false;
    return key.front() == static_cast<char>(NameKind::kRoute) ? holds<RouteLedger>(value)
                                                              : holds<ConnectionLedger>(value);
}

bool is_queue(std::string_view key, std::string_view value) {
    constexpr std::size_t kAroundLane = 4 + 2 + 12;
    return key.size() > kAroundLane && value.size() == 1 &&
           read_big_endian(key.substr(4, 2)) == key.size() - kAroundLane;
}

bool is_parked(std::string_view key) {
    constexpr std::size_t kAroundLanes = 4 + 2 + 4;
    return key.size() > kAroundLanes &&
           read_big_endian(key.substr(4, 2)) < key.size() - kAroundLanes;
}

bool is_body(std::string_view key, std::string_view value) {
    return value.size() == 4 && key.find_first_not_of("0123456789-") == std::string_view::npos &&
           key.find('-') != std::string_view::npos;
}

}  // namespace

Result<bool> fits(Table table, std::string_view key, std::string_view value) {
    switch (table) {
        case Table::kMeta:
            return value.size() == 8 &&
                   key.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
        case Table::kName:
            return is_name(key, value);
        case Table::kEvent:
            return key.size() == 12 ? holds_event(value) : Result<bool>{false};
        case Table::kRecord:
            return key.size() == 12 ? holds<RecordRow>(value) : Result<bool>{false};
        case Table::kLane:
            return key.size() >= 4 ? holds<LaneRow>(value) : Result<bool>{false};
        case Table::kQueue:
            return is_queue(key, value);
        case Table::kReady:
            return key.size() == 16;
        case Table::kDue:
            return key.size() >= 12 && value.empty();
        case Table::kKeyMap:
            return key.size() >= 4 ? holds<KeyMapRow>(value) : Result<bool>{false};
        case Table::kDedup:
            return key.size() == 20 && (value.size() == 8 || value.size() == 16);
        case Table::kDedupExpiry:
            return group_of(key, value).has_value() || (key.size() == 24 && value.empty());
        case Table::kLetter:
            return key.size() == 8 ? holds_letter(value) : Result<bool>{false};
        case Table::kBody:
            return is_body(key, value);
        case Table::kLedger:
            return is_ledger(key, value);
        case Table::kOutcome:
            return key.size() == 8 ? holds<OutcomeRow>(value) : Result<bool>{false};
        case Table::kOutcomeExpiry:
            return key.size() == 12 && value.empty();
        case Table::kParked:
            return is_parked(key) && value.empty();
        case Table::kIdMap:
            return key.size() > 6 && read_big_endian(key.substr(4, 2)) < key.size() - 6;
    }
    return false;
}

}  // namespace syncline::store
