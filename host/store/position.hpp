// Where a fact stands in the journal.
// Concurrency: [any]; plain values.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace syncline::store {

// An epoch (one start of the hub) and a counter within it, in one number that orders as the facts
// do. Never used twice: each start takes a new epoch before it appends anything (rule 1).
struct Position {
    static constexpr unsigned kCounterBits =
        40;  // a million million facts a start, 16 million starts

    std::uint64_t value = 0;  // 0 is before every fact

    static constexpr Position of(std::uint64_t epoch, std::uint64_t counter) {
        return Position{epoch << kCounterBits | counter};
    }
    constexpr std::uint64_t epoch() const { return value >> kCounterBits; }
    constexpr std::uint64_t counter() const {
        return value & ((std::uint64_t{1} << kCounterBits) - 1);
    }
    constexpr Position next() const { return Position{value + 1}; }
    constexpr auto operator<=>(const Position&) const = default;
};

// A record within an event: ordered as received (rule 2).
struct RecordId {
    Position event;
    std::uint32_t index = 0;
    constexpr auto operator<=>(const RecordId&) const = default;
};

// `12.345`: epoch and counter, as people see positions and event ids.
inline std::string to_string(Position position) {
    return std::to_string(position.epoch()) + "." + std::to_string(position.counter());
}

}  // namespace syncline::store
