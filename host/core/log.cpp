#include "core/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "core/clock.hpp"
#include "core/redact.hpp"

namespace syncline::core {
namespace {

struct Sink {
    std::shared_ptr<spdlog::logger> logger;
    bool is_terminal;
};

const Sink& sink() {
    static const Sink instance = [] {
        auto logger = std::make_shared<spdlog::logger>(
            "syncline", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        logger->set_pattern("%v", spdlog::pattern_time_type::utc);  // local would read the zone
        logger->set_level(spdlog::level::info);
        return Sink{std::move(logger), ::isatty(STDERR_FILENO) == 1};
    }();
    return instance;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
        case LogLevel::kDebug:
            return spdlog::level::debug;
        case LogLevel::kInfo:
            return spdlog::level::info;
        case LogLevel::kWarning:
            return spdlog::level::warn;
        case LogLevel::kError:
            return spdlog::level::err;
    }
    return spdlog::level::err;
}

const char* name_of(LogLevel level) {
    switch (level) {
        case LogLevel::kDebug:
            return "debug";
        case LogLevel::kInfo:
            return "info";
        case LogLevel::kWarning:
            return "warning";
        case LogLevel::kError:
            return "error";
    }
    return "error";
}

void append_escape(std::string& out, unsigned byte) {
    static constexpr char kHex[] = "0123456789abcdef";
    (out += "\\u00").append({kHex[byte >> 4 & 15], kHex[byte & 15]});
}

// The length of the control character at the front of the text; 0 when there is none. Those from
// U+0080 to U+009F are two bytes in UTF-8.
std::size_t control_bytes(std::string_view text) {
    const auto first = static_cast<unsigned char>(text[0]);
    if (first < 0x20 || first == 0x7f) return 1;
    const bool is_c1 =
        first == 0xC2 && text.size() > 1 && static_cast<unsigned char>(text[1]) < 0xA0;
    return is_c1 ? 2 : 0;
}

// As in a JSON string, without the quotes around it.
void append_escaped(std::string& out, std::string_view text, std::string_view kept = "") {
    while (!text.empty()) {
        const char c = text[0];
        const std::size_t control =
            kept.find(c) == std::string_view::npos ? control_bytes(text) : 0;
        if (control != 0) {
            append_escape(out, static_cast<unsigned char>(text[control - 1]));
        } else {
            if (kept.empty() && (c == '"' || c == '\\')) out += '\\';
            out += c;
        }
        text.remove_prefix(std::max<std::size_t>(control, 1));
    }
}

// A JSON string literal; also used for text values that hold spaces or control characters.
void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    append_escaped(out, text);
    out += '"';
}

bool needs_quotes(std::string_view text) {
    if (text.empty()) return true;
    for (; !text.empty(); text.remove_prefix(1)) {
        const char c = text[0];
        if (c == ' ' || c == '"' || c == '=' || control_bytes(text) != 0) return true;
    }
    return false;
}

void append_value(std::string& out, const LogField::Value& value, bool is_json) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        out += std::to_string(*number);
    } else if (const auto* real = std::get_if<double>(&value)) {
        out += std::to_string(*real);
    } else {
        const std::string text = redact(std::get<std::string>(value));
        if (is_json || needs_quotes(text))
            append_quoted(out, text);
        else
            out += text;
    }
}

std::string format_json(LogLevel level, std::string_view channel, std::string_view message,
                        LogFields fields) {
    std::string line = "{\"time\":\"";
    line += format_iso8601(system_clock().wall_ns()).text;
    line += "\",\"level\":\"";
    line += name_of(level);
    line += "\",\"channel\":";
    append_quoted(line, channel);
    line += ",\"message\":";
    append_quoted(line, redact(std::string{message}));
    for (const LogField& field : fields) {
        line += ',';
        append_quoted(line, field.name);
        line += ':';
        append_value(line, field.value, true);
    }
    line += '}';
    return line;
}

std::string format_text(LogLevel level, std::string_view channel, std::string_view message,
                        LogFields fields) {
    std::string line = format_iso8601(system_clock().wall_ns()).text;
    line += ' ';
    line += name_of(level);
    line += ' ';
    line += channel;
    line += ": ";
    append_escaped(line, redact(std::string{message}));
    for (const LogField& field : fields) {
        line += ' ';
        line += field.name;
        line += '=';
        append_value(line, field.value, false);
    }
    return line;
}

}  // namespace

void set_log_level(LogLevel level) {
    sink().logger->set_level(to_spdlog(level));
}

bool log_enabled(LogLevel level) {
    return sink().logger->should_log(to_spdlog(level));
}

void log(LogLevel level, std::string_view channel, std::string_view message, LogFields fields) {
    if (!log_enabled(level)) return;
    const Sink& target = sink();
    const std::string line = format_log(target.is_terminal ? LogStyle::kText : LogStyle::kJson,
                                        level, channel, message, fields);
    target.logger->log(to_spdlog(level), spdlog::string_view_t{line});
    target.logger->flush();
}

std::string format_log(LogStyle style, LogLevel level, std::string_view channel,
                       std::string_view message, LogFields fields) {
    return style == LogStyle::kText ? format_text(level, channel, message, fields)
                                    : format_json(level, channel, message, fields);
}

std::string escape_controls(std::string_view text) {
    std::string out;
    append_escaped(out, text, "\n\t");
    return out;
}

void log_error(std::string_view channel, const Error& error) {
    log_error(channel, error.what(),
              {{"code", error.code()}, {"where", error.where()}, {"remedy", error.remedy()}});
}

}  // namespace syncline::core
