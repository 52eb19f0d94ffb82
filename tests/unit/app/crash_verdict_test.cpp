#include "app/crash_verdict.hpp"

#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::app;

namespace {

constexpr std::int64_t kNow = 10 * kYoungNs;

CrashNotes::Death death(std::int64_t at_ns, std::string cause = "SIGSEGV",
                        std::vector<plugin::Subject> subjects = {{7, 0, 1}}) {
    return {at_ns,
            {"acme", "2.0.0", "new", "main", "write()", std::move(cause), std::move(subjects)}};
}

plugin::ConnectorNote note(const std::string& serving, std::int64_t since_ns,
                           const std::string& previous) {
    plugin::ConnectorNote note;
    note.serving = plugin::KnownVersion{serving, "2.0.0", "acme.so", since_ns};
    if (!previous.empty()) note.previous = plugin::KnownVersion{previous, "1.0.0", "acme.so", 0};
    return note;
}

}  // namespace

TEST_CASE("crash verdict: a version that dies young goes back, when there is a way",
          "[app][crash]") {
    CHECK(judge_crash({death(kNow)}, note("new", kNow - 5, "old")) == CrashVerdict::kGoesBack);
    CHECK(judge_crash({death(kNow)}, note("new", kNow - 5, "")) == CrashVerdict::kServesOn);
    CHECK(judge_crash({death(kNow)}, note("new", kNow - kYoungNs, "old")) ==
          CrashVerdict::kServesOn);
}

TEST_CASE("crash verdict: one that dies again and again goes back, however old", "[app][crash]") {
    const auto old = note("new", 0, "old");
    CHECK(judge_crash({death(kNow - 2), death(kNow - 1), death(kNow)}, old) ==
          CrashVerdict::kGoesBack);
    CHECK(judge_crash({death(kNow - kYoungNs), death(kNow - 1), death(kNow)}, old) ==
          CrashVerdict::kServesOn);
}

TEST_CASE("crash verdict: without a way back, one that dies without a message is out of service",
          "[app][crash]") {
    const auto alone = note("new", 0, "");
    const auto idle = [](std::int64_t at_ns) { return death(at_ns, "SIGABRT", {}); };
    CHECK(judge_crash({idle(kNow - 2), idle(kNow - 1), idle(kNow)}, alone) ==
          CrashVerdict::kQuarantined);
    CHECK(judge_crash({idle(kNow - 1), idle(kNow)}, alone) == CrashVerdict::kServesOn);
    // Messages are set aside instead: it gets on.
    CHECK(judge_crash({death(kNow - 2), death(kNow - 1), death(kNow)}, alone) ==
          CrashVerdict::kServesOn);
}

TEST_CASE("crash verdict: a version that is quarantined is no way back", "[app][crash]") {
    auto only_bad = note("new", kNow - 5, "old");
    only_bad.quarantined.push_back({"old", "1.0.0", "it ended the hub's process", 0});
    CHECK(judge_crash({death(kNow)}, only_bad) == CrashVerdict::kServesOn);
}

TEST_CASE("crash verdict: a version on trial is quarantined, one that was replaced is left alone",
          "[app][crash]") {
    CHECK(judge_crash({death(kNow)}, note("other", 0, "")) == CrashVerdict::kQuarantined);
    CHECK(judge_crash({death(kNow)}, note("other", 0, "new")) == CrashVerdict::kServesOn);
}

TEST_CASE("crash verdict: a death without a trace means nothing", "[app][crash]") {
    CHECK(judge_crash({death(kNow, "", {}), death(kNow, "", {}), death(kNow, "", {})},
                      note("new", kNow, "old")) == CrashVerdict::kServesOn);
}
