// The settings of an account, which the host has checked against the manifest's schema.
#ifndef SYNCLINE_SETTINGS_HPP
#define SYNCLINE_SETTINGS_HPP

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "syncline/json.hpp"

namespace syncline {

// A setting is absent or of another type than the code expects: schema and code disagree. init()
// fails with it as CONFIG.
class BadSetting : public std::runtime_error {
  public:
    BadSetting(std::string_view name, const char* expected)
        : std::runtime_error("the setting '" + std::string{name} + "' must be " + expected) {}
};

class Settings {
  public:
    explicit Settings(json::Value settings) : settings_(std::move(settings)) {}

    bool has(std::string_view name) const { return settings_.find(name) != nullptr; }

    // Required: throws BadSetting unless it is there and of that type.
    std::string text(std::string_view name) const {
        const json::Value* value = settings_.find(name);
        if (value == nullptr || value->string() == nullptr) throw BadSetting{name, "text"};
        return *value->string();
    }
    std::int64_t integer(std::string_view name) const {
        const json::Value* value = settings_.find(name);
        if (value == nullptr || !value->int64()) throw BadSetting{name, "an integer"};
        return *value->int64();
    }
    bool boolean(std::string_view name) const {
        const json::Value* value = settings_.find(name);
        if (value == nullptr || value->boolean() == nullptr)
            throw BadSetting{name, "true or false"};
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
    json::Value settings_;
};

}  // namespace syncline

#endif
