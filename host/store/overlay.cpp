#include "store/overlay.hpp"

#include <utility>

#include "core/assert.hpp"

namespace syncline::store {
namespace {

constexpr std::size_t kEntryBytes = 96;  // of an entry, beside key and value

std::size_t weight(std::string_view key, const Change& change) {
    return kEntryBytes + key.size() + (change.value ? change.value->size() : 0);
}

}  // namespace

const Change* Overlay::find(Table table, std::string_view key) const {
    if (const Change* change = active_[table].find(key)) return change;
    return frozen_ ? (*frozen_)[table].find(key) : nullptr;
}

Result<std::optional<std::string_view>> Overlay::get(Table table, std::string_view key) {
    if (const Change* change = find(table, key)) {
        if (!change->value) return std::optional<std::string_view>{};
        return std::optional<std::string_view>{*change->value};
    }
    return database_.get(table, key);
}

Result<std::optional<Overlay::Row>> Overlay::seek(Table table, std::string_view from,
                                                  std::string_view prefix) {
    SYNCLINE_ASSERT(search_ == Search::kAll || is_searched(table));
    const Changes::Ordered& upper = active_[table].ordered();
    const Changes::Ordered* lower = frozen_ ? &(*frozen_)[table].ordered() : nullptr;
    std::string at{from};
    for (;;) {
        // The least key of the three layers; on a tie the upper layer decides.
        auto active = upper.lower_bound(at);
        bool has_active = active != upper.end();
        auto frozen = lower ? lower->lower_bound(at) : Changes::Ordered::const_iterator{};
        bool has_frozen = lower && frozen != lower->end();
        SYNCLINE_TRY(std::optional<Database::Row> below, database_.seek(table, at));

        std::string_view least;
        if (has_active) least = active->first;
        if (has_frozen && (least.empty() || frozen->first < least)) least = frozen->first;
        if (below && (least.empty() || below->key < least)) least = below->key;
        if (least.empty() || !least.starts_with(prefix)) return std::optional<Row>{};

        const Change* change = nullptr;
        if (has_active && active->first == least)
            change = &active->second;
        else if (has_frozen && frozen->first == least)
            change = &frozen->second;
        if (change == nullptr) return std::optional{Row{std::string{least}, below->value}};
        if (change->value) return std::optional{Row{std::string{least}, *change->value}};
        at = std::string{least} + '\0';  // erased: go on behind it
    }
}

void Overlay::put(Table table, std::string_view key, std::string value, bool is_new) {
    SYNCLINE_ASSERT(!key.empty());
    Change* change = active_[table].find(key);
    if (change != nullptr) {
        active_bytes_ -= weight(key, *change);
        change->value = std::move(value);
    } else {
        bool is_fresh = is_new && !(frozen_ && (*frozen_)[table].find(key) != nullptr);
        change = &active_[table].add(key, Change{std::move(value), is_fresh});
    }
    active_bytes_ += weight(key, *change);
}

void Overlay::erase(Table table, std::string_view key) {
    Change* change = active_[table].find(key);
    if (change != nullptr) {
        active_bytes_ -= weight(key, *change);
        if (change->is_fresh) return active_[table].remove(key);
        change->value.reset();
    } else {
        change = &active_[table].add(key, Change{});
    }
    active_bytes_ += weight(key, *change);
}

std::shared_ptr<const Overlay::Layer> Overlay::freeze() {
    SYNCLINE_ASSERT(!frozen_);
    frozen_ = std::make_shared<const Layer>(std::exchange(active_, Layer{search_}));
    frozen_bytes_ = std::exchange(active_bytes_, 0);
    return frozen_;
}

std::shared_ptr<const Overlay::Layer> Overlay::thaw() {
    frozen_bytes_ = 0;
    return std::exchange(frozen_, nullptr);
}

}  // namespace syncline::store
