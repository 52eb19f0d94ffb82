// The changed rows of one table in memory.
//
// A table that is searched in order is a tree; one that is only asked for exact keys is a hash
// table, which takes a third of the time. Concurrency: as for containers; constant ones may be read
// from several threads.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/key_table.hpp"

namespace syncline::store {

struct Change {
    std::optional<std::string> value;  // none: erased
    bool is_fresh = false;             // no layer below has the key
};

class Changes {
  public:
    using Ordered = std::map<std::string, Change, std::less<>>;

    explicit Changes(bool is_ordered) : is_ordered_(is_ordered) {}

    // Valid until the next change.
    const Change* find(std::string_view key) const {
        if (is_ordered_) {
            auto at = ordered_.find(key);
            return at == ordered_.end() ? nullptr : &at->second;
        }
        auto at = hashed_.find(key);
        return at == hashed_.end() ? nullptr : &at->second;
    }
    Change* find(std::string_view key) {
        return const_cast<Change*>(std::as_const(*this).find(key));
    }

    // The key must not be there.
    Change& add(std::string_view key, Change change) {
        if (!is_ordered_) return hashed_.emplace(std::string{key}, std::move(change)).first->second;
        // Most rows come in ascending order.
        auto hint = ordered_.empty() || ordered_.rbegin()->first < key ? ordered_.end()
                                                                       : ordered_.lower_bound(key);
        return ordered_.emplace_hint(hint, std::string{key}, std::move(change))->second;
    }
    void remove(std::string_view key) {
        if (is_ordered_) {
            if (auto at = ordered_.find(key); at != ordered_.end()) ordered_.erase(at);
        } else if (auto at = hashed_.find(key); at != hashed_.end()) {
            hashed_.erase(at);
        }
    }

    // Only for a table that is ordered.
    const Ordered& ordered() const { return ordered_; }

    // Visits all in ascending order of keys: visit(key, change), which says whether to go on.
    template <class Visit>
    void each(Visit visit) const {
        for (const auto& [key, change] : ordered_) {
            if (!visit(key, change)) return;
        }
        std::vector<const KeyTable<Change>::value_type*> rows;
        rows.reserve(hashed_.size());
        for (const auto& row : hashed_) rows.push_back(&row);
        std::sort(rows.begin(), rows.end(),
                  [](const auto* a, const auto* b) { return a->first < b->first; });
        for (const auto* row : rows) {
            if (!visit(row->first, row->second)) return;
        }
    }

  private:
    bool is_ordered_;
    Ordered ordered_;
    KeyTable<Change> hashed_;
};

}  // namespace syncline::store
