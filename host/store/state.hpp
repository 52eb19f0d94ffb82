// The state that the facts add up to: pending events, lanes, key map, duplicates, dead letters,
// ledger.
//
// Purpose: one deterministic, total function from facts to state (rule 6), and the questions that
// delivery asks of it. Concurrency: [state] only. Errors: what apply() and the questions return as
// an error is a damaged database: the process has to end.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "store/fact.hpp"
#include "store/key_table.hpp"
#include "store/message_id_groups.hpp"
#include "store/overlay.hpp"
#include "store/rows.hpp"

namespace syncline::store {

inline constexpr std::uint64_t kPendingOverheadBytes = 200;  // of the rows around a body
// Message ids are remembered for this long, and never more of them: then the oldest go first.
inline constexpr std::int64_t kDedupWindowNs = std::int64_t{7} * 24 * 3600 * 1'000'000'000;
inline constexpr std::uint64_t kDedupIdsMax = 20'000'000;
// Of the outcomes that are kept for their senders, the oldest go first; of one of them.
inline constexpr std::uint64_t kOutcomesBytesMax = std::uint64_t{1} << 30;
inline constexpr std::uint64_t kOutcomeOverheadBytes = 100;  // of its rows
inline constexpr std::size_t kOutcomeRecordsMax = 100;
inline constexpr std::size_t kOutcomeRepliesBytesMax = 1024 * 1024;

// An event to translate.
struct PendingEvent {
    RouteId route = 0;
    Position position;
    std::shared_ptr<const Received> received;
};

// The record at the head of a lane, with what its delivery needs to know.
struct LaneHead {
    ConnectionId connection = 0;
    std::string lane;
    RecordId record;
    std::uint32_t attempt = 0;  // the number of the attempt to come
    bool is_forced = false;
    std::shared_ptr<const RecordRow> row;
    std::optional<KeyMapRow> key_map;
    std::string parent_destination_key;  // "" without a parent
    Position as_of;                      // of a record to fetch: everything before was received
    bool is_follower = false;            // stands behind another one that was taken with it
    bool is_chained = false;             // was taken with others of its lane
};

struct Letter {
    std::uint64_t id = 0;
    LetterRow row;
    std::optional<RecordRow> record;  // kRecord
    std::optional<Received> event;    // kEvent
};

// store.letter_not_editable, and what to do instead, of a letter without a record's body to edit:
// that does not change while the letter is there. [any]
std::optional<Error> why_not_editable(const Letter& letter);

struct NameRow {
    bool is_present = false;
    std::string name;
};

// What became of a fact: a command may have been turned down, everything else has its effect.
struct Applied {
    Applied() = default;  // not an aggregate: an Error alone must not convert to it
    static Applied rejected(Error reason) {
        Applied applied;
        applied.rejection = std::move(reason);
        return applied;
    }
    std::optional<Error> rejection;
    // A message id came again, with another body: a repeat like any other, but someone should know.
    bool is_altered_repeat = false;
};

// What may interest those who wait for an outcome (outcome_waiters.hpp).
struct OutcomeNews {
    std::vector<Position> events;    // are translated, or complete
    std::vector<std::string> lanes;  // by key of their row: the head waits for a time or a parent
};

class State {
  public:
    // The bounds: others than the usual only in tests (rule 6).
    explicit State(Database& database, std::uint64_t dedup_ids_max = kDedupIdsMax,
                   std::uint64_t outcomes_bytes_max = kOutcomesBytesMax)
        : outcomes_bytes_max_(outcomes_bytes_max),
          overlay_(database),
          dedup_ids_max_(dedup_ids_max) {}

    // Reads names, ledger and position.
    Result<void> load();
    // Writes the first rows of a new state: the seed of hashes.
    void create(std::uint64_t hash_seed);

    Position applied() const { return applied_; }
    std::uint64_t hash_seed() const { return hash_seed_; }

    // Applies the next fact.
    Result<Applied> apply(NumberedFact fact);

    // What a result says about its key, without its effect on a lane: for a result whose lane was
    // lost.
    Result<void> remember(const Settled& fact);

    // ---- Delivery: what is taken is in flight until a fact settles it (in memory only: after a
    // crash nothing is) ----

    Result<std::vector<PendingEvent>> take_events(RouteId route, std::size_t count_max,
                                                  std::size_t bytes_max);
    // Up to `lane_max` consecutive records of one lane, one behind the other, as a chain. A lane is
    // in flight until its head is settled; one that gave a chain, until it is given back.
    Result<std::vector<LaneHead>> take_lanes(ConnectionId connection, std::size_t count_max,
                                             std::int64_t now_ns, std::size_t lane_max = 1);
    // Nothing of the chain is on its way any more: what of it is not settled can be taken again.
    Result<void> give_back(ConnectionId connection, std::string_view lane);
    // Is there a lane that could be taken now?
    Result<bool> has_ready(ConnectionId connection, std::int64_t now_ns);
    // When the next waiting lane is due; none when no lane waits.
    Result<std::optional<std::int64_t>> next_due(ConnectionId connection, std::int64_t now_ns);
    std::uint64_t pending_events(RouteId route) const;

    // ---- Questions

    const std::map<std::uint32_t, NameRow>& names(NameKind kind) const {
        static const std::map<std::uint32_t, NameRow> kNone;
        auto known = names_.find(kind);
        return known == names_.end() ? kNone : known->second;
    }
    const std::map<RouteId, RouteLedger>& route_ledgers() const { return route_ledgers_; }
    const std::map<ConnectionId, ConnectionLedger>& connection_ledgers() const {
        return connection_ledgers_;
    }
    std::uint64_t pending_bytes() const { return pending_bytes_; }
    // Rows of the database that were looked up since it was opened: what the work costs.
    std::uint64_t database_reads() const { return overlay_.database_reads(); }

    // Up to `limit` letters with ids above `after`, oldest first.
    Result<std::vector<Letter>> letters(std::uint64_t after, std::size_t limit);
    Result<std::optional<Letter>> letter(std::uint64_t id);
    // Puts the letters that are wanted behind `found`, oldest first; looks at `look_max` of them
    // with ids above `after`. Returns where to go on, 0 at the end.
    Result<std::uint64_t> find_letters(std::uint64_t after, std::size_t look_max,
                                       const std::function<bool(const LetterRow&)>& is_wanted,
                                       std::vector<Letter>& found);
    Result<std::optional<KeyMapRow>> key_map(ConnectionId connection, std::string_view lane);
    // What a connector mapped a key to; nothing when it did not.
    Result<std::optional<std::string>> mapped_id(AccountId account, std::string_view name_space,
                                                 std::string_view key);
    Result<std::optional<LaneRow>> lane(ConnectionId connection, std::string_view lane);
    // Does the event wait to be translated?
    Result<bool> is_pending(RouteId route, Position event);
    // The event that came first with this message id; none when the window has forgotten it.
    Result<std::optional<Position>> first_with(RouteId route, std::string_view message_id);

    // ---- Outcomes of events whose senders wait (outcomes.cpp)

    // Nothing when nobody waits for the event, or its window is over.
    Result<std::optional<OutcomeRow>> outcome(Position event);
    // The event that a repeat stands for: itself when it is no repeat.
    Result<Position> event_of(RouteId route, std::string_view message_id, Position event);
    // The lanes, by key of their row, that hold records without an outcome.
    Result<std::vector<std::string>> open_lanes(Position event, const OutcomeRow& outcome);
    Result<std::optional<LaneRow>> lane(std::string_view row_key);
    // What has happened since the last call.
    OutcomeNews take_outcome_news() { return std::exchange(outcome_news_, {}); }

    // Every file of a large body that is referenced.
    Result<std::vector<std::string>> body_files();
    // Files that lost their last reference since the last call.
    std::vector<std::string> take_dropped_bodies();

    // ---- Commit

    Overlay& overlay() { return overlay_; }
    // Writes ledger and position into the overlay: call right before freeze().
    void seal();

  private:
    Result<Applied> apply_to(Position at, const EpochBegan& fact);
    Result<Applied> apply_to(Position at, const Named& fact);
    Result<Applied> apply_to(Position at, const HandshakeAnswered& fact);
    Result<Applied> apply_to(Position at, Received&& fact);
    Result<Applied> apply_to(Position at, const Translated& fact);
    Result<Applied> apply_to(Position at, const EventDied& fact);
    Result<Applied> apply_to(Position at, const Settled& fact);
    Result<Applied> apply_to(Position at, const Command& fact);
    Result<Applied> apply_to(Position at, const Ticked& fact);
    Result<Applied> apply_to(Position at, const QueryAnswered& fact);
    Result<Applied> apply_to(Position at, const IdsMapped& fact);

    void expect_outcome(Position at, const Received& fact);
    Result<void> expect_records(const Translated& fact, ConnectionId connection);
    Result<void> note_event_died(const EventDied& fact);
    Result<void> note_settled(const Settled& fact, const RecordRow& record);
    Result<void> put_outcome(Position event, const OutcomeRow& row);
    Result<void> expire_outcomes(int count_max);

    // lanes.cpp
    Result<void> enqueue(ConnectionId connection, std::string_view lane, RecordId id,
                         const RecordRow& record, bool is_forced);
    Result<bool> make_way(ConnectionId connection, std::string_view lane, RecordId tail,
                          RecordId id, const RecordRow& record);
    Result<void> place(ConnectionId connection, std::string_view lane, LaneRow row,
                       const RecordRow* child, bool is_new);
    Result<void> pop(const Settled& fact, const LaneRow& lane);
    void wait(const Settled& fact, LaneRow lane);
    void make_ready(ConnectionId connection, std::string_view lane, RecordId head);
    Result<void> unschedule(ConnectionId connection, std::string_view lane, LaneRow& row);
    Result<void> release_children(ConnectionId parent, std::string_view parent_lane);

    // letters.cpp
    void bury(Position at, const Settled& fact);
    Result<Applied> edit(const Command& fact, LetterRow row);
    Result<Applied> replay(const Command& fact, LetterRow letter);
    Result<Applied> discard(const Command& fact, LetterRow letter);
    Result<void> drop_edit(RecordRow& row, ConnectionId connection);

    Result<RecordRow> read_record(RecordId record);
    // The record has left the connection.
    Result<void> release(RecordId record, ConnectionId connection);
    Result<void> release(RecordId record, RecordRow row, ConnectionId connection);
    Result<std::shared_ptr<const Received>> take_event_row(RouteId route, Position position);
    // The decoded event, and then in flight; null when it is so already.
    Result<std::shared_ptr<const Received>> take_event(Position position, std::string_view row);
    Result<void> reference_body(const Body& body, int change);
    Result<void> drop_unless_referenced(const Body& body);
    Result<std::optional<Letter>> fill(std::uint64_t id, LetterRow row);
    void bring_forward(ConnectionId connection, RecordId head);

    // message_ids.cpp
    Result<void> load_message_ids(std::uint64_t format);
    void put_group(const MessageIdGroup& group);
    Result<std::optional<std::string_view>> known_message_id(std::string_view key);
    void note_message_id(Position at, const Received& fact);
    Result<void> expire(int count_max);
    Result<void> expire_earlier(std::string_view key);
    Result<void> sweep(int count_max);

    // taking.cpp
    struct Want {
        ConnectionId connection;
        std::size_t count_max, lane_max;
        std::int64_t now_ns;
    };
    Result<void> take_lane(const Want& want, std::string_view lane, std::vector<LaneHead>& heads);
    Result<bool> take_followers(const Want& want, std::string_view lane,
                                std::vector<LaneHead>& heads);
    Result<LaneHead> make_head(ConnectionId connection, std::string_view lane, RecordId id);
    Result<void> take_due(const Want& want, std::vector<LaneHead>& heads);

    // Where the search for the next ready lane goes on, so that lanes in flight are not looked at
    // again and again.
    struct Cursor {
        RecordId ready;            // everything before it was seen
        std::set<RecordId> early;  // became ready before the cursor
        std::string due;           // the same for kDue
    };
    bool is_in_flight(ConnectionId connection, std::string_view lane) const;

    // Where a search begins that would otherwise step over everything that was erased since the
    // last commit. Each is a lower bound; losing one costs time only.
    struct ExpirySearch {
        std::string from = std::string(1, '\0');
        std::uint32_t minute = 0;  // of the first row at or behind `from`, or earlier
    };
    RecordId queue_begin(std::string_view lane_row) const;
    void note_queue_begin(std::string_view lane_row, RecordId first);

    const std::uint64_t outcomes_bytes_max_;
    Overlay overlay_;
    const std::uint64_t dedup_ids_max_;
    std::uint64_t dedup_ids_ = 0;  // that are remembered
    MessageIdGroups dedup_groups_;
    std::string swept_ = std::string(1, '\0');  // every row before it was looked at in this round
    Position applied_;
    std::uint64_t hash_seed_ = 0;
    std::uint64_t pending_bytes_ = 0;
    std::uint64_t outcomes_bytes_ = 0;
    std::int64_t last_tick_ns_ = 0;
    std::map<NameKind, std::map<std::uint32_t, NameRow>> names_;
    std::map<RouteId, RouteLedger> route_ledgers_;
    std::map<ConnectionId, ConnectionLedger> connection_ledgers_;
    std::set<std::string> dropped_bodies_;

    std::map<RouteId, Position> event_cursors_;
    // Events that were decoded: what is in flight, and what came just now. A row tells the same.
    std::unordered_map<std::uint64_t, std::shared_ptr<const Received>> events_in_flight_;
    std::unordered_map<std::uint64_t, std::shared_ptr<const Received>> recent_events_;
    std::size_t recent_bytes_ = 0;
    std::map<ConnectionId, Cursor> cursors_;
    struct Flight {
        // What the key map has: only the results of what was taken change it.
        std::optional<KeyMapRow> key_map;
        bool is_chain = false;
    };
    KeyTable<Flight> lanes_in_flight_;  // by key of the lane's row
    KeyTable<RecordId> queue_begins_;   // by key of the lane's row
    ExpirySearch expiry_, outcome_expiry_;
    OutcomeNews outcome_news_;
};

}  // namespace syncline::store
