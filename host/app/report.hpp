// What a verb says: one JSON object with --json, plain text for people otherwise; without secrets
// (core/redact.hpp) and control characters.
// Concurrency: one thread writes to the standard streams.
#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "core/error.hpp"

namespace syncline::app {

// The envelope of --json: {"command","ok","summary","result","error"}.
struct Report {
    std::string command;
    std::string summary;  // one line
    std::string text;     // for people, below or instead of the summary; may be empty
    boost::json::value result;
    core::ExitCode exit_code = core::ExitCode::kDone;
};

// Prints to standard output and returns the exit code.
int print(const Report& report, bool is_json);

// Prints a line to standard error.
void complain(const std::string& line);

// Prints an error: with --json to standard output as the envelope, otherwise to standard error.
int print_error(const std::string& command, const Error& error, bool is_json,
                const boost::json::value& result = nullptr);

}  // namespace syncline::app
