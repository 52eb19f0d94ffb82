// The settings of an account, which the host has checked against the manifest's schema.
#ifndef SYNCLINE_SETTINGS_HPP
#define SYNCLINE_SETTINGS_HPP

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "syncline/failure.hpp"
#include "syncline/json.hpp"

namespace syncline {

class Settings {
  public:
    explicit Settings(json::Value settings) : settings_(std::move(settings)) {}

    bool has(std::string_view name) const { return settings_.find(name) != nullptr; }

    // Required: throws a Failure of class SYNCLINE_E_CONFIG unless it is there and of that type,
    // since schema and code then disagree.
    std::string text(std::string_view name) const {
        const std::string* value = settings_.find_string(name);
        if (value == nullptr) throw bad(name, "text");
        return *value;
    }
    std::int64_t integer(std::string_view name) const {
        const json::Value* value = settings_.find(name);
        if (value == nullptr || !value->int64()) throw bad(name, "an integer");
        return *value->int64();
    }
    bool boolean(std::string_view name) const {
        const json::Value* value = settings_.find(name);
        if (value == nullptr || value->boolean() == nullptr) throw bad(name, "true or false");
        return *value->boolean();
    }

    // Optional: the fallback if it is absent.
    std::string text(std::string_view name, std::string_view fallback) const {
        return has(name) ? text(name) : std::string{fallback};
    }
    std::int64_t integer(std::string_view name, std::int64_t fallback) const {
        return has(name) ? integer(name) : fallback;
    }
    bool boolean(std::string_view name, bool fallback) const {
        return has(name) ? boolean(name) : fallback;
    }

    // The whole tree, for settings that are lists or objects.
    const json::Value& json() const { return settings_; }

  private:
    static Failure bad(std::string_view name, const char* expected) {
        return {SYNCLINE_E_CONFIG,
                "the setting '" + std::string{name} + "' must be " + std::string{expected}};
    }

    json::Value settings_;
};

}  // namespace syncline

#endif
