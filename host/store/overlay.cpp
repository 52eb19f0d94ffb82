#include "store/overlay.hpp"

#include <utility>

#include "core/assert.hpp"

namespace syncline::store {
namespace {

constexpr std::size_t kNodeBytes = 96;  // of a map entry, beside key and value

std::size_t weight(std::string_view key, const Overlay::Change& change) {
    return kNodeBytes + key.size() + (change.value ? change.value->size() : 0);
}

}  // namespace

const Overlay::Change* Overlay::find(Table table, std::string_view key) const {
    auto index = static_cast<std::size_t>(table);
    if (auto at = active_[index].find(key); at != active_[index].end()) return &at->second;
    if (frozen_) {
        const Changes& changes = (*frozen_)[index];
        if (auto at = changes.find(key); at != changes.end()) return &at->second;
    }
    return nullptr;
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
    auto index = static_cast<std::size_t>(table);
    std::string at{from};
    for (;;) {
        // The least key of the three layers; on a tie the upper layer decides.
        auto active = active_[index].lower_bound(at);
        bool has_active = active != active_[index].end();
        const Changes* frozen_changes = frozen_ ? &(*frozen_)[index] : nullptr;
        auto frozen = frozen_changes ? frozen_changes->lower_bound(at) : Changes::const_iterator{};
        bool has_frozen = frozen_changes && frozen != frozen_changes->end();
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
    Changes& changes = active_[static_cast<std::size_t>(table)];
    auto at = changes.lower_bound(key);
    if (at != changes.end() && at->first == key) {
        active_bytes_ -= weight(key, at->second);
        at->second.value = std::move(value);
    } else {
        bool is_fresh =
            is_new && !(frozen_ && (*frozen_)[static_cast<std::size_t>(table)].contains(key));
        at = changes.emplace_hint(at, std::string{key}, Change{std::move(value), is_fresh});
    }
    active_bytes_ += weight(key, at->second);
}

void Overlay::erase(Table table, std::string_view key) {
    Changes& changes = active_[static_cast<std::size_t>(table)];
    auto at = changes.lower_bound(key);
    if (at != changes.end() && at->first == key) {
        active_bytes_ -= weight(key, at->second);
        if (at->second.is_fresh) {
            changes.erase(at);
            return;
        }
        at->second.value.reset();
    } else {
        at = changes.emplace_hint(at, std::string{key}, Change{});
    }
    active_bytes_ += weight(key, at->second);
}

std::shared_ptr<const Overlay::Layer> Overlay::freeze() {
    SYNCLINE_ASSERT(!frozen_);
    frozen_ = std::make_shared<const Layer>(std::exchange(active_, Layer{}));
    frozen_bytes_ = std::exchange(active_bytes_, 0);
    return frozen_;
}

void Overlay::thaw() {
    frozen_.reset();
    frozen_bytes_ = 0;
}

}  // namespace syncline::store
