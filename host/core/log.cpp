#include "core/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>

#include "core/clock.hpp"

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
        logger->set_pattern("%v");
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

// Appends a JSON string literal; also used for text values that hold spaces or control characters.
void append_quoted(std::string& out, std::string_view text) {
    static constexpr char kHex[] = "0123456789abcdef";
    out += '"';
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            out += "\\u00";
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        } else {
            out += c;
        }
    }
    out += '"';
}

bool needs_quotes(std::string_view text) {
    if (text.empty()) return true;
    for (char c : text) {
        if (static_cast<unsigned char>(c) <= 0x20 || c == '"' || c == '=' || c == 0x7f) return true;
    }
    return false;
}

void append_value(std::string& out, const LogField::Value& value, bool is_json) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        out += std::to_string(*number);
    } else if (const auto* real = std::get_if<double>(&value)) {
        out += std::to_string(*real);
    } else {
        const auto& text = std::get<std::string>(value);
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
    append_quoted(line, message);
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
    line += message;
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
    std::string line = target.is_terminal ? format_text(level, channel, message, fields)
                                          : format_json(level, channel, message, fields);
    target.logger->log(to_spdlog(level), spdlog::string_view_t{line});
    target.logger->flush();
}

void log_error(std::string_view channel, const Error& error) {
    log_error(channel, error.what(),
              {{"code", error.code()}, {"where", error.where()}, {"remedy", error.remedy()}});
}

}  // namespace syncline::core
