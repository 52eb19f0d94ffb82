// The tests of `syncline connectors check`: what each proves, why it matters, what to do.
// Concurrency: one thread of a process of its own; the lists are constants, [any].
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checker/subject.hpp"
#include "core/error.hpp"

namespace syncline::checker {

inline constexpr int kLevelMax = 10;
inline constexpr std::chrono::seconds kTestLimit{30};

enum class Status { kPassed, kWarning, kSkipped, kFailed, kCrashed };
std::string_view to_string(Status status);

struct Verdict {
    Status status = Status::kPassed;
    std::string what{};  // a sentence of what was seen; empty when passed
};

inline Verdict passed() {
    return {};
}
inline Verdict failed(std::string what) {
    return {Status::kFailed, std::move(what)};
}
inline Verdict warned(std::string what) {
    return {Status::kWarning, std::move(what)};
}

// One test. It has a process of its own, so it may do what it likes to it.
struct Test {
    std::string_view name;
    int level;
    std::string_view rule;    // what holds when it passes
    std::string_view why;     // what happens to an operator otherwise
    std::string_view remedy;  // what the author does about it
    // An error of `checker.not_applicable` is a reason to skip the test.
    Result<Verdict> (*run)(const Subject& subject);
};

std::span<const Test> file_tests();
std::span<const Test> loading_tests();
std::span<const Test> life_tests();
std::span<const Test> process_tests();
std::span<const Test> protocol_tests();
std::span<const Test> write_tests();
std::span<const Test> question_tests();
std::span<const Test> succession_tests();
std::span<const Test> fault_tests();
std::span<const Test> webhook_tests();
std::span<const Test> unloading_tests();

// All of them, lowest level first.
const std::vector<Test>& all_tests();
const Test* find_test(std::string_view name);

}  // namespace syncline::checker
