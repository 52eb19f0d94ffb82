#include "app/crash_notes.hpp"

#include <array>
#include <fstream>

#include "app/errc.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using namespace syncline::app;
using plugin::Subject;

namespace {

plugin::Crash crash(std::string cause, std::vector<Subject> subjects) {
    return {"acme", "1.2.3", "abc", "acme-main", "write()", std::move(cause), std::move(subjects)};
}

constexpr Subject kFirst{7, 1, 2}, kSecond{18'446'744'073'709'551'615u, 0, 2};

}  // namespace

TEST_CASE("crash notes: the messages of a known death are set aside until they have their letters",
          "[app][crash]") {
    test::TempDir directory;
    const auto file = directory / "crashes.json";
    {
        CrashNotes notes{file};
        CHECK(notes.sentences().empty());
        REQUIRE(notes.add({crash("SIGSEGV", {kFirst, kSecond})}, 5).has_value());
    }
    CrashNotes notes{file};
    REQUIRE(notes.deaths().size() == 1);
    CHECK(notes.deaths()[0].at_ns == 5);
    CHECK(notes.deaths()[0].crash.sha256_hex == "abc");
    REQUIRE(notes.sentences().size() == 2);
    CHECK(notes.sentences().at(kSecond) ==
          "acme 1.2.3 ended the hub's process in write(): SIGSEGV");
    notes.forget(std::array{kFirst});
    CHECK(notes.sentences().size() == 1);
    CHECK(CrashNotes{file}.sentences().size() == 1);
    notes.forget(std::array{kFirst, kSecond});
    CHECK(CrashNotes{file}.sentences().empty());
}

TEST_CASE("crash notes: of deaths without a trace it takes three", "[app][crash]") {
    test::TempDir directory;
    const auto file = directory / "crashes.json";
    for (int i = 0; i < 2; ++i) {
        CrashNotes notes{file};
        REQUIRE(notes.add({crash("", {kFirst}), crash("", {kSecond})}, i).has_value());
        CHECK(notes.sentences().empty());
    }
    CrashNotes notes{file};
    REQUIRE(notes.add({crash("", {kSecond})}, 3).has_value());
    REQUIRE(notes.sentences().size() == 1);
    CHECK(notes.sentences().contains(kSecond));
}

TEST_CASE("crash notes: they are bounded, and the newest are kept", "[app][crash]") {
    test::TempDir directory;
    CrashNotes notes{directory / "crashes.json"};
    for (std::uint64_t i = 1; i <= kDeathsKept + 5; ++i)
        REQUIRE(
            notes.add({crash("SIGABRT", {{i, 0, 1}})}, static_cast<std::int64_t>(i)).has_value());
    CHECK(notes.deaths().size() == kDeathsKept);
    CHECK(notes.deaths().front().at_ns == 6);
    CHECK(!notes.sentences().contains(Subject{5, 0, 1}));
}

TEST_CASE("crash notes: a file that can't be read begins anew", "[app][crash]") {
    test::TempDir directory;
    const auto file = directory / "crashes.json";
    for (const char* text : {"", "{", "{}", R"({"deaths":[{"at_ns":"yesterday"}]})",
                             R"({"deaths":[{"at_ns":1,"messages":[[1]]}]})"}) {
        std::ofstream{file, std::ios::trunc} << text;
        CrashNotes notes{file};
        CHECK(notes.deaths().empty());
        REQUIRE(notes.add({crash("SIGSEGV", {kFirst})}, 1).has_value());
        CHECK(CrashNotes{file}.sentences().size() == 1);
    }
}

TEST_CASE("crash notes: what can't be written is an error", "[app][crash]") {
    test::TempDir directory;
    CrashNotes notes{directory / "nowhere/crashes.json"};
    const auto added = notes.add({crash("SIGSEGV", {kFirst})}, 1);
    REQUIRE(!added.has_value());
    CHECK(added.error().is(kCrashNotesFailed));
}
