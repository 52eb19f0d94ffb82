// The command line: one option table, from which help comes as well.
// Concurrency: the process's first thread.
#pragma once

namespace syncline::app {

// Parses and runs one verb; returns the exit code of the process.
int run_command_line(int argc, const char* const* argv);

}  // namespace syncline::app
