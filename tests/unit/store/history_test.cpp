#include "store/history.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "samples.hpp"
#include "store/errc.hpp"
#include "store/segment.hpp"
#include "support/files.hpp"

using namespace syncline;
using namespace syncline::store;

namespace {

constexpr std::size_t kBig = 3000;  // of a body: about 16 events fill a file

// A journal that keeps history, and what is asked of it.
class Recorded {
  public:
    explicit Recorded(const std::filesystem::path& directory, std::uint64_t history_bytes_max,
                      Position applied = {}) {
        Journal::Options options;
        options.directory = directory;
        options.segment_bytes = kSegment;
        options.history_bytes_max = history_bytes_max;
        options.applied = applied;
        options.on_batch = [](const DurableBatch&) {};
        options.on_fatal = [](const Error& error) { FAIL_CHECK(error.to_string()); };
        auto opened = Journal::open(std::move(options));
        if (opened.has_value()) {
            journal = *std::move(opened);
        } else {
            failure = opened.error();
        }
    }

    void begin() { last = journal->begin(0, EpochBegan{1, "test"})->position; }

    Position append(Fact fact) {
        std::promise<Position> done;
        Append append;
        append.facts.push_back(std::move(fact));
        append.on_durable = [&](Result<Position> position) { done.set_value(*position); };
        journal->append(std::move(append));
        return last = done.get_future().get();
    }

    // An event that became a record of this key.
    Position event(const std::string& key, std::size_t body_bytes = 10, std::int64_t at_ns = 7) {
        Position at = append(received(std::string(body_bytes, 'x'), "", at_ns));
        append(Translated{kRoute, at, {to_deliver(key)}});
        return at;
    }

    History ask(HistoryQuery query) const {
        query.until = last;
        return read_history(journal->files(), query);
    }
    History of_key(const std::string& key, std::size_t entries_max = 1000) const {
        HistoryQuery query;
        query.connection = kCrm;
        query.key = key;
        query.entries_max = entries_max;
        return ask(query);
    }
    History of_event(Position event) const {
        HistoryQuery query;
        query.event = event;
        return ask(query);
    }

    // The files' thread works behind the appends: it gets as long as it needs.
    std::size_t files(std::size_t wanted) const {
        auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{60};
        while (journal->files().size() != wanted && std::chrono::steady_clock::now() < give_up)
            std::this_thread::yield();
        return journal->files().size();
    }

    std::unique_ptr<Journal> journal;
    std::optional<Error> failure;
    Position last;
};

std::vector<Position> positions(const History& history) {
    std::vector<Position> all;
    for (const HistoryEntry& entry : history.entries) all.push_back(entry.position);
    return all;
}

void overwrite(const std::filesystem::path& file, std::uint64_t at, std::string_view bytes) {
    std::fstream stream{file, std::ios::binary | std::ios::in | std::ios::out};
    stream.seekp(static_cast<std::streamoff>(at));
    stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// Facts of many files, the first and the last of which are about key `k`; the journal was stopped.
struct Past {
    Past() {
        Recorded run{directory.path(), 100 * kSegment};
        run.begin();
        first = run.event("k");
        for (int i = 0; i < 60; ++i) run.event("other", kBig);
        run.event("k");
        last = run.last;
    }

    std::vector<std::filesystem::path> files() const {
        std::vector<std::filesystem::path> files;
        for (const auto& entry : std::filesystem::directory_iterator{directory.path()})
            files.push_back(entry.path());
        std::sort(files.begin(), files.end());
        return files;
    }

    test::TempDir directory;
    Position first, last;
};

}  // namespace

TEST_CASE("history: tells what a key's records became, and of no other key", "[store][history]") {
    test::TempDir directory;
    Recorded run{directory.path(), 0};
    run.begin();
    Position other = run.event("other");
    Position event = run.event("k", kBig, 42);
    for (int i = 0; i < 60; ++i) run.append(received(std::string(kBig, 'x')));  // in other files
    run.append(settled(kCrm, "other", {other, 0}, Settlement::kDelivered));
    run.append(settled(kShop, "k", {event, 0}, Settlement::kDelivered));
    Position retried = run.append(settled(kCrm, "k", {event, 0}, Settlement::kRetry));
    Settled death = settled(kCrm, "k", {event, 0}, Settlement::kDead, 2);
    death.answer = answer();
    Position died = run.append(death);
    run.append(Command{CommandKind::kReplayLetter, retried.value, false, 5});  // no letter
    Position replayed = run.append(Command{CommandKind::kReplayLetter, died.value, true, 5});
    run.append(Command{CommandKind::kDiscardLetter, died.value, false, 6});  // too late
    Position delivered = run.append(settled(kCrm, "k", {event, 0}, Settlement::kDelivered));

    History history = run.of_key("k");

    CHECK(positions(history) ==
          std::vector<Position>{event.next(), retried, died, replayed, delivered});
    CHECK(history.after == Position{});
    const auto& record = std::get<RecordSeen>(history.entries.front().what);
    CHECK(record.id == RecordId{event, 0});
    CHECK(record.received_ns == 42);
    CHECK(std::get<Settled>(history.entries[2].what).answer == nullptr);
    CHECK(std::get<Command>(history.entries[3].what).is_forced);
    CHECK(run.of_key("nobody").entries.empty());
}

TEST_CASE("history: tells the edits of a letter up to what ended it, without their bodies",
          "[store][history]") {
    test::TempDir directory;
    Recorded run{directory.path(), 0};
    run.begin();
    Position event = run.event("k");
    auto edit = [&](Position letter, std::size_t bytes) {
        Command command{CommandKind::kEditLetter, letter.value, false, 5};
        command.body = Body::inline_text(std::string(bytes, 'e'));
        return run.append(std::move(command));
    };
    Position died = run.append(settled(kCrm, "k", {event, 0}, Settlement::kDead));
    Position first = edit(died, 10);
    for (int i = 0; i < 60; ++i) run.append(received(std::string(kBig, 'x')));  // in other files
    Position second = edit(died, 20);
    Position third = edit(died, kBig);
    Position replayed = run.append(Command{CommandKind::kReplayLetter, died.value, false, 5});
    for (int i = 0; i < 60; ++i) run.append(received(std::string(kBig, 'x')));
    edit(died, 30);  // too late
    run.append(Command{CommandKind::kDiscardLetter, died.value, false, 5});

    History history = run.of_key("k");
    CHECK(positions(history) ==
          std::vector<Position>{event.next(), died, first, second, third, replayed});
    const auto& command = std::get<Command>(history.entries[4].what);
    CHECK(command.body.text.empty());
    CHECK(command.body.size == kBig);

    Position other = run.append(settled(kCrm, "k", {event, 0}, Settlement::kDead));
    for (int i = 0; i < 150; ++i) edit(other, 1);
    history = run.of_key("k");
    CHECK(history.entries.size() == 7 + 100);
    CHECK(history.entries.back().position == run.last);
    CHECK(history.after == Position{});
}

TEST_CASE("history: tells what an event became", "[store][history]") {
    test::TempDir directory;
    Recorded run{directory.path(), 0};
    run.begin();
    Position before = run.event("k");
    Position event = run.append(received("body", "0123456789abcdef", 42));
    run.append(Translated{kRoute, event, {to_deliver("a", {}), to_deliver("k", {kCrm, kShop})}});
    Position delivered = run.append(settled(kShop, "k", {event, 1}, Settlement::kDelivered));
    Position lost = run.append(received("?"));
    Position died = run.append(EventDied{kRoute, lost, 9, {"permanent", "not JSON", ""}});
    Position discarded = run.append(Command{CommandKind::kDiscardLetter, died.value, false, 5});

    History history = run.of_event(event);
    CHECK(positions(history) ==
          std::vector<Position>{event, event.next(), event.next(), delivered});
    CHECK(std::get<EventSeen>(history.entries.front().what).message_id == "0123456789abcdef");
    CHECK(history.records == 2);
    std::vector<ConnectionId> targets;
    for (const Target& target : std::get<RecordSeen>(history.entries[2].what).targets)
        targets.push_back(target.connection);
    CHECK(targets == std::vector<ConnectionId>{kCrm, kShop});
    CHECK(positions(run.of_event(lost)) == std::vector<Position>{lost, died, discarded});
    CHECK(!run.of_event(lost).is_translated);
    CHECK(run.of_event(before.next()).entries.empty());  // a translation is no event
}

TEST_CASE("history: is kept up to its limit, and the oldest goes first", "[store][history]") {
    test::TempDir directory;
    auto kept_files = GENERATE(std::size_t{0}, std::size_t{3});
    Recorded run{directory.path(), kept_files * kSegment};
    run.begin();
    for (int i = 0; i < 200; ++i) run.event("k", kBig);
    CHECK(run.of_key("k").entries.size() == 200);  // what the state does not have yet stays
    run.journal->truncate(run.last);

    // The newest full one and the one that is being written stay in any case.
    CHECK(run.files(kept_files + 2) == kept_files + 2);
    History history = run.of_key("k");
    CHECK(history.after > Position{});
    CHECK(!history.is_damaged);
    CHECK(history.entries.size() >= 6 * (kept_files + 1));
    CHECK(history.entries.size() < 200);
    CHECK(history.entries.front().position > history.after);
    CHECK(history.entries.back().position == run.last);
}

TEST_CASE("history: of too much the newest is told, and that there is more", "[store][history]") {
    test::TempDir directory;
    Recorded run{directory.path(), 0};
    run.begin();
    for (int i = 0; i < 100; ++i) run.event("k", kBig);

    History history = run.of_key("k", 30);

    CHECK(history.is_cut);
    REQUIRE(history.entries.size() == 30);
    CHECK(history.entries.back().position == run.last);
    CHECK(history.entries.front().position == Position{run.last.value - 58});
    CHECK(history.after == Position{run.last.value - 59});
    CHECK(!run.of_key("k", 100).is_cut);
}

TEST_CASE("history: a torn write and what is not durable yet are not told", "[store][history]") {
    test::TempDir directory;
    Recorded run{directory.path(), 0};
    run.begin();
    run.event("k");
    JournalFile file = run.journal->files().back();
    SegmentScan scan = *read_segment_header(file.path, file.number);
    auto nothing = [](const BatchView&) { return Result<void>{}; };
    std::uint64_t end = scan_segment(file.path, file.number, OnDamage::kStop, nothing)->tail_offset;
    std::string payload, whole;
    encode(Translated{kRoute, run.last.next(), {to_deliver("k")}}, payload);
    build_batch(scan.header.salt, run.last.next(), 1, payload, whole);

    overwrite(file.path, end, std::string_view{whole}.substr(0, 60));  // torn
    CHECK(positions(run.of_key("k")) == std::vector<Position>{run.last});
    CHECK(run.of_key("k").after == Position{});
    overwrite(file.path, end, whole);  // whole, and behind `until`
    CHECK(positions(run.of_key("k")) == std::vector<Position>{run.last});
}

TEST_CASE("history: a file that was used again meanwhile is gone, never misread",
          "[store][history]") {
    test::TempDir directory;
    Recorded run{directory.path(), 0};
    run.begin();
    for (int i = 0; i < 60; ++i) run.event("k", kBig);
    std::vector<JournalFile> old = run.journal->files();
    HistoryQuery query;
    query.connection = kCrm;
    query.key = "k";
    query.until = run.last;
    REQUIRE(read_history(old, query).entries.size() == 60);
    run.journal->truncate(run.last);
    REQUIRE(run.files(2) == 2);

    History history = read_history(old, query);

    CHECK(!history.is_damaged);
    CHECK(history.after == old[old.size() - 3].last);
    CHECK(!history.entries.empty());
    CHECK(history.entries.front().position > history.after);
}

TEST_CASE("history: of a file that is being overwritten only what was there is told",
          "[store][history]") {
    Past past;
    std::filesystem::path file = past.files().front();
    SegmentHeader header = read_segment_header(file, 1)->header;
    std::vector<JournalFile> files{{file, 1, Position::of(1, 20)}};
    HistoryQuery query;
    query.connection = kCrm;
    query.key = "k";
    query.until = past.last;
    REQUIRE(positions(read_history(files, query)) == std::vector<Position>{past.first.next()});
    // Its second use has come to the first batches, its header was read before.
    std::string payload, block;
    encode(Translated{kRoute, Position::of(9, 1), {to_deliver("k")}}, payload);
    build_batch(header.salt + 1, Position::of(1, 4), 1, payload, block);
    overwrite(file, kBlockBytes, block + block + block);

    History history = read_history(files, query);

    CHECK(history.entries.empty());
    CHECK(history.after >= Position::of(1, 3));
}

TEST_CASE("history: a start reads nothing of it but the headers", "[store][history]") {
    Past past;
    auto files = past.files();
    REQUIRE(files.size() > 6);
    std::string harm = GENERATE("a batch", "the header");
    INFO(harm);
    flip(files[1], harm == "a batch" ? 2 * kBlockBytes + 40 : 10);
    if (harm == "the header") flip(files[1], 2058);
    CHECK(Recorded(past.directory.path(), 0).failure->is(kJournalDamaged));

    Recorded again{past.directory.path(), 100 * kSegment, past.last};
    REQUIRE(again.journal);
    CHECK(again.journal->last() == past.last);
    std::size_t replayed = 0;
    auto count = [&](const NumberedFact&) -> Result<void> {
        ++replayed;
        return {};
    };
    REQUIRE(again.journal->replay(past.last, count).has_value());
    CHECK(replayed == 0);
    again.begin();
    History history = again.of_key("k");
    CHECK(history.is_damaged);
    CHECK(history.after > past.first);
    CHECK(positions(history) == std::vector<Position>{past.last});
}

TEST_CASE("history: outlives a start, and a start with less room for it shortens it",
          "[store][history]") {
    Past past;
    {
        Recorded again{past.directory.path(), 100 * kSegment, past.last};
        REQUIRE(again.journal);
        again.begin();
        CHECK(positions(again.of_key("k")) == std::vector<Position>{past.first.next(), past.last});
        CHECK(again.of_key("k").after == Position{});
    }
    Recorded last{past.directory.path(), 0, past.last};
    REQUIRE(last.journal);
    last.begin();
    CHECK(last.files(2) == 2);
    CHECK(last.of_key("k").after > past.first);
}

TEST_CASE("history: many starts do not use it up", "[store][history]") {
    test::TempDir directory;
    Position first, last;
    for (int start = 0; start < 20; ++start) {
        Recorded run{directory.path(), 100 * kSegment, last};
        REQUIRE(run.journal);
        run.begin();
        Position event = run.event("k");
        if (start == 0) first = event;
        last = run.last;
    }
    std::uintmax_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator{directory.path()})
        bytes += entry.file_size();
    CHECK(bytes < 12 * kSegment);
    Recorded run{directory.path(), 100 * kSegment, last};
    REQUIRE(run.journal);
    run.begin();
    CHECK(run.of_key("k").entries.size() == 20);
    CHECK(run.of_key("k").after == Position{});
}

TEST_CASE("history: ends when whoever asks has no more time", "[store][history]") {
    Past past;
    Recorded again{past.directory.path(), 100 * kSegment, past.last};
    again.begin();
    HistoryQuery query;
    query.connection = kCrm;
    query.key = "k";
    int left = 30;
    query.may_go_on = [&left] { return --left > 0; };
    History history = again.ask(query);
    CHECK(history.is_late);
    CHECK(history.after > past.first);
    CHECK(positions(history).size() <= 1);
}
