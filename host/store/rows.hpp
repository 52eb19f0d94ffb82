// The rows of the state's tables: what they hold and how they are spelled in bytes. Each begins
// with a version.
// Concurrency: [any]; plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "store/fact.hpp"

namespace syncline::store {

// What an operator made of a record's body for one connection; it holds until the record has left
// that connection. The body itself, which others may share, stays as it came.
struct Edit {
    ConnectionId connection = 0;
    Body body;
};

// A source record that waits in one or more lanes, or belongs to a dead letter. The body is stored
// once.
struct RecordRow {
    std::uint32_t references = 0;
    RouteId route = 0;
    record::Operation operation = record::Operation::kUpsert;
    std::string stream;
    std::string key;
    std::int64_t occurred_ns = 0;
    std::int64_t received_ns = 0;
    Body body;
    bool is_mergeable = false;
    ConnectionId answering = 0;   // whose outcome the sender waits for
    std::string parent_key;       // what has to be at the destination first
    std::vector<Target> parents;  // of the targets that have a connection for the parent
    std::vector<Edit> edits;      // one of a connection at most
};

// Null when the record goes to the connection as it came.
const Edit* edit_of(const RecordRow& record, ConnectionId connection);

// One key of one connection with something to deliver.
struct LaneRow {
    RecordId head;
    bool is_forced = false;      // the head is a replay that may overwrite newer data
    std::uint32_t count = 0;     // records in the lane, the head included
    std::uint32_t attempts = 0;  // finished attempts with the head
    std::int64_t due_ns = 0;     // not before; 0: at once
    FailureNote last_failure;
    RecordId tail;               // the newest behind the head, if any; of version 1: none
    ConnectionId waits_for = 0;  // the head is parked until this one delivers its parent
};

// What a connection knows about one key (rules 12 and 13).
struct KeyMapRow {
    bool is_unknown = false;  // an attempt may have had its effect: the next send is complete
    RecordId last;            // the newest record that the key got
    core::Hash128 row_hash;
    std::string field_hashes;
    std::string destination_key;
};

// Does the destination have the key, as far as is known?
bool has_record(const KeyMapRow& row);

// What became of one record that its sender waits for.
struct OutcomeEntry {
    std::uint32_t index = 0;  // of the record in its event
    Settlement settlement = Settlement::kDelivered;
    std::string stream, key, destination_key, reply;
    FailureNote failure;
};

// The outcome of an event whose sender waits, kept for repeats and for who asks later.
struct OutcomeRow {
    RouteId route = 0;
    ConnectionId connection = 0;
    std::int64_t received_ns = 0;
    bool is_translated = false;
    std::vector<std::uint32_t> open;  // indexes of the connection's records without an outcome
    FailureNote failure;              // of an event that can't be translated, or answered for
    std::vector<OutcomeEntry> entries;

    bool is_complete() const { return is_translated ? open.empty() : is_dead(); }
    bool is_dead() const { return !is_translated && !failure.failure_class.empty(); }
    // It became more records than an answer has room for: they go out, and nobody waits for them.
    bool has_no_room() const { return is_translated && !failure.failure_class.empty(); }
};

enum class LetterKind : std::uint8_t { kRecord = 1, kEvent = 2 };

// A dead letter. Its id is the position of the fact that made it.
struct LetterRow {
    LetterKind kind = LetterKind::kRecord;
    std::uint32_t owner = 0;  // the connection of a record, the route of an event
    RecordId record;          // of an event: index 0
    std::string lane;
    std::uint32_t attempts = 0;
    bool is_unknown = false;
    std::int64_t at_ns = 0;
    FailureNote failure;
    std::shared_ptr<const PlatformAnswer> answer;  // of the platform; null when it gave none
    std::string event;                             // kEvent: the received fact, encoded
};

struct RouteLedger {
    std::uint64_t received = 0, translated = 0, handshake = 0, duplicate = 0, dead = 0, pending = 0;
    std::uint64_t queried = 0;  // read through to a destination: beside the others
    bool balances() const {
        return received == translated + handshake + duplicate + dead + pending;
    }
};

struct ConnectionLedger {
    std::uint64_t routed = 0, generated = 0, delivered = 0, unchanged = 0, filtered = 0,
                  superseded = 0, discarded = 0, dead = 0, pending = 0,
                  parked = 0;  // waits for a parent; a connection that is not configured now parks
                               // what it has as `pending`
    bool balances() const {
        return routed + generated ==
               delivered + unchanged + filtered + superseded + discarded + dead + pending + parked;
    }
};

std::string encode(const RecordRow& row);
std::string encode(const LaneRow& row);
std::string encode(const KeyMapRow& row);
std::string encode(const LetterRow& row);
std::string encode(const OutcomeRow& row);
std::string encode(const RouteLedger& row);
std::string encode(const ConnectionLedger& row);

// Errors: store.newer_format, store.state_damaged.
template <class Row>
Result<Row> decode_row(std::string_view bytes);

// A row of kEvent, or what a letter keeps of an event: the received fact, encoded. Errors:
// store.newer_format, store.state_damaged, store.journal_damaged.
Result<Received> decode_received(std::string_view bytes);

}  // namespace syncline::store
