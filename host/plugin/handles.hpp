// Handles that a connector holds: 64-bit numbers that are never given twice, so that one which is
// over, of another instance or invented is simply not found.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <utility>

namespace syncline::plugin {

// The next handle of this process, never 0. [any]
std::uint64_t next_handle();

// Concurrency: guarded by its owner.
template <class T>
class HandleTable {
  public:
    std::uint64_t insert(T value) {
        const std::uint64_t handle = next_handle();
        entries_.emplace(handle, std::move(value));
        return handle;
    }

    // Null when the handle is stale. Valid until the entry is erased.
    T* find(std::uint64_t handle) {
        const auto found = entries_.find(handle);
        return found == entries_.end() ? nullptr : &found->second;
    }

    bool erase(std::uint64_t handle) { return entries_.erase(handle) != 0; }

    std::size_t size() const { return entries_.size(); }
    bool empty() const { return entries_.empty(); }
    auto begin() { return entries_.begin(); }
    auto end() { return entries_.end(); }
    void clear() { entries_.clear(); }

  private:
    std::unordered_map<std::uint64_t, T> entries_;
};

}  // namespace syncline::plugin
