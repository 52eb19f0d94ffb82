#include "store/repair.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "store/codec.hpp"
#include "store/committer.hpp"
#include "store/errc.hpp"
#include "store/overlay.hpp"
#include "store/parents.hpp"
#include "store/rows.hpp"
#include "store/state.hpp"

namespace syncline::store {
namespace {

constexpr std::size_t kCommitBytes = 8 * 1024 * 1024;

bool is_headless(const LaneRow& lane) {
    return lane.head == RecordId{};
}

struct LaneId {
    ConnectionId connection = 0;
    std::string lane;
};

LaneId lane_of_row(std::string_view key) {
    return LaneId{static_cast<ConnectionId>(read_big_endian(key.substr(0, 4))),
                  std::string{key.substr(4)}};
}

LaneId lane_of_queue(std::string_view key) {
    return LaneId{static_cast<ConnectionId>(read_big_endian(key.substr(0, 4))),
                  std::string{key.substr(6, key.size() - 18)}};
}

// Of the child, not of the parent.
LaneId lane_of_parked(std::string_view key) {
    return lane_of_row(key.substr(6 + read_big_endian(key.substr(4, 2))));
}

LaneId lane_of_due(std::string_view key) {
    return LaneId{static_cast<ConnectionId>(read_big_endian(key.substr(0, 4))),
                  std::string{key.substr(12)}};
}

// A lane or a letter holds a record.
struct Holder {
    RecordId record;
    ConnectionId connection = 0;
    auto operator<=>(const Holder&) const = default;
};

class Repair {
  public:
    Repair(Database& database, const DataDir& directory, const RepairInput& input)
        : database_(database),
          directory_(directory),
          input_(input),
          overlay_(database, Overlay::Search::kAll) {}

    Result<RepairResult> run() {
        SYNCLINE_CHECK(read_names());
        SYNCLINE_CHECK(restore_lanes());
        SYNCLINE_CHECK(check_lanes());
        SYNCLINE_CHECK(check_letters());
        SYNCLINE_CHECK(check_records());
        SYNCLINE_CHECK(schedule_lanes());
        SYNCLINE_CHECK(check_events());
        SYNCLINE_CHECK(count_bodies());
        SYNCLINE_CHECK(match_message_ids());
        SYNCLINE_CHECK(match_outcomes());
        SYNCLINE_CHECK(balance());
        SYNCLINE_CHECK(name_the_nameless());
        SYNCLINE_CHECK(write_meta());
        SYNCLINE_CHECK(count_rows());
        SYNCLINE_CHECK(commit_overlay(database_, directory_, overlay_));
        return std::move(result_);
    }

  private:
    template <class Visit>
    Result<void> each(Table table, std::string_view prefix, Visit visit) {
        std::string from = prefix.empty() ? std::string(1, '\0') : std::string{prefix};
        for (;;) {
            SYNCLINE_TRY(auto row, overlay_.seek(table, from, prefix));
            if (!row) return {};
            std::string value{row->value};
            SYNCLINE_CHECK(visit(row->key, value));
            from = row->key + '\0';
            if (overlay_.dirty_bytes() > kCommitBytes)
                SYNCLINE_CHECK(commit_overlay(database_, directory_, overlay_));
        }
    }

    bool is_damaged(Table table) const {
        return input_.is_damaged[static_cast<std::size_t>(table)];
    }

    Result<LaneRow> lane(const LaneId& id) {
        SYNCLINE_TRY(auto found, overlay_.get(Table::kLane, lane_row_key(id.connection, id.lane)));
        if (!found) return LaneRow{};
        return decode_row<LaneRow>(*found);
    }

    void put_lane(const LaneId& id, const LaneRow& row) {
        overlay_.put(Table::kLane, lane_row_key(id.connection, id.lane), encode(row));
    }

    Result<std::optional<RecordRow>> record(RecordId id) {
        SYNCLINE_TRY(auto found, overlay_.get(Table::kRecord, record_key(id)));
        if (!found) return std::optional<RecordRow>{};
        SYNCLINE_TRY(RecordRow row, decode_row<RecordRow>(*found));
        return std::optional{std::move(row)};
    }

    std::string connection_name(ConnectionId id) const {
        auto at = names_[1].find(id);
        return at == names_[1].end() ? std::to_string(id) : at->second;
    }

    void lose(std::string what) {
        if (result_.lost.size() < RepairResult::kNamedMax) result_.lost.push_back(std::move(what));
    }

    Result<void> read_names() {
        return each(Table::kName, "", [&](const std::string& key, const std::string& value) {
            Reader in{value};
            in.integer<std::uint8_t>();
            auto id = static_cast<std::uint32_t>(read_big_endian(std::string_view{key}.substr(1)));
            names_[key.front() == static_cast<char>(NameKind::kRoute) ? 0 : 1][id] = in.text();
            return Result<void>{};
        });
    }

    // A lane whose row is lost gets one without a head when something is left that names it; the
    // row of its schedule knows the head. Schedules are made anew later.
    Result<void> restore_lanes() {
        SYNCLINE_CHECK(each(
            Table::kReady, "",
            [&](const std::string& key, const std::string& value) -> Result<void> {
                LaneId id{
                    static_cast<ConnectionId>(read_big_endian(std::string_view{key}.substr(0, 4))),
                    value};
                SYNCLINE_TRY(auto found,
                             overlay_.get(Table::kLane, lane_row_key(id.connection, id.lane)));
                if (!found && !value.empty()) {
                    LaneRow row;
                    row.head = record_id_of(key);
                    put_lane(id, row);
                }
                overlay_.erase(Table::kReady, key);
                return {};
            }));
        SYNCLINE_CHECK(each(Table::kDue, "", [&](const std::string& key, const std::string&) {
            Result<void> kept = keep_lane(lane_of_due(key));
            overlay_.erase(Table::kDue, key);
            return kept;
        }));
        SYNCLINE_CHECK(each(Table::kParked, "", [&](const std::string& key, const std::string&) {
            Result<void> kept = keep_lane(lane_of_parked(key));
            overlay_.erase(Table::kParked, key);
            return kept;
        }));
        return each(Table::kQueue, "", [&](const std::string& key, const std::string&) {
            return keep_lane(lane_of_queue(key));
        });
    }

    Result<void> keep_lane(const LaneId& id) {
        SYNCLINE_TRY(auto found, overlay_.get(Table::kLane, lane_row_key(id.connection, id.lane)));
        if (!found) put_lane(id, LaneRow{});
        return {};
    }

    // Takes out what names a record that is lost, counts the rest.
    Result<void> check_lanes() {
        return each(Table::kLane, "",
                    [&](const std::string& key, const std::string& value) -> Result<void> {
                        LaneId id = lane_of_row(key);
                        SYNCLINE_TRY(LaneRow row, decode_row<LaneRow>(value));
                        if (!is_headless(row)) {
                            SYNCLINE_TRY(bool is_held, hold(id, row.head));
                            if (!is_held) row = LaneRow{};
                        }
                        row.count = is_headless(row) ? 0 : 1;
                        row.tail = RecordId{};
                        std::string prefix = queue_prefix(id.connection, id.lane).str();
                        SYNCLINE_CHECK(
                            each(Table::kQueue, prefix,
                                 [&](const std::string& entry, const std::string&) -> Result<void> {
                                     bool is_held = record_id_of(entry) != row.head;
                                     if (is_held) {
                                         SYNCLINE_TRY(is_held, hold(id, record_id_of(entry)));
                                     }
                                     if (!is_held) overlay_.erase(Table::kQueue, entry);
                                     row.count += is_held ? 1 : 0;
                                     if (is_held) row.tail = record_id_of(entry);
                                     return {};
                                 }));
                        put_lane(id, row);
                        return {};
                    });
    }

    Result<bool> hold(const LaneId& id, RecordId record_id) {
        SYNCLINE_TRY(std::optional<RecordRow> row, record(record_id));
        if (!row) {
            ++dropped_;
            lose("record " + to_string(record_id.event) + "/" + std::to_string(record_id.index) +
                 " for " + connection_name(id.connection) + ", key " + id.lane.substr(1));
            return false;
        }
        holders_.push_back(Holder{record_id, id.connection});
        targets_[{row->route, row->stream}].insert(id.connection);
        return true;
    }

    Result<void> check_letters() {
        return each(Table::kLetter, "",
                    [&](const std::string& key, const std::string& value) -> Result<void> {
                        SYNCLINE_TRY(LetterRow letter, decode_row<LetterRow>(value));
                        if (letter.kind == LetterKind::kEvent) {
                            ++event_letters_[letter.owner];
                            return {};
                        }
                        SYNCLINE_TRY(std::optional<RecordRow> row, record(letter.record));
                        if (!row) {
                            lose("dead letter " + to_string(Position{read_big_endian(key)}) +
                                 " of " + connection_name(letter.owner) + ": its record");
                            overlay_.erase(Table::kLetter, key);
                            return {};
                        }
                        holders_.push_back(Holder{letter.record, letter.owner});
                        targets_[{row->route, row->stream}].insert(letter.owner);
                        ++record_letters_[letter.owner];
                        return {};
                    });
    }

    // A record that fewer hold than should goes back to where it was, when that is certain.
    Result<void> check_records() {
        std::sort(holders_.begin(), holders_.end());
        auto at = holders_.begin();
        return each(Table::kRecord, "",
                    [&](const std::string& key, const std::string& value) -> Result<void> {
                        RecordId id = record_id_of(key);
                        SYNCLINE_TRY(RecordRow row, decode_row<RecordRow>(value));
                        std::set<ConnectionId> holding;
                        std::uint32_t found = 0;
                        for (; at != holders_.end() && at->record <= id; ++at) {
                            if (at->record != id) continue;
                            holding.insert(at->connection);
                            ++found;
                        }
                        if (found < row.references) {
                            SYNCLINE_TRY(std::uint32_t restored,
                                         restore(id, row, row.references - found, holding));
                            if (found + restored < row.references) {
                                dropped_ += row.references - found - restored;
                                lose("record " + to_string(id.event) + "/" +
                                     std::to_string(id.index) + ", key " + row.key +
                                     ": where it was to go");
                            }
                            found += restored;
                        }
                        if (found == 0) {
                            overlay_.erase(Table::kRecord, key);
                            return {};
                        }
                        pending_bytes_ += row.body.size + kPendingOverheadBytes;
                        for (const Edit& edit : row.edits) pending_bytes_ += edit.body.size;
                        if (found != row.references) {
                            row.references = found;
                            overlay_.put(Table::kRecord, key, encode(row));
                        }
                        return {};
                    });
    }

    // How many of the missing holders are there again.
    Result<std::uint32_t> restore(RecordId id, const RecordRow& row, std::uint32_t missing,
                                  const std::set<ConnectionId>& holding) {
        std::set<ConnectionId> known = targets_[{row.route, row.stream}];
        if (known.empty()) {
            for (const auto& [connection, name] : names_[1]) known.insert(connection);
        }
        std::string lane_name = lane_key(row.key);
        std::vector<ConnectionId> candidates, waiting;
        for (ConnectionId connection : known) {
            if (holding.contains(connection)) continue;
            Key key = lane_row_key(connection, lane_name);
            SYNCLINE_TRY(auto key_map, overlay_.get(Table::kKeyMap, key));
            if (key_map) {
                SYNCLINE_TRY(KeyMapRow had, decode_row<KeyMapRow>(*key_map));
                if (had.last >= id) continue;  // it got this, or something newer
            }
            candidates.push_back(connection);
            SYNCLINE_TRY(auto found, overlay_.get(Table::kLane, key));
            if (!found) continue;
            SYNCLINE_TRY(LaneRow lane, decode_row<LaneRow>(*found));
            if (is_headless(lane)) waiting.push_back(connection);
        }
        if (candidates.size() > missing) candidates = std::move(waiting);
        if (candidates.size() > missing) return 0;
        bool was_letter =
            is_damaged(Table::kLetter) && !is_damaged(Table::kLane) && !is_damaged(Table::kQueue);
        for (ConnectionId connection : candidates) {
            if (was_letter)
                write_letter(connection, lane_name, id);
            else
                SYNCLINE_CHECK(queue(LaneId{connection, lane_name}, id, row));
        }
        return static_cast<std::uint32_t>(candidates.size());
    }

    Result<void> queue(const LaneId& id, RecordId record_id, const RecordRow& record) {
        SYNCLINE_TRY(LaneRow row, lane(id));
        ++row.count;
        row.tail = std::max(row.tail, record_id);
        put_lane(id, row);
        const int flags = parent_of(record, id.connection) != 0 ? queue_flag::kChild : 0;
        overlay_.put(Table::kQueue, queue_key(id.connection, id.lane, record_id),
                     std::string(1, static_cast<char>(flags)));
        return {};
    }

    void write_letter(ConnectionId connection, const std::string& lane_name, RecordId record_id) {
        LetterRow letter;
        letter.owner = connection;
        letter.record = record_id;
        letter.lane = lane_name;
        letter.at_ns = input_.now_ns;
        letter.failure.failure_class = "permanent";
        letter.failure.message = "what the dead letter said was lost with a damaged page";
        std::uint64_t number = input_.letters_from.value + new_letters_++;
        overlay_.put(Table::kLetter, Key{}.u64(number), encode(letter));
        ++record_letters_[connection];
    }

    // Lanes without a head go on with what waits first; empty ones end. Then the schedule.
    Result<void> schedule_lanes() {
        return each(Table::kLane, "",
                    [&](const std::string& key, const std::string& value) -> Result<void> {
                        LaneId id = lane_of_row(key);
                        SYNCLINE_TRY(LaneRow row, decode_row<LaneRow>(value));
                        if (row.count == 0) {
                            overlay_.erase(Table::kLane, key);
                            return {};
                        }
                        const bool is_new_head = is_headless(row);
                        if (is_new_head) {
                            std::string prefix = queue_prefix(id.connection, id.lane).str();
                            SYNCLINE_TRY(auto next, overlay_.seek(Table::kQueue, prefix, prefix));
                            if (!next) return Error{kStateDamaged, "a lane lost what was counted"};
                            row.head = record_id_of(next->key);
                            row.is_forced = has_flag(next->value, queue_flag::kForced);
                            if (row.tail == row.head) row.tail = RecordId{};
                            overlay_.erase(Table::kQueue, next->key);
                        }
                        // What was ready may have lost its parent since: it stays ready.
                        if (is_new_head || row.waits_for != 0) return park_or_schedule(id, row);
                        schedule(id, row);
                        return {};
                    });
    }

    void schedule(const LaneId& id, const LaneRow& row) {
        put_lane(id, row);
        if (row.due_ns == 0)
            overlay_.put(Table::kReady, ready_key(id.connection, row.head), id.lane);
        else
            overlay_.put(Table::kDue, due_key(id.connection, row.due_ns, id.lane), "");
        pending_records_[id.connection] += row.count;
    }

    Result<void> park_or_schedule(const LaneId& id, LaneRow row) {
        SYNCLINE_TRY(std::optional<RecordRow> head, record(row.head));
        if (!head) return Error{kStateDamaged, "a lane lost a record that was there"};
        SYNCLINE_TRY(row.waits_for, missing_parent(overlay_, *head, id.connection));
        if (row.waits_for == 0) {
            schedule(id, row);
            return {};
        }
        put_lane(id, row);
        Key key = parked_key(row.waits_for, lane_key(head->parent_key), id.connection, id.lane);
        overlay_.put(Table::kParked, key, "");
        parked_records_[id.connection] += row.count;
        return {};
    }

    Result<void> check_events() {
        return each(Table::kEvent, "",
                    [&](const std::string& key, const std::string& value) -> Result<void> {
                        std::string_view bytes = value;
                        SYNCLINE_TRY(Fact fact, decode(bytes));
                        const auto& received = std::get<Received>(fact);
                        ++pending_events_[static_cast<RouteId>(
                            read_big_endian(std::string_view{key}.substr(0, 4)))];
                        pending_bytes_ += received.body.size + kPendingOverheadBytes;
                        refer_to(received.body);
                        return {};
                    });
    }

    void refer_to(const Body& body) {
        if (!body.file.empty()) ++bodies_[body.file];
    }

    Result<void> count_bodies() {
        SYNCLINE_CHECK(each(Table::kRecord, "", [&](const std::string&, const std::string& value) {
            Result<RecordRow> row = decode_row<RecordRow>(value);
            if (!row.has_value()) return Result<void>{row.error()};
            refer_to(row->body);
            for (const Edit& edit : row->edits) refer_to(edit.body);
            return Result<void>{};
        }));
        SYNCLINE_CHECK(each(Table::kLetter, "",
                            [&](const std::string&, const std::string& value) -> Result<void> {
                                SYNCLINE_TRY(LetterRow letter, decode_row<LetterRow>(value));
                                if (letter.kind != LetterKind::kEvent) return {};
                                std::string_view bytes = letter.event;
                                SYNCLINE_TRY(Fact fact, decode(bytes));
                                refer_to(std::get<Received>(fact).body);
                                return {};
                            }));
        SYNCLINE_CHECK(each(Table::kBody, "", [&](const std::string& key, const std::string&) {
            overlay_.erase(Table::kBody, key);
            return Result<void>{};
        }));
        for (const auto& [file, count] : bodies_)
            overlay_.put(Table::kBody, file, Key{}.u32(count).str());
        return {};
    }

    // Each of the two rows of a message id can be made from the other. When it came is lost with
    // the one: it is remembered for a whole window from now.
    Result<void> match_message_ids() {
        if (is_damaged(Table::kDedup) || is_damaged(Table::kDedupExpiry)) {
            std::set<std::string> expiring;
            SYNCLINE_CHECK(each(Table::kDedupExpiry, "",
                                [&](const std::string& key, const std::string&) -> Result<void> {
                                    std::string id = key.substr(4);
                                    SYNCLINE_TRY(auto found, overlay_.get(Table::kDedup, id));
                                    if (!found) overlay_.put(Table::kDedup, id, Key{}.u64(0).str());
                                    expiring.insert(std::move(id));
                                    return {};
                                }));
            std::uint32_t minute = minute_of(input_.now_ns);
            SYNCLINE_CHECK(each(Table::kDedup, "", [&](const std::string& key, const std::string&) {
                if (!expiring.contains(key))
                    overlay_.put(Table::kDedupExpiry, Key{}.u32(minute).raw(key), "");
                return Result<void>{};
            }));
        }
        return {};
    }

    // An outcome without the row that ends it would stay for ever, and the other way round.
    Result<void> match_outcomes() {
        std::set<std::string> expiring;
        SYNCLINE_CHECK(each(Table::kOutcomeExpiry, "",
                            [&](const std::string& key, const std::string&) -> Result<void> {
                                std::string event = key.substr(4);
                                SYNCLINE_TRY(auto found, overlay_.get(Table::kOutcome, event));
                                if (found)
                                    expiring.insert(std::move(event));
                                else
                                    overlay_.erase(Table::kOutcomeExpiry, key);
                                return {};
                            }));
        return each(Table::kOutcome, "",
                    [&](const std::string& key, const std::string& value) -> Result<void> {
                        SYNCLINE_TRY(OutcomeRow row, decode_row<OutcomeRow>(value));
                        outcomes_bytes_ += value.size() + kOutcomeOverheadBytes;
                        if (expiring.contains(key)) return {};
                        Key expiry = Key{}.u32(minute_of(row.received_ns)).raw(key);
                        overlay_.put(Table::kOutcomeExpiry, expiry, "");
                        return {};
                    });
    }

    Result<void> balance() {
        std::map<RouteId, RouteLedger> routes;
        std::map<ConnectionId, ConnectionLedger> connections;
        SYNCLINE_CHECK(each(
            Table::kLedger, "",
            [&](const std::string& key, const std::string& value) -> Result<void> {
                auto id =
                    static_cast<std::uint32_t>(read_big_endian(std::string_view{key}.substr(1)));
                if (key.front() == static_cast<char>(NameKind::kRoute)) {
                    SYNCLINE_TRY(routes[id], decode_row<RouteLedger>(value));
                } else {
                    SYNCLINE_TRY(connections[id], decode_row<ConnectionLedger>(value));
                }
                return {};
            }));
        for (const auto& [id, count] : pending_events_) routes[id];
        for (const auto& [id, count] : event_letters_) routes[id];
        for (const auto& [id, count] : pending_records_) connections[id];
        for (const auto& [id, count] : parked_records_) connections[id];
        for (const auto& [id, count] : record_letters_) connections[id];
        for (auto& [id, ledger] : routes) {
            balance_route(id, ledger);
            overlay_.put(Table::kLedger, name_key(NameKind::kRoute, id), encode(ledger));
        }
        for (auto& [id, ledger] : connections) {
            balance_connection(id, ledger);
            overlay_.put(Table::kLedger, name_key(NameKind::kConnection, id), encode(ledger));
        }
        result_.records.lost = std::max(result_.records.lost, dropped_);
        return {};
    }

    // What is lost goes on being counted as received: it is dead. What is there and was not
    // counted was received.
    void balance_route(RouteId id, RouteLedger& ledger) {
        ids_[0].insert(id);
        std::uint64_t found = pending_events_[id];
        if (ledger.pending > found) {
            ledger.dead += ledger.pending - found;
            result_.events.lost += ledger.pending - found;
        }
        ledger.pending = found;
        ledger.dead = std::max(ledger.dead, event_letters_[id]);
        ledger.received =
            ledger.translated + ledger.handshake + ledger.duplicate + ledger.dead + ledger.pending;
        result_.events.kept += found;
    }

    void balance_connection(ConnectionId id, ConnectionLedger& ledger) {
        ids_[1].insert(id);
        const std::uint64_t pending = pending_records_[id], parked = parked_records_[id];
        const std::uint64_t waiting = pending + parked, letters = record_letters_[id];
        const std::uint64_t waited = ledger.pending + ledger.parked;
        if (waited > waiting) result_.records.lost += waited - waiting;
        std::uint64_t counted = waited + ledger.dead;
        if (counted > waiting + letters) ledger.discarded += counted - waiting - letters;
        ledger.pending = pending;
        ledger.parked = parked;
        ledger.dead = letters;
        ledger.routed = ledger.delivered + ledger.unchanged + ledger.filtered + ledger.superseded +
                        ledger.discarded + ledger.dead + waiting - ledger.generated;
        result_.records.kept += waiting;
    }

    // A number without its name must not be given to another name: its records would go astray.
    Result<void> name_the_nameless() {
        if (!is_damaged(Table::kName)) return {};
        for (NameKind kind : {NameKind::kRoute, NameKind::kConnection}) {
            std::size_t index = kind == NameKind::kRoute ? 0 : 1;
            const char* what = kind == NameKind::kRoute ? "route" : "connection";
            for (std::uint32_t id : ids_[index]) {
                if (names_[index].contains(id)) continue;
                std::string name = std::string{"lost-"} + what + "-" + std::to_string(id);
                Writer row;
                row.integer(std::uint8_t{0}).text(name);
                overlay_.put(Table::kName, name_key(kind, id), row.take());
                result_.notes.push_back(std::string{"the name of a "} + what +
                                        " is lost; what it holds is kept for a " + what +
                                        " that is called `" + name + "` in the configuration");
            }
        }
        return {};
    }

    Result<void> write_meta() {
        SYNCLINE_TRY(auto seed, overlay_.get(Table::kMeta, meta::kSeed));
        if (!seed) {
            overlay_.put(Table::kMeta, meta::kSeed, Key{}.u64(input_.fresh_seed).str());
            result_.notes.push_back(
                "the seed of the hashes is lost: a record that a destination has already goes out "
                "once more, and message ids of before are not recognised");
        }
        SYNCLINE_TRY(auto applied, overlay_.get(Table::kMeta, meta::kApplied));
        if (!applied)
            overlay_.put(Table::kMeta, meta::kApplied, Key{}.u64(input_.newest.value).str());
        overlay_.put(Table::kMeta, meta::kFormat, Key{}.u64(meta::kFormatNumber).str());
        overlay_.put(Table::kMeta, meta::kPendingBytes, Key{}.u64(pending_bytes_).str());
        overlay_.put(Table::kMeta, meta::kOutcomeBytes, Key{}.u64(outcomes_bytes_).str());
        return {};
    }

    Result<void> count_rows() {
        auto count = [&](Table table, SalvageCount& tally) -> Result<void> {
            tally.kept = 0;
            SYNCLINE_CHECK(each(table, "", [&](const std::string&, const std::string&) {
                ++tally.kept;
                return Result<void>{};
            }));
            std::uint64_t expected = input_.expected[static_cast<std::size_t>(table)];
            if (expected > tally.kept) tally.lost = std::max(tally.lost, expected - tally.kept);
            return {};
        };
        SYNCLINE_CHECK(count(Table::kEvent, result_.events));
        SYNCLINE_CHECK(count(Table::kLetter, result_.letters));
        SYNCLINE_CHECK(count(Table::kKeyMap, result_.key_map));
        return count(Table::kDedup, result_.message_ids);
    }

    Database& database_;
    const DataDir& directory_;
    const RepairInput& input_;
    Overlay overlay_;
    RepairResult result_;

    std::map<std::uint32_t, std::string> names_[2];  // routes, connections
    std::set<std::uint32_t> ids_[2];
    std::vector<Holder> holders_;
    std::map<std::pair<RouteId, std::string>, std::set<ConnectionId>> targets_;  // of a stream
    std::map<RouteId, std::uint64_t> pending_events_, event_letters_;
    std::map<ConnectionId, std::uint64_t> pending_records_, parked_records_, record_letters_;
    std::map<std::string, std::uint32_t> bodies_;
    std::uint64_t pending_bytes_ = 0;
    std::uint64_t outcomes_bytes_ = 0;
    std::uint64_t dropped_ = 0;  // places in lanes whose record is lost, or the other way round
    std::uint64_t new_letters_ = 0;
};

}  // namespace

Result<RepairResult> repair(Database& database, const DataDir& directory,
                            const RepairInput& input) {
    return Repair{database, directory, input}.run();
}

}  // namespace syncline::store
