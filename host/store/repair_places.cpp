#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "store/codec.hpp"
#include "store/errc.hpp"
#include "store/parents.hpp"
#include "store/repair_work.hpp"
#include "store/state.hpp"

namespace syncline::store {
namespace {

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

class Places {
  public:
    Places(RepairWork& work, RepairTally& tally) : work_(work), tally_(tally) {}

    Result<void> run() {
        SYNCLINE_CHECK(restore_lanes());
        SYNCLINE_CHECK(check_lanes());
        SYNCLINE_CHECK(check_letters());
        SYNCLINE_CHECK(check_records());
        return schedule_lanes();
    }

  private:
    Result<LaneRow> lane(const LaneId& id) {
        SYNCLINE_TRY(auto found,
                     work_.overlay.get(Table::kLane, lane_row_key(id.connection, id.lane)));
        if (!found) return LaneRow{};
        return decode_row<LaneRow>(*found);
    }

    void put_lane(const LaneId& id, const LaneRow& row) {
        work_.overlay.put(Table::kLane, lane_row_key(id.connection, id.lane), encode(row));
    }

    Result<std::optional<RecordRow>> record(RecordId id) {
        SYNCLINE_TRY(auto found, work_.overlay.get(Table::kRecord, record_key(id)));
        if (!found) return std::optional<RecordRow>{};
        SYNCLINE_TRY(RecordRow row, decode_row<RecordRow>(*found));
        return std::optional{std::move(row)};
    }

    std::string connection_name(ConnectionId id) const {
        auto at = work_.names[1].find(id);
        return at == work_.names[1].end() ? std::to_string(id) : at->second;
    }

    // A lane whose row is lost gets one without a head when something is left that names it; the
    // row of its schedule knows the head. Schedules are made anew later.
    Result<void> restore_lanes() {
        SYNCLINE_CHECK(work_.each(
            Table::kReady, "",
            [&](const std::string& key, const std::string& value) -> Result<void> {
                LaneId id{
                    static_cast<ConnectionId>(read_big_endian(std::string_view{key}.substr(0, 4))),
                    value};
                SYNCLINE_TRY(auto found,
                             work_.overlay.get(Table::kLane, lane_row_key(id.connection, id.lane)));
                if (!found && !value.empty()) {
                    LaneRow row;
                    row.head = record_id_of(key);
                    put_lane(id, row);
                }
                work_.overlay.erase(Table::kReady, key);
                return {};
            }));
        SYNCLINE_CHECK(work_.each(Table::kDue, "", [&](const std::string& key, const std::string&) {
            Result<void> kept = keep_lane(lane_of_due(key));
            work_.overlay.erase(Table::kDue, key);
            return kept;
        }));
        SYNCLINE_CHECK(
            work_.each(Table::kParked, "", [&](const std::string& key, const std::string&) {
                Result<void> kept = keep_lane(lane_of_parked(key));
                work_.overlay.erase(Table::kParked, key);
                return kept;
            }));
        return work_.each(Table::kQueue, "", [&](const std::string& key, const std::string&) {
            return keep_lane(lane_of_queue(key));
        });
    }

    Result<void> keep_lane(const LaneId& id) {
        SYNCLINE_TRY(auto found,
                     work_.overlay.get(Table::kLane, lane_row_key(id.connection, id.lane)));
        if (!found) put_lane(id, LaneRow{});
        return {};
    }

    // Takes out what names a record that is lost, counts the rest.
    Result<void> check_lanes() {
        return work_.each(
            Table::kLane, "",
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
                    work_.each(Table::kQueue, prefix,
                               [&](const std::string& entry, const std::string&) -> Result<void> {
                                   bool is_held = record_id_of(entry) != row.head;
                                   if (is_held) {
                                       SYNCLINE_TRY(is_held, hold(id, record_id_of(entry)));
                                   }
                                   if (!is_held) work_.overlay.erase(Table::kQueue, entry);
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
            ++tally_.dropped;
            work_.lose("record " + to_string(record_id.event) + "/" +
                       std::to_string(record_id.index) + " for " + connection_name(id.connection) +
                       ", key " + id.lane.substr(1));
            return false;
        }
        holders_.push_back(Holder{record_id, id.connection});
        targets_[{row->route, row->stream}].insert(id.connection);
        return true;
    }

    Result<void> check_letters() {
        return work_.each(Table::kLetter, "",
                          [&](const std::string& key, const std::string& value) -> Result<void> {
                              SYNCLINE_TRY(LetterRow letter, decode_row<LetterRow>(value));
                              if (letter.kind == LetterKind::kEvent) {
                                  ++tally_.event_letters[letter.owner];
                                  return {};
                              }
                              SYNCLINE_TRY(std::optional<RecordRow> row, record(letter.record));
                              if (!row) {
                                  work_.lose("dead letter " +
                                             to_string(Position{read_big_endian(key)}) + " of " +
                                             connection_name(letter.owner) + ": its record");
                                  work_.overlay.erase(Table::kLetter, key);
                                  return {};
                              }
                              holders_.push_back(Holder{letter.record, letter.owner});
                              targets_[{row->route, row->stream}].insert(letter.owner);
                              ++tally_.record_letters[letter.owner];
                              return {};
                          });
    }

    // A record that fewer hold than should goes back to where it was, when that is certain.
    Result<void> check_records() {
        std::sort(holders_.begin(), holders_.end());
        auto at = holders_.begin();
        return work_.each(Table::kRecord, "",
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
                                      tally_.dropped += row.references - found - restored;
                                      work_.lose("record " + to_string(id.event) + "/" +
                                                 std::to_string(id.index) + ", key " + row.key +
                                                 ": where it was to go");
                                  }
                                  found += restored;
                              }
                              if (found == 0) {
                                  work_.overlay.erase(Table::kRecord, key);
                                  return {};
                              }
                              tally_.pending_bytes += row.body.size + kPendingOverheadBytes;
                              for (const Edit& edit : row.edits)
                                  tally_.pending_bytes += edit.body.size;
                              if (found != row.references) {
                                  row.references = found;
                                  work_.overlay.put(Table::kRecord, key, encode(row));
                              }
                              return {};
                          });
    }

    // How many of the missing holders are there again.
    Result<std::uint32_t> restore(RecordId id, const RecordRow& row, std::uint32_t missing,
                                  const std::set<ConnectionId>& holding) {
        std::set<ConnectionId> known = targets_[{row.route, row.stream}];
        if (known.empty()) {
            for (const auto& [connection, name] : work_.names[1]) known.insert(connection);
        }
        std::string lane_name = lane_key(row.key);
        std::vector<ConnectionId> candidates, waiting;
        for (ConnectionId connection : known) {
            if (holding.contains(connection)) continue;
            Key key = lane_row_key(connection, lane_name);
            SYNCLINE_TRY(auto key_map, work_.overlay.get(Table::kKeyMap, key));
            if (key_map) {
                SYNCLINE_TRY(KeyMapRow had, decode_row<KeyMapRow>(*key_map));
                if (had.last >= id) continue;  // it got this, or something newer
            }
            candidates.push_back(connection);
            SYNCLINE_TRY(auto found, work_.overlay.get(Table::kLane, key));
            if (!found) continue;
            SYNCLINE_TRY(LaneRow lane, decode_row<LaneRow>(*found));
            if (is_headless(lane)) waiting.push_back(connection);
        }
        if (candidates.size() > missing) candidates = std::move(waiting);
        if (candidates.size() > missing) return 0;
        bool was_letter = work_.is_damaged(Table::kLetter) && !work_.is_damaged(Table::kLane) &&
                          !work_.is_damaged(Table::kQueue);
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
        work_.overlay.put(Table::kQueue, queue_key(id.connection, id.lane, record_id),
                          std::string(1, static_cast<char>(flags)));
        return {};
    }

    void write_letter(ConnectionId connection, const std::string& lane_name, RecordId record_id) {
        LetterRow letter;
        letter.owner = connection;
        letter.record = record_id;
        letter.lane = lane_name;
        letter.at_ns = work_.input.now_ns;
        letter.failure.failure_class = "permanent";
        letter.failure.message = "what the dead letter said was lost with a damaged page";
        std::uint64_t number = work_.input.letters_from.value + new_letters_++;
        work_.overlay.put(Table::kLetter, Key{}.u64(number), encode(letter));
        ++tally_.record_letters[connection];
    }

    // Lanes without a head go on with what waits first; empty ones end. Then the schedule.
    Result<void> schedule_lanes() {
        return work_.each(Table::kLane, "",
                          [&](const std::string& key, const std::string& value) -> Result<void> {
                              LaneId id = lane_of_row(key);
                              SYNCLINE_TRY(LaneRow row, decode_row<LaneRow>(value));
                              if (row.count == 0) {
                                  work_.overlay.erase(Table::kLane, key);
                                  return {};
                              }
                              const bool is_new_head = is_headless(row);
                              if (is_new_head) {
                                  std::string prefix = queue_prefix(id.connection, id.lane).str();
                                  SYNCLINE_TRY(auto next,
                                               work_.overlay.seek(Table::kQueue, prefix, prefix));
                                  if (!next)
                                      return Error{kStateDamaged, "a lane lost what was counted"};
                                  row.head = record_id_of(next->key);
                                  row.is_forced = has_flag(next->value, queue_flag::kForced);
                                  if (row.tail == row.head) row.tail = RecordId{};
                                  work_.overlay.erase(Table::kQueue, next->key);
                              }
                              // What was ready may have lost its parent since: it stays ready.
                              if (is_new_head || row.waits_for != 0)
                                  return park_or_schedule(id, row);
                              schedule(id, row);
                              return {};
                          });
    }

    void schedule(const LaneId& id, const LaneRow& row) {
        put_lane(id, row);
        if (row.due_ns == 0)
            work_.overlay.put(Table::kReady, ready_key(id.connection, row.head), id.lane);
        else
            work_.overlay.put(Table::kDue, due_key(id.connection, row.due_ns, id.lane), "");
        tally_.pending_records[id.connection] += row.count;
    }

    Result<void> park_or_schedule(const LaneId& id, LaneRow row) {
        SYNCLINE_TRY(std::optional<RecordRow> head, record(row.head));
        if (!head) return Error{kStateDamaged, "a lane lost a record that was there"};
        SYNCLINE_TRY(row.waits_for, missing_parent(work_.overlay, *head, id.connection));
        if (row.waits_for == 0) {
            schedule(id, row);
            return {};
        }
        put_lane(id, row);
        Key key = parked_key(row.waits_for, lane_key(head->parent_key), id.connection, id.lane);
        work_.overlay.put(Table::kParked, key, "");
        tally_.parked_records[id.connection] += row.count;
        return {};
    }

    RepairWork& work_;
    RepairTally& tally_;
    std::vector<Holder> holders_;
    std::map<std::pair<RouteId, std::string>, std::set<ConnectionId>> targets_;  // of a stream
    std::uint64_t new_letters_ = 0;
};

}  // namespace

Result<void> repair_places(RepairWork& work, RepairTally& tally) {
    return Places{work, tally}.run();
}

}  // namespace syncline::store
