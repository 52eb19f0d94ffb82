// Which message ids are known, and how they are forgotten.
//
// Whether an id is known depends on facts alone: on the position in its row and on the groups. When
// a row that means nothing any more goes does not matter, and does depend on what was committed.
#include <algorithm>
#include <limits>

#include "store/message_id.hpp"
#include "store/message_id_groups.hpp"
#include "store/state.hpp"

namespace syncline::store {
namespace {

// Ids that came after so many others begin a group of their own, so that a bound on ids does not
// cost many more than are too many.
constexpr std::uint64_t kGroupsOfBound = 1000;
// An earlier version's ids go one by one; this is behind all of them.
constexpr std::uint32_t kMinuteOfEarlier = std::numeric_limits<std::uint32_t>::max();

Position position_in(std::string_view dedup_value) {
    return Position{read_big_endian(dedup_value.substr(0, kPositionBytes))};
}

}  // namespace

// Reads the groups. What an earlier version remembered is one, from the very first position on.
Result<void> State::load_message_ids(std::uint64_t format) {
    const bool is_earlier = format != 0 && format < meta::kFormatOfGroups;
    std::string from(1, '\0');
    while (!is_earlier) {
        SYNCLINE_TRY(auto row, overlay_.seek(Table::kDedupExpiry, from, ""));
        if (!row) break;
        if (auto group = group_of(row->key, row->value)) {
            dedup_ids_ += group->count;
            dedup_groups_.add(*group);
        }
        from = row->key + '\0';
    }
    if (!is_earlier) return {};
    SYNCLINE_TRY(dedup_ids_, overlay_.rows_committed(Table::kDedup));
    if (dedup_ids_ == 0) return {};
    put_group({kMinuteOfEarlier, Position{}, applied_, static_cast<std::uint32_t>(dedup_ids_)});
    return {};
}

void State::put_group(const MessageIdGroup& group) {
    dedup_groups_.add(group);
    const Key key = group_key(group);
    overlay_.put(Table::kDedupExpiry, key, encode(group));
    expiry_.minute = std::min(expiry_.minute, group.minute);
    expiry_.from = std::min(expiry_.from, key.str());
}

// The row of the id, as long as it is remembered.
Result<std::optional<std::string_view>> State::known_message_id(std::string_view key) {
    SYNCLINE_TRY(auto row, overlay_.get(Table::kDedup, key));
    if (row && dedup_groups_.find(position_in(*row)) == nullptr) row.reset();
    return row;
}

Result<std::optional<Position>> State::first_with(RouteId route, std::string_view message_id) {
    SYNCLINE_TRY(auto found, known_message_id(dedup_key(route, message_id)));
    if (!found) return std::optional<Position>{};
    return std::optional{position_in(*found)};
}

void State::note_message_id(Position at, const Received& fact) {
    overlay_.put(Table::kDedup, dedup_key(fact.route, fact.message_id),
                 Key{}.u64(at.value).raw(content_of(fact.message_id)).str());
    ++dedup_ids_;
    const std::uint32_t minute = minute_of(fact.received_ns);
    const MessageIdGroup* newest = dedup_groups_.newest();
    // One that comes a little late belongs to those around it.
    const bool is_of_newest =
        newest != nullptr && (newest->minute == minute || newest->minute == minute + 1) &&
        newest->count < std::max<std::uint64_t>(dedup_ids_max_ / kGroupsOfBound, 1);
    MessageIdGroup group = is_of_newest ? *newest : MessageIdGroup{minute, at, at, 0};
    group.last = at;
    ++group.count;
    put_group(group);
}

// Forgets message ids that are older than the window or too many, oldest first.
Result<void> State::expire(int count_max) {
    const std::uint32_t oldest =
        last_tick_ns_ < kDedupWindowNs ? 0 : minute_of(last_tick_ns_ - kDedupWindowNs);
    auto has_more = [&] { return expiry_.minute < oldest || dedup_ids_ > dedup_ids_max_; };
    for (int expired = 0; expired < count_max && has_more(); ++expired) {
        SYNCLINE_TRY(auto row, overlay_.seek(Table::kDedupExpiry, expiry_.from, ""));
        expiry_.minute = row ? static_cast<std::uint32_t>(
                                   read_big_endian(std::string_view{row->key}.substr(0, 4)))
                             : std::numeric_limits<std::uint32_t>::max();
        if (!row || !has_more()) break;
        overlay_.erase(Table::kDedupExpiry, row->key);
        expiry_.from = row->key + '\0';
        if (row->key.size() != kGroupKeyBytes) {
            SYNCLINE_CHECK(expire_earlier(std::string_view{row->key}.substr(4)));
            continue;
        }
        const Position first{read_big_endian(std::string_view{row->key}.substr(4))};
        const MessageIdGroup* group = dedup_groups_.find(first);
        if (group == nullptr) continue;
        dedup_ids_ -= std::min<std::uint64_t>(dedup_ids_, group->count);
        dedup_groups_.remove(first);
    }
    return {};
}

// The id had an expiry row of its own. It may be gone, or have come anew since.
Result<void> State::expire_earlier(std::string_view key) {
    SYNCLINE_TRY(auto row, overlay_.get(Table::kDedup, key));
    MessageIdGroup* found = row ? dedup_groups_.find(position_in(*row)) : nullptr;
    if (found == nullptr || found->first != Position{}) return {};
    overlay_.erase(Table::kDedup, key);
    if (dedup_ids_ > 0) --dedup_ids_;
    MessageIdGroup group = *found;
    if (--group.count > 0) {
        put_group(group);
    } else {
        overlay_.erase(Table::kDedupExpiry, group_key(group));
        dedup_groups_.remove(group.first);
    }
    return {};
}

// Removes rows of ids that are forgotten, where there are more of these than what is not committed
// yet hides: looks at up to `count_max` rows, where the last call ended, round and round.
Result<void> State::sweep(int count_max) {
    SYNCLINE_TRY(const std::uint64_t rows, overlay_.rows_committed(Table::kDedup));
    for (int looked = 0; looked < count_max && rows > dedup_ids_; ++looked) {
        SYNCLINE_TRY(auto row, overlay_.seek_committed(Table::kDedup, swept_));
        if (!row) {
            swept_.assign(1, '\0');
            return {};
        }
        swept_.assign(row->key).push_back('\0');
        if (dedup_groups_.find(position_in(row->value)) != nullptr) continue;
        // It may be removed already, or have come anew.
        SYNCLINE_TRY(auto now, overlay_.get(Table::kDedup, row->key));
        if (now && dedup_groups_.find(position_in(*now)) == nullptr)
            overlay_.erase(Table::kDedup, row->key);
    }
    return {};
}

}  // namespace syncline::store
