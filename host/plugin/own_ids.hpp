// Ids of an account that its connector put and that the state does not have yet: they lie over what
// is durable, so that a connector sees at once what it has put, whichever of its instances did.
// Concurrency: [any].
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace syncline::plugin {

class OwnIds {
  public:
    static constexpr std::size_t kCountMax = 100'000;

    // `key` is namespace, NUL and key.
    std::optional<std::string> find(const std::string& key) const {
        const std::lock_guard lock{mutex_};
        const auto found = ids_.find(key);
        return found == ids_.end() ? std::nullopt : std::optional{found->second};
    }
    // False when too many are kept.
    bool put(std::string key, const std::string& value) {
        const std::lock_guard lock{mutex_};
        if (ids_.size() >= kCountMax) return false;
        ids_.insert_or_assign(std::move(key), value);
        return true;
    }
    // What was put later for the same key stays.
    void forget(const std::string& key, const std::string& value) {
        const std::lock_guard lock{mutex_};
        const auto found = ids_.find(key);
        if (found != ids_.end() && found->second == value) ids_.erase(found);
    }

  private:
    mutable std::mutex mutex_;
    std::map<std::string, std::string> ids_;
};

}  // namespace syncline::plugin
