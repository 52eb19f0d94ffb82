// A damaged data directory: found, salvaged, and delivered from.
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <random>

#include "core/fault.hpp"
#include "samples.hpp"
#include "store/errc.hpp"
#include "store/journal.hpp"
#include "store/pages.hpp"
#include "store/salvage.hpp"
#include "support/files.hpp"
#include "support/store_harness.hpp"

using namespace syncline;
using namespace syncline::store;

namespace {

constexpr std::size_t kPage = 4096;
constexpr int kDelivered = 40, kPending = 120, kKeys = 40, kUntranslated = 25;

std::string key_of(int number) {
    return "k" + std::to_string(number % kKeys);
}

// Delivers what there is, or holds it back, and knows the order in which records went out.
class Recorder final : public Store::Observer {
  public:
    Result<std::optional<std::chrono::nanoseconds>> on_state(State& state) override {
        SYNCLINE_TRY(auto events, state.take_events(1, translate_max, 1 << 24));
        for (const PendingEvent& event : events) translate(event);
        if (!is_delivering) return std::optional<std::chrono::nanoseconds>{};
        SYNCLINE_TRY(auto heads, state.take_lanes(11, 1000, std::int64_t{1} << 62));
        for (const LaneHead& head : heads) deliver(head);
        return std::optional<std::chrono::nanoseconds>{};
    }

    Store* store = nullptr;
    std::atomic<std::size_t> translate_max{1000};
    std::atomic<bool> is_delivering{true};
    std::set<std::string> dying;                            // keys whose records become letters
    std::map<std::string, std::vector<std::string>> taken;  // key -> bodies; read after stop()

  private:
    void translate(const PendingEvent& event) {
        TranslatedRecord record;
        record.stream = "users";
        record.key = event.received->path;
        record.body = event.received->body;
        record.targets = {{11, 0}};
        append(Translated{event.route, event.position, {std::move(record)}});
    }
    void deliver(const LaneHead& head) {
        Settled result;
        result.connection = head.connection;
        result.lane = head.lane;
        result.record = head.record;
        result.attempt = head.attempt;
        if (dying.contains(head.row->key)) {
            result.settlement = Settlement::kDead;
        } else if (head.key_map && head.key_map->last >= head.record) {
            result.settlement = Settlement::kUnchanged;
        } else {
            taken[head.row->key].push_back(head.row->body.text.substr(0, 6));
        }
        append(std::move(result));
    }
    void append(Fact fact) {
        Append append;
        append.facts.push_back(std::move(fact));
        store->append(std::move(append));
    }
};

std::string body_of(int number) {
    std::string text = std::to_string(100'000 + number);
    return text + std::string(number % 9 == 0 ? 6000 : 150, 'x');
}

// A directory with delivered records, dead letters, records that wait in lanes, events that wait
// for their translation; several commits old, closed. The journal is what a longer life leaves: its
// first part is gone.
struct Fixture {
    test::TempDir directory;
    std::map<std::string, std::vector<std::string>> delivered;

    Fixture() {
        {
            RunningStore run{directory.path()};
            Recorder recorder;
            start(run, recorder);
            recorder.dying = {key_of(1), key_of(2)};
            for (int i = 0; i < kDelivered; ++i) send(run, i);
            REQUIRE(run.eventually([&] { return settled(run) == kDelivered; }));
            run.ask([&](State&) {
                recorder.dying.clear();
                recorder.is_delivering = false;
                return 0;
            });
            for (int i = kDelivered; i < kDelivered + kPending; ++i) send(run, i);
            REQUIRE(run.eventually([&] { return run.ledger().pending == kPending; }));
            recorder.translate_max = 0;
            for (int i = 0; i < kUntranslated; ++i) send(run, kDelivered + kPending + i);
            REQUIRE(run.eventually([&] { return run.pending() == kUntranslated; }));
            run.store->stop();
            delivered = recorder.taken;
        }
        forget_journal();
    }

    static void start(RunningStore& run, Recorder& recorder) {
        REQUIRE(run.store);
        recorder.store = run.store.get();
        REQUIRE(run.store->start(&recorder).has_value());
    }
    static void send(RunningStore& run, int number) {
        Received event = event_of(key_of(number), body_of(number));
        std::string id = "0123456789" + std::to_string(100'000 + number);
        event.message_id = id;
        event.received_ns = 60'000'000'000 * (1 + number);
        REQUIRE(run.event(std::move(event)).has_value());
    }
    static std::uint64_t settled(RunningStore& run) {
        ConnectionLedger ledger = run.ledger();
        return ledger.delivered + ledger.dead;
    }

    // Only the last file stays, as if the state had long committed past the others.
    void forget_journal() {
        RunningStore run{directory.path()};
        Recorder recorder;
        recorder.translate_max = 0;
        recorder.is_delivering = false;
        start(run, recorder);
        REQUIRE(run.eventually(
            [&] { return run.store->status().committed == run.store->status().applied; }));
        run.store->stop();
        run.store.reset();
        std::vector<std::filesystem::path> used;
        for (const auto& file : std::filesystem::directory_iterator{directory / "journal"}) {
            auto scan =
                scan_segment(file.path(), std::stoull(file.path().stem().string()), OnDamage::kStop,
                             [](const BatchView&) { return Result<void>{}; });
            REQUIRE(scan.has_value());
            if (scan->is_used) used.push_back(file.path());
        }
        std::sort(used.begin(), used.end());
        used.pop_back();
        for (const auto& file : used) std::filesystem::remove(file);
    }

    std::filesystem::path database() const { return directory / "state" / "data.mdb"; }
};

SalvageOptions options_for(const std::filesystem::path& directory) {
    SalvageOptions options;
    options.data_dir = directory;
    options.clock = &core::system_clock();
    options.version = "test";
    options.segment_bytes = RunningStore::options(directory).segment_bytes;
    options.map_bytes = std::uint64_t{1} << 30;
    return options;
}

enum class Opened { kWell, kRefused, kDied };

// In a child, so that a death is an outcome, and with a deadline, so that a hang is one.
Opened start_in_child(const std::filesystem::path& directory) {
    pid_t child = ::fork();
    if (child == 0) {
        ::alarm(60);
        auto opened = Store::open(RunningStore::options(directory));
        if (opened.has_value()) ::_exit(0);
        const Error& error = opened.error();
        bool is_right = error.is(kStateDamaged) || error.is(kStateAhead) ||
                        error.is(kJournalDamaged) || error.is(kNewerFormat);
        ::_exit(is_right ? 1 : 2);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (!WIFEXITED(status)) return Opened::kDied;
    CHECK(WEXITSTATUS(status) <= 1);
    return WEXITSTATUS(status) == 0 ? Opened::kWell : Opened::kRefused;
}

// Runs what is there to its end. Everything that goes out was sent, once, in order, and not before.
struct Drained {
    std::uint64_t received = 0, letters = 0;
    ConnectionLedger ledger;
    RouteLedger route;
};
Drained drain(const std::filesystem::path& directory,
              const std::map<std::string, std::vector<std::string>>& delivered) {
    Drained outcome;
    RunningStore run{directory};
    if (run.failure) UNSCOPED_INFO(run.failure->to_string());
    REQUIRE(run.store);
    Recorder recorder;
    Fixture::start(run, recorder);
    REQUIRE(run.eventually([&] { return run.pending() == 0 && run.ledger().pending == 0; }));
    outcome.ledger = run.ledger();
    outcome.route = run.ask([](State& state) {
        auto found = state.route_ledgers().find(1);
        return found == state.route_ledgers().end() ? RouteLedger{} : found->second;
    });
    outcome.letters = run.ask([](State& state) { return state.letters(0, 1000).value().size(); });
    CHECK(outcome.ledger.balances());
    CHECK(outcome.route.balances());
    CHECK(!run.fatal());
    run.store->stop();
    for (const auto& [key, bodies] : recorder.taken) {
        std::string last;
        if (auto before = delivered.find(key); before != delivered.end())
            last = before->second.back();
        for (const std::string& body : bodies) {
            ++outcome.received;
            CHECK(last < body);  // nothing twice, nothing before what came earlier
            CHECK(key_of(std::stoi(body) - 100'000) == key);
            CHECK(std::stoi(body) - 100'000 < kDelivered + kPending + kUntranslated);
            last = body;
        }
    }
    return outcome;
}

struct Totals {
    unsigned refused = 0, harmless = 0, lossless = 0;
    std::uint64_t delivered = 0;
};

// One damage: harmless, or refused and salvaged.
void judge(Fixture& fixture, Totals& totals) {
    Opened opened = start_in_child(fixture.directory.path());
    REQUIRE(opened != Opened::kDied);
    auto report = salvage(options_for(fixture.directory.path()));
    if (!report.has_value()) UNSCOPED_INFO(report.error().to_string());
    REQUIRE(report.has_value());
    if (opened == Opened::kRefused) REQUIRE(!report->damage.empty());
    Drained outcome = drain(fixture.directory.path(), fixture.delivered);
    const RepairResult& rows = report->rows;
    std::uint64_t all = kPending + kUntranslated;
    if (report->damage.empty()) {
        ++totals.harmless;
        CHECK(outcome.received == all);
        return;
    }
    ++totals.refused;
    totals.delivered += outcome.received;
    CHECK(outcome.received == all - rows.records.lost - rows.events.lost);
    CHECK(rows.records.kept + rows.records.lost == kPending);
    CHECK(rows.events.kept + rows.events.lost == kUntranslated);
    CHECK(outcome.letters == rows.letters.kept);
    CHECK(rows.lost.size() <= rows.records.lost + rows.letters.lost);
    if (rows.records.lost + rows.events.lost + rows.letters.lost == 0) ++totals.lossless;
    CHECK(std::filesystem::exists(report->quarantine / "state" / "data.mdb"));
    auto again = salvage(options_for(fixture.directory.path()));
    REQUIRE(again.has_value());
    CHECK(again->damage.empty());
}

// The directory as it was, again and again.
class Copies {
  public:
    explicit Copies(const Fixture& fixture) : original_(fixture.directory.path()) {
        std::filesystem::copy(original_, saved_.path(),
                              std::filesystem::copy_options::recursive |
                                  std::filesystem::copy_options::overwrite_existing);
    }
    void restore() const {
        for (const auto& entry : std::filesystem::directory_iterator{original_})
            std::filesystem::remove_all(entry.path());
        std::filesystem::copy(saved_.path(), original_, std::filesystem::copy_options::recursive);
    }

  private:
    std::filesystem::path original_;
    test::TempDir saved_;
};

void flip_bytes(unsigned count, std::uint32_t seed) {
    Fixture fixture;
    Copies copies{fixture};
    const std::string whole = test::read_file(fixture.database());
    std::mt19937 random{seed};
    Totals totals;
    for (unsigned i = 0; i < count; ++i) {
        copies.restore();
        std::string bad = whole;
        std::size_t at = random() % bad.size();
        // Every second one where there is most to break: the heads of pages.
        if (i % 2 == 0) at = at / kPage * kPage + at % 160;
        bad[at] = static_cast<char>(bad[at] ^ (1 << random() % 8));
        test::write_file(fixture.database(), bad);
        INFO("flip " << i << " of seed " << seed << ": byte " << at << ", page " << at / kPage);
        judge(fixture, totals);
    }
    CHECK(totals.refused > count / 10);
    CHECK(totals.lossless > 0);
    CHECK(totals.harmless > 0);
    // A damaged page costs what stands in it.
    CHECK(totals.delivered > totals.refused * (kPending + kUntranslated) * 9 / 10);
}

}  // namespace

TEST_CASE("salvage: a bad byte costs at most the page that it is in", "[store][salvage][A16]") {
    flip_bytes(100, 1);
}

TEST_CASE("salvage: a bad byte at a thousand places costs at most its page",
          "[.][full][store][salvage][A16]") {
    flip_bytes(1000, 2);
}

TEST_CASE("salvage: a file cut off at any page gives what is left", "[store][salvage][A16]") {
    Fixture fixture;
    Copies copies{fixture};
    const std::string whole = test::read_file(fixture.database());
    Totals totals;
    for (std::size_t size = 0; size < whole.size(); size += kPage) {
        copies.restore();
        test::write_file(fixture.database(), std::string_view{whole}.substr(0, size));
        INFO("cut at page " << size / kPage);
        Opened opened = start_in_child(fixture.directory.path());
        REQUIRE(opened != Opened::kDied);
        auto report = salvage(options_for(fixture.directory.path()));
        REQUIRE(report.has_value());
        CHECK(report->damage.empty() == (opened == Opened::kWell));
        drain(fixture.directory.path(), fixture.delivered);
        ++totals.refused;
    }
    CHECK(totals.refused > 10);
}

TEST_CASE("salvage: without damage nothing is changed", "[store][salvage]") {
    Fixture fixture;
    const std::string whole = test::read_file(fixture.database());

    auto report = salvage(options_for(fixture.directory.path()));

    REQUIRE(report.has_value());
    CHECK(report->damage.empty());
    CHECK(test::read_file(fixture.database()) == whole);
    CHECK(!std::filesystem::exists(fixture.directory / "quarantine"));
}

TEST_CASE("salvage: damage in history is no reason to touch a state that is whole",
          "[store][salvage]") {
    test::TempDir directory;
    {
        RunningStore run{directory.path()};
        REQUIRE(run.store);
        REQUIRE(run.start());
        for (int i = 0; i < 200; ++i) REQUIRE(run.event("k", std::string(10'000, 'x')).has_value());
        REQUIRE(run.eventually([&] { return run.ledger().delivered == 200; }));
        run.store->stop();
    }
    std::filesystem::path file = directory / "journal" / "000000000001.log";
    std::string bytes = test::read_file(file);
    bytes[5 * kPage + 100] ^= 1;
    test::write_file(file, bytes);

    auto report = salvage(options_for(directory.path()));

    REQUIRE(report.has_value());
    CHECK(report->damage.empty());
    CHECK(start_in_child(directory.path()) == Opened::kWell);
}

TEST_CASE("salvage: a hub that runs is left alone", "[store][salvage]") {
    test::TempDir directory;
    RunningStore run{directory.path()};
    REQUIRE(run.store);

    auto report = salvage(options_for(directory.path()));

    REQUIRE(!report.has_value());
    CHECK(report.error().is(kInUse));
}

TEST_CASE("salvage: a directory that is not there is not made", "[store][salvage]") {
    test::TempDir directory;

    auto report = salvage(options_for(directory / "nothing"));

    REQUIRE(!report.has_value());
    CHECK(report.error().is(kDirectoryUnusable));
    CHECK(!std::filesystem::exists(directory / "nothing"));
}

TEST_CASE("salvage: killed at any moment it can be run again", "[store][salvage][A16]") {
    struct Moment {
        const char* name;
        unsigned count;
    };
    Moment moment = GENERATE(
        Moment{"salvage.before-exchange", 1}, Moment{"salvage.between-rename-and-exchange", 1},
        Moment{"salvage.after-exchange", 1}, Moment{"salvage.between-rename-and-exchange", 2},
        Moment{"salvage.after-exchange", 2});
    INFO(moment.name << " " << moment.count);
    Fixture fixture;
    std::string bad = test::read_file(fixture.database());
    for (std::size_t at = bad.size() / 2; at < bad.size(); at += kPage) bad[at + 900] ^= 0x10;
    test::write_file(fixture.database(), bad);
    REQUIRE(start_in_child(fixture.directory.path()) == Opened::kRefused);

    pid_t child = ::fork();
    if (child == 0) {
        core::arm_fail_point(moment.name, moment.count);
        (void)salvage(options_for(fixture.directory.path()));
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFSIGNALED(status));

    auto report = salvage(options_for(fixture.directory.path()));
    REQUIRE(report.has_value());
    bool was_done = moment.count == 2 && std::string{moment.name} == "salvage.after-exchange";
    CHECK(report->damage.empty() == was_done);
    Drained outcome = drain(fixture.directory.path(), fixture.delivered);
    CHECK(outcome.received > (kPending + kUntranslated) / 3);
    CHECK(outcome.ledger.discarded + outcome.received + outcome.ledger.dead > kPending / 3);
    std::size_t originals = 0;
    for (const auto& folder : std::filesystem::directory_iterator{fixture.directory / "quarantine"})
        originals += test::read_file(folder.path() / "state" / "data.mdb") == bad ? 1u : 0u;
    CHECK(originals == 1);
}

TEST_CASE("salvage: facts behind damage in the journal count, positions are not used twice",
          "[store][salvage][A16]") {
    // The state is that of the first run, the journal that of both.
    test::TempDir directory, state;
    Position last;
    for (int first : {0, 5}) {
        RunningStore run{directory.path()};
        Recorder recorder;
        recorder.is_delivering = false;
        Fixture::start(run, recorder);
        int past = first == 0 ? 5 : 45;
        for (int i = first; i < past; ++i) Fixture::send(run, i);
        REQUIRE(
            run.eventually([&] { return run.ledger().pending == static_cast<unsigned>(past); }));
        last = run.store->status().applied;
        run.store->stop();
        if (first == 0)
            std::filesystem::copy(directory / "state", state / "state",
                                  std::filesystem::copy_options::recursive);
    }
    std::filesystem::remove_all(directory / "state");
    std::filesystem::copy(state / "state", directory / "state",
                          std::filesystem::copy_options::recursive);
    // An event in the middle of the second run, wherever it stands.
    const std::string id = "0123456789" + std::to_string(100'020);
    std::filesystem::path file;
    std::string bytes;
    for (const auto& entry : std::filesystem::directory_iterator{directory / "journal"}) {
        std::string found = test::read_file(entry.path());
        if (found.find(id) == std::string::npos) continue;
        REQUIRE(file.empty());
        file = entry.path();
        bytes = std::move(found);
    }
    REQUIRE(!file.empty());
    bytes[bytes.find(id)] ^= 1;
    test::write_file(file, bytes);
    REQUIRE(start_in_child(directory.path()) == Opened::kRefused);

    auto report = salvage(options_for(directory.path()));

    REQUIRE(report.has_value());
    CHECK(report->facts > 40);
    REQUIRE(report->damage.size() == 1);
    CHECK(report->damage.front().where.starts_with(file.string() + ":"));
    Drained outcome = drain(directory.path(), {});
    CHECK(outcome.received >= 43);
    RunningStore run{directory.path()};
    REQUIRE(run.store);
    REQUIRE(run.start());
    auto position = run.event("k");
    REQUIRE(position.has_value());
    CHECK(*position > last);
    CHECK(position->epoch() > last.epoch());
}
