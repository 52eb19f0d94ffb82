// The fake host's id map.
#ifndef SYNCLINE_TESTING_IDS_HPP
#define SYNCLINE_TESTING_IDS_HPP

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "syncline/failure.hpp"
#include "syncline/idmap.h"

namespace syncline::testing {

class FakeIds {
  public:
    using Map = std::map<std::string, std::map<std::string, std::string>>;

    // SYNCLINE_OK, and the lookup waits; or what is wrong with it.
    Failure look_up(std::string_view name_space, const syncline_str* keys, std::uint32_t count,
                    std::uint64_t user_id) {
        if (count == 0 || count > 1000 || keys == nullptr)
            return {SYNCLINE_E_PLUGIN_BUG, "get() asks for no key or for more than 1000"};
        Lookup lookup{user_id, std::string{name_space}, {}};
        for (std::uint32_t i = 0; i < count; ++i) {
            if (!is_place(name_space, view(keys[i]))) return bad_place();
            lookup.keys.emplace_back(view(keys[i]));
        }
        lookups_.push_back(std::move(lookup));
        return {SYNCLINE_OK, ""};
    }
    Failure put(std::uint64_t operation, std::string_view name_space, std::string_view key,
                std::string_view value) {
        if (!is_place(name_space, key)) return bad_place();
        if (value.size() > 1024)
            return {SYNCLINE_E_PLUGIN_BUG, "a value of the id map is too long"};
        std::string& mapped = map[std::string{name_space}][std::string{key}];
        puts_[operation].push_back({std::string{name_space}, std::string{key}, mapped});
        mapped = value;
        tidy(name_space, key);
        return {SYNCLINE_OK, ""};
    }
    // The operation is over: what it put stays, or is undone.
    void settle(std::uint64_t operation, bool is_kept) {
        std::vector<Put> puts = std::move(puts_[operation]);
        puts_.erase(operation);
        for (; !is_kept && !puts.empty(); puts.pop_back()) {
            const Put& last = puts.back();
            map[last.name_space][last.key] = last.previous;
            tidy(last.name_space, last.key);
        }
    }

    bool is_waiting() const { return !lookups_.empty(); }
    // Answers the oldest lookup that waits.
    void answer(const syncline_plugin_idmap& table, syncline_instance* instance) {
        const Lookup lookup = std::move(lookups_.front());
        lookups_.pop_front();
        std::vector<std::string> found;
        for (const std::string& key : lookup.keys) {
            const auto& ids = map[lookup.name_space];
            const auto at = ids.find(key);
            found.push_back(at != ids.end() ? at->second : "");
        }
        std::vector<syncline_str> values;
        for (const std::string& value : found) values.push_back(borrow(value));
        table.found(instance, lookup.user_id, values.data(),
                    static_cast<std::uint32_t>(values.size()), nullptr);
    }

    Map map = {};  // by namespace and key

  private:
    struct Lookup {
        std::uint64_t user_id = 0;
        std::string name_space;
        std::vector<std::string> keys;
    };
    struct Put {
        std::string name_space, key, previous;
    };

    static bool is_place(std::string_view name_space, std::string_view key) {
        return !name_space.empty() && name_space.size() <= 64 && !key.empty() && key.size() <= 240;
    }
    static Failure bad_place() {
        return {SYNCLINE_E_PLUGIN_BUG, "a namespace has 1 to 64 bytes, a key 1 to 240"};
    }
    // "" is the same as nothing.
    void tidy(std::string_view name_space, std::string_view key) {
        auto& ids = map[std::string{name_space}];
        if (ids[std::string{key}].empty()) ids.erase(std::string{key});
    }

    std::deque<Lookup> lookups_;
    std::map<std::uint64_t, std::vector<Put>> puts_;
};

}  // namespace syncline::testing

#endif
