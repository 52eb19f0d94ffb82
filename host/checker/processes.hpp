// Processes that may crash, hang and talk: several at once, each with a deadline.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace syncline::checker {

struct Command {
    std::vector<std::string> words;  // the first is the program's path
    std::filesystem::path input;     // becomes its standard input
    std::chrono::milliseconds limit;
};

// How a process ended.
struct Ended {
    std::string output;     // standard output, at most kOutputBytesMax
    std::string last_said;  // the end of standard error
    int exit_code = 0;
    int signal = 0;  // that killed it; 0: none
    bool is_late = false;
    std::chrono::milliseconds took{};

    bool is_whole() const { return exit_code == 0 && signal == 0 && !is_late; }
};

inline constexpr std::size_t kOutputBytesMax = 64 * 1024;
inline constexpr std::size_t kSaidBytesMax = 2 * 1024;

// Runs all of them, `jobs` at once; results in their order. What is left of a process that has
// ended is killed with it. Concurrency: one thread.
std::vector<Ended> run_all(const std::vector<Command>& commands, std::size_t jobs);

// "it was killed by SIGSEGV; it said: ..."
std::string describe_end(const Ended& ended);

}  // namespace syncline::checker
