// The log: text on a terminal, one JSON object a line otherwise, on standard error. Never a secret
// (each text goes through redact()), never a body.
//
//   core::log_info("store", "journal opened", {{"segments", 3}, {"epoch", epoch}});
//
// The channel is the module's name (or `connector:<id>`). Messages are constant sentences; what
// varies goes into fields, so that a log can be searched. Control characters are escaped wherever
// they come from (log injection).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "core/error.hpp"

namespace syncline::core {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

struct LogField {
    using Value = std::variant<std::int64_t, double, std::string>;
    LogField(std::string_view field_name, std::string_view text)
        : name(field_name), value(std::string{text}) {}
    LogField(std::string_view field_name, const char* text)
        : name(field_name), value(std::string{text}) {}
    LogField(std::string_view field_name, const std::string& text)
        : name(field_name), value(text) {}
    LogField(std::string_view field_name, double number) : name(field_name), value(number) {}
    template <class Integer>
    requires std::is_integral_v<Integer> LogField(std::string_view field_name, Integer number)
        : name(field_name), value(static_cast<std::int64_t>(number)) {}

    std::string_view name;
    Value value;
};

using LogFields = std::initializer_list<LogField>;

// Sets the lowest level that is written; the default is kInfo. [any]
void set_log_level(LogLevel level);
bool log_enabled(LogLevel level);

void log(LogLevel level, std::string_view channel, std::string_view message, LogFields fields = {});

inline void log_debug(std::string_view channel, std::string_view message, LogFields fields = {}) {
    if (log_enabled(LogLevel::kDebug)) log(LogLevel::kDebug, channel, message, fields);
}
inline void log_info(std::string_view channel, std::string_view message, LogFields fields = {}) {
    log(LogLevel::kInfo, channel, message, fields);
}
inline void log_warning(std::string_view channel, std::string_view message, LogFields fields = {}) {
    log(LogLevel::kWarning, channel, message, fields);
}
inline void log_error(std::string_view channel, std::string_view message, LogFields fields = {}) {
    log(LogLevel::kError, channel, message, fields);
}
void log_error(std::string_view channel, const Error& error);

// One line, as log() writes it. [any]
enum class LogStyle { kText, kJson };
std::string format_log(LogStyle style, LogLevel level, std::string_view channel,
                       std::string_view message, LogFields fields = {});

// The text without control characters (C0, C1 and DEL, which terminals obey): `\u001b` stands for
// them. Line breaks and tabs stay. [any]
std::string escape_controls(std::string_view text);

}  // namespace syncline::core
