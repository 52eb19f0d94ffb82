#include "store/store.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "samples.hpp"
#include "store/errc.hpp"
#include "support/files.hpp"
#include "support/store_harness.hpp"

using namespace syncline;
using namespace syncline::store;

namespace {

// Runs in a child that then ends as SIGKILL ends it; false when it could not do its work.
template <class Work>
bool in_killed_child(Work work) {
    pid_t child = ::fork();
    if (child == 0) {
        if (work()) ::kill(::getpid(), SIGKILL);
        ::_exit(1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

std::size_t files_in(const std::filesystem::path& directory) {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator{directory}, {}));
}

}  // namespace

TEST_CASE("store: what was stopped goes on where it was", "[store]") {
    test::TempDir directory;
    {
        RunningStore run{directory.path()};
        REQUIRE(run.store);
        REQUIRE(run.start());
        run.deliverer.set_open(false);
        for (int i = 0; i < 50; ++i) REQUIRE(run.event("k" + std::to_string(i % 7)).has_value());
        CHECK(run.eventually([&] { return run.pending() == 50; }));
        run.store->stop();
        CHECK(!run.store->ask([](State&) {}));
        CHECK(run.event("late").error().is(kStopping));
        run.store->stop();
    }
    RunningStore again{directory.path()};
    REQUIRE(again.store);
    REQUIRE(again.start());
    CHECK(again.eventually([&] { return again.ledger().delivered == 50; }));
    CHECK(again.ledger().balances());
    CHECK(!again.fatal());
}

TEST_CASE("store: what was acknowledged is there after a kill", "[store][A1]") {
    test::TempDir directory;
    std::uint64_t expected = 0;
    for (int cycle = 0; cycle < 8; ++cycle) {
        REQUIRE(in_killed_child([&] {
            auto* run = new RunningStore{directory.path()};  // never stopped
            if (!run->store || !run->start()) return false;
            if (cycle % 2 == 0) run->deliverer.set_open(false);
            for (int i = 0; i < 40; ++i) {
                if (!run->event("k" + std::to_string(i % 5)).has_value()) return false;
            }
            return true;
        }));
        expected += 40;
    }
    RunningStore last{directory.path()};
    REQUIRE(last.store);
    REQUIRE(last.start());
    CHECK(last.eventually([&] { return last.ledger().delivered == expected; }));
    CHECK(last.ledger().balances());
}

TEST_CASE("store: a start commits what a killed hub left, and nothing after an orderly end",
          "[store][A1]") {
    test::TempDir directory;
    Store::Options options = RunningStore::options(directory.path());
    options.commit_interval = std::chrono::hours{1};
    // LMDB's first two pages name the last commit.
    const auto last_commit = [&] {
        return test::read_file(directory.path() / "state" / "data.mdb").substr(0, 8192);
    };
    const auto commits_at_start = [&] {
        RunningStore run{options};
        const std::string before = last_commit();
        REQUIRE(run.start());
        const bool is_committed = last_commit() != before;
        run.store->stop();
        return is_committed;
    };
    REQUIRE(in_killed_child([&] {
        auto* run = new RunningStore{options};  // never stopped
        return run->store && run->start() && run->event("k").has_value();
    }));

    CHECK(commits_at_start());
    CHECK(!commits_at_start());
}

TEST_CASE("store: a commit lets the journal shrink, also when facts leave only counters",
          "[store]") {
    test::TempDir directory;
    Store::Options options = RunningStore::options(directory.path());
    options.history_bytes_max = 0;
    RunningStore run{options};
    REQUIRE(run.store);
    REQUIRE(run.start());
    SECTION("delivered events") {
        for (int i = 0; i < 300; ++i) REQUIRE(run.event("k", std::string(20'000, 'x')).has_value());
    }
    SECTION("duplicates") {
        Received repeated = event_of("k", std::string(20'000, 'x'));
        repeated.message_id = std::string(16, 'i');
        for (int i = 0; i < 300; ++i) REQUIRE(run.event(repeated).has_value());
    }
    CHECK(run.eventually(
        [&] { return run.store->status().committed == run.store->status().applied; }));
    CHECK(run.eventually([&] { return files_in(directory / "journal") <= 4; }));  // of 24
}

TEST_CASE("store: events are refused while too much waits, results and commands are not [A8]",
          "[store][A8]") {
    test::TempDir directory;
    Store::Options options = RunningStore::options(directory.path());
    ErrorCode expected = kQuota;
    if (GENERATE(true, false)) {
        options.pending_bytes_max = 100'000;
    } else {
        options.unapplied_bytes_max = 100'000;
        options.commit_interval = std::chrono::hours{1};
        options.commit_bytes = 1 << 30;
        expected = kBusy;
    }
    RunningStore run{options};
    REQUIRE(run.store);
    REQUIRE(run.start());
    run.deliverer.set_open(false);
    Result<Position> last = Position{};
    CHECK(run.eventually([&] {
        last = run.event("k", std::string(5000, 'x'));
        return !last.has_value();
    }));
    CHECK(last.error().is(expected));
    Append append;
    append.facts.emplace_back(Command{CommandKind::kReplayLetter, 77, false, 0});
    std::promise<std::optional<Error>> answered;
    append.on_applied = [&](std::optional<Error> why) { answered.set_value(std::move(why)); };
    run.store->append(std::move(append));
    auto answer = answered.get_future();
    REQUIRE(answer.wait_for(std::chrono::seconds{60}) == std::future_status::ready);
    CHECK(answer.get()->is(kNoSuchLetter));
    CHECK(run.event("k").error().is(expected));  // and nobody else has got in meanwhile
    run.deliverer.set_open(true);
    CHECK(run.eventually([&] { return run.event("k").has_value(); }));
    CHECK(run.eventually([&] { return run.ledger().pending == 0 && run.pending() == 0; }));
}

TEST_CASE("store: stop under load loses nothing and answers everyone once", "[store]") {
    test::TempDir directory;
    std::atomic<std::uint64_t> acknowledged{0}, refused{0}, asked{0};
    {
        RunningStore run{directory.path()};
        REQUIRE(run.store);
        REQUIRE(run.start());
        std::vector<std::thread> threads;
        Tally warm;
        for (int t = 0; t < 3; ++t) {
            threads.emplace_back([&, t] {
                for (int i = 0; refused == 0; ++i) {
                    ++asked;
                    auto answer = [&](const Result<Position>& position) {
                        ++(position.has_value() ? acknowledged : refused);
                        warm.add();
                    };
                    auto taken = run.store->append_event(
                        event_of("k" + std::to_string(t) + std::to_string(i % 50)), answer);
                    if (!taken.has_value()) --asked, std::this_thread::yield();
                }
            });
        }
        CHECK(warm.wait_for(2000));
        run.store->stop();
        for (std::thread& thread : threads) thread.join();
        CHECK(asked == acknowledged + refused);
    }
    RunningStore again{directory.path()};
    REQUIRE(again.store);
    REQUIRE(again.start());
    CHECK(again.eventually([&] { return again.ledger().delivered == acknowledged; }));
}

TEST_CASE("store: a command learns what became of it when it is applied", "[store]") {
    test::TempDir directory;
    RunningStore run{directory.path()};
    REQUIRE(run.store);
    REQUIRE(run.start());
    std::promise<std::optional<Error>> done;
    Append append;
    append.facts.emplace_back(Command{CommandKind::kDiscardLetter, 99, false, 0});
    append.on_applied = [&](std::optional<Error> rejection) {
        done.set_value(std::move(rejection));
    };
    run.store->append(std::move(append));
    auto rejection = done.get_future().get();
    REQUIRE(rejection);
    CHECK(rejection->is(kNoSuchLetter));
}

// What can be seen of a roll-back is that one of the two is older than the other. All of the
// directory put back is an earlier state of it like any other.
TEST_CASE("store: a state or a journal of another day is refused [A17]", "[store][A17]") {
    namespace fs = std::filesystem;
    test::TempDir directory;
    const fs::path data = directory / "data";
    Store::Options options = RunningStore::options(data);
    options.history_bytes_max = 0;
    auto run_with = [&](int events) {
        RunningStore run{options};
        REQUIRE(run.store);
        REQUIRE(run.start());
        for (int i = 0; i < events; ++i)
            REQUIRE(run.event("k", std::string(20'000, 'x')).has_value());
        REQUIRE(run.eventually([&] { return run.ledger().pending == 0 && run.pending() == 0; }));
        REQUIRE(run.eventually(
            [&] { return run.store->status().committed == run.store->status().applied; }));
    };
    run_with(5);
    fs::copy(data, directory / "then", fs::copy_options::recursive);
    run_with(300);  // more than the journal keeps
    const bool is_state = GENERATE(true, false);
    const char* rolled_back = is_state ? "state" : "journal";
    INFO(rolled_back);
    fs::rename(data / rolled_back, directory / "now");
    fs::rename(directory / "then" / rolled_back, data / rolled_back);
    {
        RunningStore refused{options};
        REQUIRE(refused.failure);
        CHECK(refused.failure->is(is_state ? kJournalDamaged : kStateAhead));
    }
    // Nothing was harmed by looking.
    fs::remove_all(data / rolled_back);
    fs::rename(directory / "now", data / rolled_back);
    RunningStore again{data};
    REQUIRE(again.store);
    REQUIRE(again.start());
    CHECK(again.ledger().delivered == 305);
}

TEST_CASE("store: a second one on the same directory is refused", "[store][A13]") {
    test::TempDir directory;
    std::filesystem::create_directory(directory / "real");
    std::filesystem::create_directory_symlink(directory / "real", directory / "link");
    RunningStore run{directory / "link"};
    REQUIRE(run.store);
    for (const char* name : {"real", "link"}) {
        RunningStore second{directory / name};
        REQUIRE(second.failure);
        CHECK(second.failure->is(kInUse));
        CHECK(second.failure->what().find(std::to_string(::getpid())) != std::string::npos);
    }
}

TEST_CASE("store: the lock is free at once when its holder was killed", "[store][A14]") {
    test::TempDir directory;
    for (int i = 0; i < 30; ++i) {
        REQUIRE(in_killed_child([&] {
            auto* run = new RunningStore{directory.path()};
            return run->store && run->start();
        }));
    }
    RunningStore run{directory.path()};
    CHECK(!run.failure);
}

TEST_CASE("store: file systems on which nothing is sure are refused by name", "[store][A15]") {
    CHECK(unsafe_filesystem_name(0x6969) == std::string{"NFS"});
    CHECK(unsafe_filesystem_name(0x01021997) == std::string{"9p"});
    CHECK(unsafe_filesystem_name(0x794c7630) == std::string{"overlayfs"});
    CHECK(unsafe_filesystem_name(0xFF534D42) == std::string{"SMB"});
    CHECK(unsafe_filesystem_name(0xFE534D42) == std::string{"SMB"});
    CHECK(unsafe_filesystem_name(0x65735546) == std::string{"FUSE"});
    CHECK(unsafe_filesystem_name(0xEF53) == nullptr);      // ext4
    CHECK(unsafe_filesystem_name(0x58465342) == nullptr);  // xfs
    CHECK(unsafe_filesystem_name(0x01021994) == nullptr);  // tmpfs
}

TEST_CASE("store: a map that is full grows, and nothing is lost", "[store][A7]") {
    test::TempDir directory;
    Store::Options options = RunningStore::options(directory.path());
    options.map_bytes = 1024 * 1024;
    options.commit_bytes = 300'000;
    {
        RunningStore run{options};
        REQUIRE(run.store);
        REQUIRE(run.start());
        run.deliverer.set_open(false);
        for (int i = 0; i < 200; ++i)
            REQUIRE(run.event("k" + std::to_string(i), std::string(20'000, 'x')).has_value());
        CHECK(run.eventually([&] { return run.pending() == 200; }));
    }
    options.map_bytes = 1024 * 1024;  // smaller than what is there
    RunningStore again{options};
    REQUIRE(again.store);
    REQUIRE(again.start());
    CHECK(again.eventually([&] { return again.ledger().delivered == 200; }));
    CHECK(!again.fatal());
}

TEST_CASE("store: large bodies live in files for as long as something refers to them", "[store]") {
    test::TempDir directory;
    std::string text(kInlineBodyBytesMax + 1, 'b');
    {
        RunningStore run{directory.path()};
        REQUIRE(run.store);
        REQUIRE(run.start());
        run.deliverer.set_open(false);
        Received event = event_of("k");
        event.body = run.store->bodies().keep(text).value();
        CHECK(event.body.text.empty());
        Body kept = event.body;
        REQUIRE(run.event(event).has_value());
        Body orphan = run.store->bodies().keep(text).value();  // its fact never comes
        CHECK(run.store->bodies().read(kept).value() == text);
        CHECK(run.store->bodies().keep("small").value().file.empty());
        CHECK(files_in(directory / "bodies") == 2);
    }
    RunningStore again{directory.path()};
    REQUIRE(again.store);
    CHECK(files_in(directory / "bodies") == 1);
    REQUIRE(again.start());
    CHECK(again.eventually([&] { return again.ledger().delivered == 1; }));
    CHECK(again.eventually([&] { return files_in(directory / "bodies") == 0; }));
    Body gone;
    gone.file = "9-9";
    gone.size = 5;
    CHECK(again.store->bodies().read(gone).error().is(kBodyMissing));
}

TEST_CASE("store: what a helper that was killed had open does not keep pages", "[store][A19]") {
    test::TempDir directory;
    Database::Options options;
    options.directory = directory.path();
    auto database = Database::open(options);
    REQUIRE(database.has_value());
    int ready[2] = {-1, -1};
    REQUIRE(::pipe(ready) == 0);
    pid_t child = ::fork();
    if (child == 0) {
        options.is_read_only = true;
        auto opened = Database::open(options);
        char ok = opened.has_value() ? 'y' : 'n';
        if (::write(ready[1], &ok, 1) == 1) ::pause();
        ::_exit(1);
    }
    char ok = 'n';
    REQUIRE(::read(ready[0], &ok, 1) == 1);
    CHECK(ok == 'y');
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    for (int end : ready) ::close(end);
    CHECK((*database)->clear_stale_readers() == 1);
    CHECK((*database)->clear_stale_readers() == 0);
}
