// What the journal still tells of one key or one event.
//
// Purpose: the journal is the history. Nothing is written for it on a record's way; who asks reads
// the files that Options::history_bytes_max keeps, newest first.
// Concurrency: [any]; blocks for as long as the files take to read, beside a hub that runs.
// Limits: one file in memory at a time; `entries_max` entries, the newest are kept.
// A file that is used again meanwhile ends the history: the checksums of the journal tell, so what
// is found was written for this history or is not found at all.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "core/error.hpp"
#include "store/fact.hpp"
#include "store/journal.hpp"

namespace syncline::store {

// Either an event, or a key of a connection.
struct HistoryQuery {
    Position event;  // 0: a key
    ConnectionId connection = 0;
    std::string key;
    Position until;  // what is behind it is not looked at: it may not be durable yet
    std::size_t entries_max = 1000;
    std::function<bool()> may_go_on;  // asked often; false ends the search
};

// An event was received.
struct EventSeen {
    RouteId route = 0;
    std::int64_t received_ns = 0;
    std::string message_id, method, path;
    std::uint64_t body_bytes = 0;
};

// An event became, among others, this record.
struct RecordSeen {
    RecordId id;
    RouteId route = 0;
    std::int64_t received_ns = 0;  // of the event; 0: older than the history
    record::Operation operation = record::Operation::kUpsert;
    std::string stream;
    std::string key;
    std::vector<Target> targets;
};

// The other facts stand for themselves, without what is large in them. The commands for one letter
// end with its replay or discard, as applying turned down the others; the newest hundred are there.
struct HistoryEntry {
    Position position;
    std::variant<EventSeen, RecordSeen, EventDied, Settled, Command> what;
};

struct History {
    std::vector<HistoryEntry> entries;  // oldest first
    Position after;                     // whole from the next position on
    bool is_translated = false;         // of an event
    std::uint64_t records = 0;          // of an event: how many it became, all counted
    bool is_cut = false;                // there was more than `entries_max`
    bool is_late = false;               // `may_go_on` ended it
    bool is_damaged = false;            // what is older can't be read
};

// `files` as Journal::files() gives them, taken after `until` was durable.
History read_history(const std::vector<JournalFile>& files, const HistoryQuery& query);

}  // namespace syncline::store
