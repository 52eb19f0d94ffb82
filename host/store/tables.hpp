// The tables of the state, and how their keys are spelled. Integers in keys are big-endian: byte
// order is numeric order.
// Concurrency: [any]; plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/assert.hpp"
#include "store/fact.hpp"
#include "store/position.hpp"

namespace syncline::store {

enum class Table : std::uint8_t {
    kMeta,    // name -> bytes
    kName,    // kind 1, id 4 -> present 1, name
    kEvent,   // route 4, position 8 -> the received fact           (until it is translated)
    kRecord,  // event 8, index 4 -> RecordRow                      (while a lane or letter holds
              // it)
    kLane,    // connection 4, lane key -> LaneRow                  (while it is not empty)
    kQueue,   // connection 4, lane size 2, lane key, event 8, index 4 -> flags  (behind the head)
    kReady,   // connection 4, event 8, index 4 -> lane key         (heads that may go out)
    kDue,     // connection 4, due time 8, lane key -> ()           (heads that wait for a time)
    kKeyMap,  // connection 4, lane key -> KeyMapRow
    kDedup,   // route 4, message id 16 -> position 8, nothing or 8 of its body
    kDedupExpiry,    // minute 4, first position 8 -> last 8, ids 4: while they are remembered
    kLetter,         // letter 8 -> LetterRow
    kBody,           // file name -> references 4
    kLedger,         // kind 1, id 4 -> counters
    kOutcome,        // event 8 -> OutcomeRow                         (until its window is over)
    kOutcomeExpiry,  // minute 4, event 8 -> ()
    kParked,  // parent's connection 4, lane size 2, parent's lane key, connection 4, lane key -> ()
    kIdMap,   // account 4, namespace size 2, namespace, key -> value
};
inline constexpr std::size_t kTableCount = 18;
// Those from here on came with format 2: a database that an older syncline made has none of them.
inline constexpr std::size_t kTableCountOfFormat1 = 14;
const char* name_of(Table table);

// Is the table searched in order? The others are only asked for exact keys.
constexpr bool is_searched(Table table) {
    return table != Table::kMeta && table != Table::kRecord && table != Table::kLane &&
           table != Table::kKeyMap && table != Table::kDedup && table != Table::kOutcome &&
           table != Table::kIdMap;
}

// What a row of kQueue says of its record.
namespace queue_flag {
inline constexpr int kForced = 1;  // a replay that may overwrite newer data
inline constexpr int kChild = 2;   // a connection brings its parent
}  // namespace queue_flag
inline bool has_flag(std::string_view queue_value, int flag) {
    return !queue_value.empty() && (queue_value.front() & flag) != 0;
}

// The rows of kMeta; each holds 8 bytes.
namespace meta {
// Of the tables; a newer syncline that changes them raises it.
inline constexpr std::uint64_t kFormatNumber = 3;
// Before it every message id had a row that ended it: minute 4, route 4, message id 16 -> ().
inline constexpr std::uint64_t kFormatOfGroups = 3;
inline constexpr std::string_view kFormat = "format";
inline constexpr std::string_view kApplied = "applied";
inline constexpr std::string_view kSeed = "hash_seed";
inline constexpr std::string_view kPendingBytes = "pending_bytes";
inline constexpr std::string_view kOutcomeBytes = "outcome_bytes";
inline constexpr std::string_view kLastTick = "last_tick";
}  // namespace meta

class Key {
  public:
    Key() = default;
    Key(const Key& other) { raw(other); }
    Key& operator=(const Key& other) {
        std::string_view bytes = other;
        size_ = 0;
        return raw(bytes);
    }
    Key& u8(std::uint8_t n) { return big_endian(n, 1); }
    Key& u16(std::uint16_t n) { return big_endian(n, 2); }
    Key& u32(std::uint32_t n) { return big_endian(n, 4); }
    Key& u64(std::uint64_t n) { return big_endian(n, 8); }
    Key& raw(std::string_view bytes) {
        SYNCLINE_ASSERT(bytes.size() <= kBytesMax - size_);
        bytes.copy(bytes_ + size_, bytes.size());
        size_ += bytes.size();
        return *this;
    }
    operator std::string_view() const { return {bytes_, size_}; }  // NOLINT: a key is its bytes
    std::string str() const { return std::string{bytes_, size_}; }

  private:
    static constexpr std::size_t kBytesMax = 511;  // LMDB's limit

    Key& big_endian(std::uint64_t n, unsigned size) {
        char bytes[8];
        for (unsigned i = 0; i < size; ++i)
            bytes[i] = static_cast<char>(n >> (size - 1 - i) * 8 & 0xff);
        return raw({bytes, size});
    }

    char bytes_[kBytesMax];
    std::size_t size_ = 0;
};

inline std::uint64_t read_big_endian(std::string_view bytes) {
    std::uint64_t n = 0;
    for (char c : bytes) n = n << 8 | static_cast<unsigned char>(c);
    return n;
}

// What rows that expire are sorted by.
inline std::uint32_t minute_of(std::int64_t ns) {
    return static_cast<std::uint32_t>(ns / 60'000'000'000);
}

inline Key name_key(NameKind kind, std::uint32_t id) {
    return Key{}.u8(static_cast<std::uint8_t>(kind)).u32(id);
}
inline Key event_key(RouteId route, Position position) {
    return Key{}.u32(route).u64(position.value);
}
inline Key outcome_key(Position event) {
    return Key{}.u64(event.value);
}
inline Key record_key(RecordId id) {
    return Key{}.u64(id.event.value).u32(id.index);
}
inline Key lane_row_key(ConnectionId connection, std::string_view lane) {
    return Key{}.u32(connection).raw(lane);
}
inline Key queue_prefix(ConnectionId connection, std::string_view lane) {
    return Key{}.u32(connection).u16(static_cast<std::uint16_t>(lane.size())).raw(lane);
}
inline Key queue_key(ConnectionId connection, std::string_view lane, RecordId id) {
    return queue_prefix(connection, lane).u64(id.event.value).u32(id.index);
}
inline Key parked_prefix(ConnectionId parent, std::string_view parent_lane) {
    return queue_prefix(parent, parent_lane);
}
inline Key parked_key(ConnectionId parent, std::string_view parent_lane, ConnectionId connection,
                      std::string_view lane) {
    return parked_prefix(parent, parent_lane).u32(connection).raw(lane);
}
inline Key id_map_key(AccountId account, std::string_view name_space, std::string_view key) {
    return Key{}
        .u32(account)
        .u16(static_cast<std::uint16_t>(name_space.size()))
        .raw(name_space)
        .raw(key);
}
inline Key ready_key(ConnectionId connection, RecordId id) {
    return Key{}.u32(connection).u64(id.event.value).u32(id.index);
}
inline Key due_key(ConnectionId connection, std::int64_t due_ns, std::string_view lane) {
    return Key{}.u32(connection).u64(static_cast<std::uint64_t>(due_ns)).raw(lane);
}

// The last 12 bytes of kReady, kQueue and kRecord keys.
inline RecordId record_id_of(std::string_view key) {
    std::string_view tail = key.substr(key.size() - 12);
    return RecordId{Position{read_big_endian(tail.substr(0, 8))},
                    static_cast<std::uint32_t>(read_big_endian(tail.substr(8)))};
}

}  // namespace syncline::store
