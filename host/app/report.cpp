#include "app/report.hpp"

#include <boost/json/serialize.hpp>
#include <cstdio>
#include <utility>

#include "core/log.hpp"
#include "core/redact.hpp"
#include "record/redact.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;

void put_line(std::FILE* to, const std::string& line) {
    std::fwrite(line.data(), 1, line.size(), to);
    if (!line.ends_with('\n')) std::fputc('\n', to);
    std::fflush(to);
}

// Without secrets, and without what a terminal obeys, whoever brought it.
void put_text(std::FILE* to, const std::string& text) {
    put_line(to, core::escape_controls(core::redact(text)));
}

void put_json(json::value envelope) {
    record::redact(envelope);
    put_line(stdout, json::serialize(envelope));
}

json::object to_json(const Error& error) {
    return {{"code", error.code()},
            {"what", error.what()},
            {"where", error.where()},
            {"remedy", error.remedy()}};
}

}  // namespace

void complain(const std::string& line) {
    put_text(stderr, line);
}

int print(const Report& report, bool is_json) {
    if (is_json) {
        json::object envelope{{"command", report.command},
                              {"ok", report.exit_code == core::ExitCode::kDone},
                              {"summary", report.summary},
                              {"result", report.result},
                              {"error", nullptr}};
        put_json(std::move(envelope));
    } else {
        if (!report.text.empty()) put_text(stdout, report.text);
        if (!report.summary.empty()) put_text(stdout, report.summary);
    }
    return static_cast<int>(report.exit_code);
}

int print_error(const std::string& command, const Error& error, bool is_json,
                const json::value& result) {
    if (is_json) {
        json::object envelope{{"command", command},
                              {"ok", false},
                              {"summary", error.what()},
                              {"result", result},
                              {"error", to_json(error)}};
        put_json(std::move(envelope));
    } else {
        complain("syncline: " + error.to_string());
    }
    return static_cast<int>(error.exit_code());
}

}  // namespace syncline::app
