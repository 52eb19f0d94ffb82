// Which message ids are remembered: those that came first between two positions, for as long as
// there is a group of these positions.
//
// Forgetting many ids is so the removal of one row. Those in Table::kDedup stay behind, mean
// nothing from then on, and go little by little (message_ids.cpp). A group is of about one minute.
// Concurrency: [any]; plain values, an object belongs to one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "store/codec.hpp"
#include "store/message_id.hpp"
#include "store/position.hpp"
#include "store/tables.hpp"

namespace syncline::store {

struct MessageIdGroup {
    std::uint32_t minute = 0;  // in which they came, at the latest
    Position first, last;      // of the events that came with them
    std::uint32_t count = 0;
};

// A row of Table::kDedupExpiry with a key of another size is an earlier version's, of one id.
inline constexpr std::size_t kGroupKeyBytes = 4 + 8;
inline constexpr std::size_t kGroupValueBytes = 8 + 4;

inline Key group_key(const MessageIdGroup& group) {
    return Key{}.u32(group.minute).u64(group.first.value);
}

inline std::string encode(const MessageIdGroup& group) {
    return Key{}.u64(group.last.value).u32(group.count).str();
}

// None when the row is not a group's.
inline std::optional<MessageIdGroup> group_of(std::string_view key, std::string_view value) {
    if (key.size() != kGroupKeyBytes || value.size() != kGroupValueBytes) return std::nullopt;
    MessageIdGroup group;
    group.minute = static_cast<std::uint32_t>(read_big_endian(key.substr(0, 4)));
    group.first.value = read_big_endian(key.substr(4));
    group.last.value = read_big_endian(value.substr(0, 8));
    group.count = static_cast<std::uint32_t>(read_big_endian(value.substr(8)));
    return group;
}

// All of them, by first position. They do not overlap.
class MessageIdGroups {
  public:
    void add(const MessageIdGroup& group) { groups_.insert_or_assign(group.first, group); }
    void remove(Position first) { groups_.erase(first); }

    // The group that the position stands in, null when none does.
    MessageIdGroup* find(Position position) {
        auto after = groups_.upper_bound(position);
        if (after == groups_.begin()) return nullptr;
        MessageIdGroup& group = std::prev(after)->second;
        return position <= group.last ? &group : nullptr;
    }
    // Null when there is none.
    MessageIdGroup* newest() { return groups_.empty() ? nullptr : &groups_.rbegin()->second; }
    const std::map<Position, MessageIdGroup>& all() const { return groups_; }

  private:
    std::map<Position, MessageIdGroup> groups_;
};

}  // namespace syncline::store
