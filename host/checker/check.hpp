// `syncline connectors check`: every test in a process of its own, and what came of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checker/test.hpp"
#include "core/error.hpp"
#include "plugin/services.hpp"

namespace syncline::checker {

struct CheckOptions {
    std::filesystem::path file;
    std::filesystem::path executable;  // of this program: what each test's process runs
    int level = kLevelMax;             // tests up to it
    std::string only;                  // instead: this test alone
    std::string without;               // leaves this test out
    std::uint64_t seed = 1;
    std::optional<std::string> settings{};  // JSON; without, they are made up
    std::size_t jobs = 2;                   // processes at once
};

struct TestResult {
    const Test* test;
    Verdict verdict;
    std::chrono::milliseconds took{};
};

struct CheckResult {
    std::string id, version;  // of the manifest; empty when it can't be read
    std::uint64_t seed = 1;
    int level = 0;         // that was asked
    int level_passed = 0;  // all tests up to it have passed; 0: not even the first
    std::vector<TestResult> tests;

    bool is_passed() const { return level_passed >= level; }
};

// Takes seconds. Errors: `checker.*`. Concurrency: the process's first thread.
Result<CheckResult> check(const CheckOptions& options);

// What the process of one test does: reads settings from standard input, writes the verdict to
// standard output. Returns the exit code. Concurrency: the process's first thread.
int run_test(std::string_view name, const std::filesystem::path& library, std::uint64_t seed,
             std::shared_ptr<plugin::Expressions> expressions);

// A verdict as the two sides write and read it.
std::string write_verdict(const Verdict& verdict);
std::optional<Verdict> read_verdict(std::string_view text);

}  // namespace syncline::checker
