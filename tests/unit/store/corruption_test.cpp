// A database with bad bytes is refused or works; the process that opens it never dies of it.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "samples.hpp"
#include "store/errc.hpp"
#include "support/files.hpp"
#include "support/store_harness.hpp"

using namespace syncline;
using namespace syncline::store;

namespace {

// A directory with pending work, left as a kill leaves it.
void fill(const std::filesystem::path& directory) {
    pid_t child = ::fork();
    if (child == 0) {
        {
            RunningStore run{directory};
            if (!run.store || !run.start()) ::_exit(1);
            for (int i = 0; i < 60; ++i) {
                if (i == 20) run.deliverer.set_open(false);
                if (!run.event("k" + std::to_string(i), std::string(2000, 'x')).has_value())
                    ::_exit(2);
            }
            if (!run.eventually(
                    [&] { return run.store->status().committed == run.store->status().applied; }))
                ::_exit(3);
            ::_exit(0);
        }
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(status == 0);
}

enum class Outcome { kOpened, kDamaged, kOther, kDied };

// In a child, so that a death is an outcome.
Outcome open_in_child(const std::filesystem::path& directory) {
    pid_t child = ::fork();
    if (child == 0) {
        auto opened = Store::open(RunningStore::options(directory));
        if (opened.has_value()) ::_exit(0);
        ::_exit(opened.error().is(kStateDamaged) ? 1 : 2);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (!WIFEXITED(status)) return Outcome::kDied;
    return WEXITSTATUS(status) == 0   ? Outcome::kOpened
           : WEXITSTATUS(status) == 1 ? Outcome::kDamaged
                                      : Outcome::kOther;
}

}  // namespace

TEST_CASE("corruption: a bad byte anywhere in the database is found or harmless",
          "[store][corruption][A16]") {
    test::TempDir directory;
    fill(directory.path());
    std::filesystem::path file = directory / "state" / "data.mdb";
    const std::string whole = test::read_file(file);
    unsigned damaged = 0, opened = 0;
    for (std::size_t at = 17; at < whole.size(); at += 1 + whole.size() / 150) {
        std::string bad = whole;
        bad[at] = static_cast<char>(bad[at] ^ 0x55);
        test::write_file(file, bad);
        Outcome outcome = open_in_child(directory.path());
        INFO("byte " << at);
        CHECK(outcome != Outcome::kDied);
        damaged += outcome == Outcome::kDamaged ? 1 : 0;
        opened += outcome == Outcome::kOpened ? 1 : 0;
    }
    CHECK(damaged > 20);
    CHECK(opened > 0);  // pages that nothing uses
    test::write_file(file, whole);
    CHECK(open_in_child(directory.path()) == Outcome::kOpened);
}

TEST_CASE("corruption: a database cut off anywhere is refused", "[store][corruption][A16]") {
    test::TempDir directory;
    fill(directory.path());
    std::filesystem::path file = directory / "state" / "data.mdb";
    const std::string whole = test::read_file(file);
    for (std::size_t size = 4096; size < whole.size() / 2; size += 4096) {
        test::write_file(file, std::string_view{whole}.substr(0, size));
        INFO("cut at " << size);
        Outcome outcome = open_in_child(directory.path());
        CHECK(outcome != Outcome::kDied);
        CHECK(outcome != Outcome::kOpened);
    }
}

TEST_CASE("corruption: what a power cut leaves of the very first start is begun again",
          "[store][corruption]") {
    auto size = GENERATE(as<std::size_t>{}, 0, 4096, 8192, 20'480);
    test::TempDir directory;
    for (const char* name : {"journal", "state", "bodies"})
        std::filesystem::create_directory(directory / name);
    test::write_file(directory / "state" / "data.new", std::string(size, '\0'));

    RunningStore run{directory.path()};

    REQUIRE(run.store);
    REQUIRE(run.start());
    CHECK(run.event("k").has_value());
    CHECK(!std::filesystem::exists(directory / "state" / "data.new"));
}
