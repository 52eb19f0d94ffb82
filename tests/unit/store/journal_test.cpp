#include "store/journal.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include "samples.hpp"
#include "store/errc.hpp"
#include "store/segment.hpp"

using namespace syncline;
using namespace syncline::store;

namespace {

// A journal over a directory, with what was handed on.
class Running {
  public:
    explicit Running(const std::filesystem::path& directory, bool salvage = false,
                     std::uint64_t history_bytes_max = 0) {
        Journal::Options options;
        options.history_bytes_max = history_bytes_max;
        options.directory = directory;
        options.segment_bytes = kSegment;
        options.salvage = salvage;
        options.on_batch = [this](DurableBatch batch) {
            std::lock_guard lock{mutex_};
            for (NumberedFact& fact : batch.facts) handed_on_.push_back(fact.position);
            changed_.notify_all();
        };
        options.on_fatal = [this](const Error& error) { fatal = error; };
        auto opened = Journal::open(std::move(options));
        if (opened.has_value()) {
            journal = *std::move(opened);
        } else {
            failure = opened.error();
        }
    }

    ~Running() { journal.reset(); }  // its threads use what stands below

    void begin(std::uint64_t at_least = 0) {
        REQUIRE(journal->begin(at_least, EpochBegan{1, "test"}).has_value());
    }

    Position append(std::vector<Fact> facts) {
        std::promise<Result<Position>> done;
        Append append;
        append.facts = std::move(facts);
        append.on_durable = [&](Result<Position> position) { done.set_value(std::move(position)); };
        journal->append(std::move(append));
        Result<Position> position = done.get_future().get();
        REQUIRE(position.has_value());
        return *position;
    }

    std::vector<NumberedFact> replay(Position after = {}) {
        std::vector<NumberedFact> facts;
        auto done = journal->replay(after, [&](NumberedFact fact) -> Result<void> {
            facts.push_back(std::move(fact));
            return {};
        });
        REQUIRE(done.has_value());
        return facts;
    }

    std::vector<Position> handed_on() {
        std::lock_guard lock{mutex_};
        return handed_on_;
    }

    bool wait_until_handed_on(std::size_t count) {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, std::chrono::seconds{60},
                                 [&] { return handed_on_.size() >= count; });
    }

    std::unique_ptr<Journal> journal;
    std::optional<Error> failure;
    std::optional<Error> fatal;

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Position> handed_on_;
};

std::string body_of(const NumberedFact& fact) {
    const auto* event = std::get_if<Received>(&fact.fact);
    return event == nullptr ? std::string{} : event->body.text;
}

// Files that hold facts; a spare's header is zeros or of another number.
std::vector<std::filesystem::path> used_files(const std::filesystem::path& directory) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator{directory}) {
        auto scan = scan_segment(entry.path(), std::stoull(entry.path().stem().string()),
                                 OnDamage::kStop, [](const BatchView&) { return Result<void>{}; });
        if (scan.has_value() && scan->is_used) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

}  // namespace

TEST_CASE("journal: a later start replays what was appended, in order", "[store][journal]") {
    test::TempDir directory;
    std::vector<std::string> bodies;
    {
        Running run{directory.path()};
        CHECK(run.journal->last() == Position{});
        run.begin();
        for (int i = 0; i < 200; ++i) {
            bodies.push_back("body " + std::to_string(i));
            CHECK(run.append({received(bodies.back()), Ticked{i}}) ==
                  Position::of(1, 2 + 2 * static_cast<unsigned>(i)));
        }
        run.journal->stop();
        std::vector<Position> positions = run.handed_on();
        CHECK(positions.size() == 400);
        CHECK(std::is_sorted(positions.begin(), positions.end()));
    }
    Running again{directory.path()};
    REQUIRE(again.journal);
    CHECK(again.journal->last() == Position::of(1, 401));
    auto facts = again.replay();
    REQUIRE(facts.size() == 401);
    CHECK(std::holds_alternative<EpochBegan>(facts[0].fact));
    for (std::size_t i = 0; i < bodies.size(); ++i) {
        CHECK(facts[1 + 2 * i].position == Position::of(1, 2 + 2 * i));
        CHECK(body_of(facts[1 + 2 * i]) == bodies[i]);
    }
    CHECK(again.replay(Position::of(1, 400)).size() == 1);
    CHECK(used_files(directory.path()).size() > 3);  // it rolled over
}

TEST_CASE("journal: everyone who appends at once is told once, in positions without gaps",
          "[store][journal]") {
    test::TempDir directory;
    Running run{directory.path()};
    run.begin();
    constexpr unsigned kThreads = 4, kEach = 300;
    std::mutex mutex;
    std::vector<std::uint64_t> told;
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            for (unsigned i = 0; i < kEach; ++i) {
                Append append;
                append.facts.emplace_back(Ticked{1});
                append.on_durable = [&](Result<Position> position) {
                    std::lock_guard lock{mutex};
                    told.push_back(position.has_value() ? position->counter() : 0);
                };
                run.journal->append(std::move(append));
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    run.journal->stop();
    REQUIRE(told.size() == kThreads * kEach);
    CHECK(std::is_sorted(told.begin(), told.end()));  // acknowledged in the order of the journal
    CHECK(told.front() == 2);
    CHECK(told.back() == kThreads * kEach + 1);
}

TEST_CASE("journal: what is acknowledged under load is handed on though nothing follows",
          "[store][journal]") {
    constexpr std::size_t kEvents = 50;
    test::TempDir directory;
    Running run{directory.path()};
    run.begin();
    // While its thread is held up, so many come that it will wait for more.
    std::promise<void> held_up, go_on;
    Append first;
    first.facts.emplace_back(Ticked{1});
    first.on_durable = [&](const Result<Position>&) {
        held_up.set_value();
        go_on.get_future().wait();
    };
    run.journal->append(std::move(first));
    held_up.get_future().wait();
    std::atomic<std::size_t> acknowledged{0};
    for (std::size_t i = 0; i < kEvents; ++i) {
        Append event;
        event.is_refusable = true;
        event.facts.emplace_back(received(std::to_string(i)));
        event.on_durable = [&](const Result<Position>& position) {
            acknowledged += position.has_value() ? 1 : 0;
        };
        run.journal->append(std::move(event));
    }
    go_on.set_value();
    SECTION("after a moment") {
        CHECK(run.wait_until_handed_on(1 + kEvents));
        run.journal->stop();
    }
    SECTION("at the end") {
        run.journal->stop();
        CHECK(run.handed_on().size() == 1 + kEvents);
    }
    CHECK(acknowledged == kEvents);
}

TEST_CASE("journal: after stop() an append is refused, once", "[store][journal]") {
    test::TempDir directory;
    Running run{directory.path()};
    run.begin();
    run.journal->stop();
    int calls = 0;
    Append append;
    append.facts.emplace_back(Ticked{1});
    append.on_durable = [&](const Result<Position>& position) {
        ++calls;
        CHECK(position.error().is(kStopping));
    };
    run.journal->append(std::move(append));
    CHECK(calls == 1);
}

TEST_CASE("journal: an orderly end leaves batches and no empty end to be read",
          "[store][journal]") {
    test::TempDir directory;
    Position last;
    {
        Running run{directory.path(), false, kSegment};
        run.begin();
        last = run.append({received("the last one")});
        CHECK(std::filesystem::file_size(used_files(directory.path()).at(0)) == kSegment);
    }
    const std::filesystem::path file = used_files(directory.path()).at(0);
    CHECK(std::filesystem::file_size(file) == 3 * kBlockBytes);  // header, epoch, event

    Running again{directory.path()};
    REQUIRE(!again.failure);
    CHECK(again.journal->last() == last);
    again.begin();
    CHECK(again.append({Ticked{1}}).epoch() == 2);
    CHECK(!again.fatal);
}

TEST_CASE("journal: no start uses a position of an earlier one", "[store][journal]") {
    test::TempDir directory;
    Position last;
    for (unsigned start = 1; start <= 5; ++start) {
        Running run{directory.path()};
        REQUIRE(run.journal);
        run.begin(start == 4 ? 40 : 0);
        Position position = run.append({Ticked{1}});
        CHECK(position > last);
        CHECK(position.epoch() == (start < 4 ? start : start + 37));
        last = position;
    }
}

TEST_CASE("journal: a batch larger than a file gets a file of its own", "[store][journal]") {
    test::TempDir directory;
    std::string huge(300 * 1024, 'h');
    {
        Running run{directory.path()};
        run.begin();
        run.append({received("before")});
        run.append({received(huge)});
        run.append({received("after")});
    }
    Running again{directory.path()};
    REQUIRE(again.journal);
    auto facts = again.replay();
    REQUIRE(facts.size() == 4);
    CHECK(body_of(facts[2]) == huge);
    CHECK(body_of(facts[3]) == "after");
}

TEST_CASE("journal: what the state has committed goes, the rest stays", "[store][journal]") {
    test::TempDir directory;
    Position kept;
    {
        Running run{directory.path()};
        run.begin();
        for (int round = 0; round < 20; ++round) {
            for (int i = 0; i < 30; ++i) kept = run.append({received(std::string(3000, 'x'))});
            run.journal->truncate(kept);
        }
        run.append({received("last")});
        // The files' thread works behind the appends: it gets as long as it needs.
        auto files = [&] {
            return std::distance(std::filesystem::directory_iterator{directory.path()}, {});
        };
        auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{60};
        while (files() >= 10 && std::chrono::steady_clock::now() < give_up)
            std::this_thread::yield();
    }
    Running again{directory.path()};
    REQUIRE(again.journal);
    CHECK(again.journal->before_first() > Position::of(1, 300));
    CHECK(again.journal->before_first() <= kept);
    auto facts = again.replay(kept);
    REQUIRE(facts.size() == 1);
    CHECK(body_of(facts[0]) == "last");
    CHECK(std::distance(std::filesystem::directory_iterator{directory.path()}, {}) < 10);
}

TEST_CASE("journal: a bad byte in what was acknowledged is refused with its place",
          "[store][journal]") {
    test::TempDir directory;
    {
        Running run{directory.path()};
        run.begin();
        for (int i = 0; i < 5; ++i) run.append({received("body " + std::to_string(i))});
    }
    std::filesystem::path file = used_files(directory.path()).front();
    flip(file, 3 * kBlockBytes + 50);
    Running again{directory.path()};
    REQUIRE(again.failure);
    CHECK(again.failure->is(kJournalDamaged));
    CHECK(again.failure->where() == file.string() + ":" + std::to_string(3 * kBlockBytes));
    Running salvaged{directory.path(), true};
    REQUIRE(salvaged.journal);
    CHECK(salvaged.replay().size() == 5);
}

TEST_CASE("journal: a missing or ruined file is refused", "[store][journal]") {
    test::TempDir directory;
    {
        Running run{directory.path()};
        run.begin();
        for (int i = 0; i < 60; ++i) run.append({received(std::string(3000, 'x'))});
    }
    auto files = used_files(directory.path());
    REQUIRE(files.size() >= 3);
    std::string harm = GENERATE("one in the middle is gone", "the end of one in the middle is bad",
                                "the header of the last one is bad, twice");
    INFO(harm);
    if (harm.ends_with("gone")) {
        std::filesystem::remove(files[1]);
    } else if (harm.starts_with("the end")) {
        flip(files[1], std::filesystem::file_size(files[1]) - kBlockBytes + 40);
    } else {
        flip(files.back(), 10);
        flip(files.back(), 2058);
    }
    Running again{directory.path()};
    REQUIRE(again.failure);
    CHECK(again.failure->is(kJournalDamaged));
    CHECK(again.failure->to_string().find(".log") != std::string::npos);
    Running salvaged{directory.path(), true};
    REQUIRE(salvaged.journal);
    CHECK(salvaged.replay().size() > 20);
}

TEST_CASE("journal: a file that was not prepared to its end is not used", "[store][journal]") {
    test::TempDir directory;
    std::ofstream{directory / "000000000001.log"}.flush();
    std::ofstream{directory / "000000000002.log"} << std::string(5000, '\0');
    {
        Running run{directory.path()};
        REQUIRE(run.journal);
        run.begin();
        for (int i = 0; i < 40; ++i) run.append({received(std::string(3000, 'x'))});
    }
    for (const auto& file : used_files(directory.path()))
        CHECK(std::filesystem::file_size(file) == kSegment);
    Running again{directory.path()};
    REQUIRE(again.journal);
    CHECK(again.replay().size() == 41);
}
