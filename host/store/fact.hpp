// Everything that happens is a fact; the journal is a sequence of facts, and all other state is
// derived from them.
//
// Rule 6: a fact holds every time, hash, due time and target connection that applying it needs, so
// that applying is deterministic. Facts carry a version; a newer one is refused by name, an older
// one stays readable for ever.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/error.hpp"
#include "core/hash.hpp"
#include "record/record.hpp"
#include "store/position.hpp"

namespace syncline::store {

// Small stable numbers for routes and connections; names are for people and may be reused, these
// are not.
using RouteId = std::uint32_t;
using ConnectionId = std::uint32_t;
using AccountId = std::uint32_t;

// A body stands in the fact itself, or, when it is large, in a file that was made durable before
// the fact (rule 17).
struct Body {
    std::string text;
    std::string file;        // name within bodies/, empty when `text` holds the body
    std::uint64_t size = 0;  // bytes, wherever it is

    static Body inline_text(std::string value) {
        Body body;
        body.size = value.size();
        body.text = std::move(value);
        return body;
    }
};

// The first fact of every start.
struct EpochBegan {
    std::int64_t at_ns = 0;
    std::string version;
};

// A route, connection or account of the configuration gets its number, or comes back, or is gone (a
// connection's records are then parked).
enum class NameKind : std::uint8_t { kRoute = 1, kConnection = 2, kAccount = 3 };
struct Named {
    NameKind kind = NameKind::kRoute;
    std::uint32_t id = 0;
    bool is_present = true;
    std::string name;
};

// A handshake was answered. It has no effect but the count.
struct HandshakeAnswered {
    RouteId route = 0;
};

// A sender was answered with what a destination holds. It has no effect but the count.
struct QueryAnswered {
    RouteId route = 0;
};

struct Received {
    RouteId route = 0;
    std::int64_t received_ns = 0;
    std::string message_id;  // 16 bytes of hash, or empty: no deduplication
    std::string method, path, query;
    std::vector<std::pair<std::string, std::string>>
        headers;  // without those that authenticated the request
    Body body;
    ConnectionId answering = 0;  // whose outcome the sender waits for; 0: nobody waits
};

// A connection that a record goes to, and, when the record has a parent, the connection that brings
// the parent there; 0 when none does.
struct Target {
    ConnectionId connection = 0;
    ConnectionId parent = 0;
};

struct TranslatedRecord {
    record::Operation operation = record::Operation::kUpsert;
    std::string stream;
    std::string key;
    std::int64_t occurred_ns = 0;  // 0: not said
    Body body;
    bool is_mergeable = false;  // a newer one of its key that waits takes its place (rule 15)
    std::string parent_key;     // what has to be at the destination first; "" for nothing
    std::vector<Target> targets;
};

// An event became records; their index is their place in the list.
struct Translated {
    RouteId route = 0;
    Position event;
    std::vector<TranslatedRecord> records;
};

// Why something failed, for people and for the dead letter. Bounded by the pipeline.
struct FailureNote {
    std::string failure_class;  // `transient`, `permanent`, ... or `mapping`
    std::string message;
    std::string provider_code;
};

// What a platform answered to the request that ended a record: for the dead letter, bounded by
// whoever made it.
struct PlatformAnswer {
    std::string request;  // method and URL, without what may be secret in it
    std::int32_t status = 0;
    std::string content_type;
    std::string body;              // the beginning of it
    std::uint64_t body_bytes = 0;  // of the whole
};

// An event that can't be translated.
struct EventDied {
    RouteId route = 0;
    Position event;
    std::int64_t at_ns = 0;
    FailureNote failure;
};

enum class Settlement : std::uint8_t {
    kDelivered = 1,
    kUnchanged = 2,
    kFiltered = 3,
    kSuperseded = 4,
    kDead = 5,
    kRetry = 6,  // stays at the head of its lane until `due_ns`
};

// One word, such as "delivered"; public contract. [any]
const char* to_string(Settlement settlement);

// The result of one attempt with the record at the head of a lane.
struct Settled {
    ConnectionId connection = 0;
    std::string lane;  // the lane's key (see lane_key)
    RecordId record;
    std::uint32_t attempt =
        0;  // 1 for the first; a result of another attempt than the lane's is ignored
    Settlement settlement = Settlement::kDelivered;
    bool is_unknown = false;  // the attempt may have had its effect (rule 13)
    std::int64_t at_ns = 0;
    std::int64_t due_ns = 0;                       // kRetry
    std::string destination_key;                   // kDelivered; empty: keep the one there is
    core::Hash128 row_hash;                        // kDelivered, kUnchanged
    std::string field_hashes;                      // kDelivered (record::encode_field_hashes)
    std::string reply;                             // JSON of the destination for who waits
    Position as_of{};                              // of a fetched record: when it was asked for
    FailureNote failure;                           // kDead, kRetry
    std::shared_ptr<const PlatformAnswer> answer;  // kDead; null when the platform gave none
};

enum class CommandKind : std::uint8_t {
    kDiscardLetter = 1,
    kReplayLetter = 2,
    kEditLetter = 3,  // the record's body is replaced; it goes out with its next replay
};

// What an operator asked for; applying accepts or rejects it (rule 7).
struct Command {
    CommandKind kind = CommandKind::kDiscardLetter;
    std::uint64_t letter = 0;
    bool is_forced = false;  // replay even when the key got something newer
    std::int64_t at_ns = 0;
    Body body{};  // kEditLetter
};

// Ids that a connector mapped; an empty value maps to nothing.
struct IdsMapped {
    struct Entry {
        std::string name_space, key, value;
    };
    AccountId account = 0;
    std::vector<Entry> entries;
};

// Time passed: windows expire by these, never by a clock read while applying.
struct Ticked {
    std::int64_t at_ns = 0;
};

using Fact = std::variant<EpochBegan, Named, HandshakeAnswered, Received, Translated, EventDied,
                          Settled, Command, Ticked, QueryAnswered, IdsMapped>;

struct NumberedFact {
    Position position;
    Fact fact;
};

// Appends type, version, length and fields. [any]
void encode(const Fact& fact, std::string& out);

// Reads one fact off the front of `bytes`. Errors: store.newer_format (unknown type or version, by
// number), store.journal_damaged (malformed). [any]
Result<Fact> decode(std::string_view& bytes);

// What an answer weighs, 0 for none. [any]
std::size_t size_of(const std::shared_ptr<const PlatformAnswer>& answer);

// About what the fact weighs in memory and on disk. [any]
std::size_t size_of(const Fact& fact);
std::size_t size_of(const Received& received);

// The key of a record's lane within its connection, and of its key map row: the source key itself
// when it is short, otherwise a prefix and its SHA-256, so that two keys never share a lane and the
// key fits LMDB's limit. [any]
std::string lane_key(std::string_view record_key);

}  // namespace syncline::store
