#include "store/backup.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <thread>
#include <utility>

#include "store/errc.hpp"
#include "support/catch.hpp"
#include "support/store_harness.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using namespace syncline::store;

namespace {

BackupOptions options_of(std::filesystem::path to) {
    BackupOptions options;
    options.to = std::move(to);
    options.clock = &core::system_clock();
    options.version = "test";
    return options;
}

unsigned mode_of(const std::filesystem::path& path) {
    struct stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status.st_mode & 0777;
}

void flip_a_byte(const std::filesystem::path& path, std::streamoff at) {
    std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
    file.seekg(at);
    const int byte = file.get();
    file.seekp(at);
    file.put(static_cast<char>(byte ^ 1));
}

// What a hub on the copy has taken in its life: each event became one record for connection 11.
std::uint64_t routed_in(const std::filesystem::path& copy) {
    RunningStore restored{copy};
    REQUIRE(restored.store);
    REQUIRE(restored.start());
    const bool is_settled = restored.eventually(
        [&] { return restored.pending() == 0 && restored.ledger().pending == 0; });
    REQUIRE(is_settled);
    const ConnectionLedger ledger = restored.ledger();
    REQUIRE(ledger.balances());
    REQUIRE(!restored.fatal());
    return ledger.routed;
}

std::uint64_t epoch_after_start(const std::filesystem::path& directory) {
    RunningStore run{directory};
    REQUIRE(run.store);
    REQUIRE(run.start());
    return run.event("k").value().epoch();
}

}  // namespace

TEST_CASE("backup: a copy made under load has all that was acknowledged before it began",
          "[store][backup][A24]") {
    test::TempDir directory;
    RunningStore run{directory / "data"};
    REQUIRE(run.store);
    REQUIRE(run.start());
    std::atomic<bool> is_over{false};
    std::atomic<std::uint64_t> acknowledged{0};
    std::thread sender{[&] {
        const std::string body(3000, 'b');
        while (!is_over) {
            const std::string key = "k" + std::to_string(acknowledged % 50);
            if (run.event(key, "\"" + body + "\"").has_value()) ++acknowledged;
        }
    }};
    for (int i = 0; i < 5; ++i) {
        const auto more = acknowledged + 100;
        const bool is_going = run.eventually([&] { return acknowledged >= more; });
        const std::uint64_t before = acknowledged;
        const std::filesystem::path copy = directory / ("copy" + std::to_string(i));
        const Result<BackupManifest> made = run.store->back_up(options_of(copy));
        const std::uint64_t after = acknowledged + 1;
        CHECK(is_going);
        CHECK(made.has_value());
        if (!made.has_value()) {
            UNSCOPED_INFO(made.error().to_string());
            continue;
        }
        CHECK(made->state <= made->journal);
        CHECK(verify_backup(copy).has_value());
        const std::uint64_t routed = routed_in(copy);
        CHECK(routed >= before);
        CHECK(routed <= after);
        CHECK(!std::filesystem::exists(directory / ("copy" + std::to_string(i) + ".partial")));
    }
    is_over = true;
    sender.join();
    CHECK(run.eventually([&] { return run.ledger().delivered == acknowledged; }));
    CHECK(!run.fatal());
}

TEST_CASE("backup: a hub that does not run is copied with what only its journal has",
          "[store][backup][A24]") {
    test::TempDir directory;
    auto slow = RunningStore::options(directory / "data");
    slow.commit_interval = std::chrono::hours{1};
    std::filesystem::create_directory(directory / "killed");
    {
        RunningStore run{slow};
        REQUIRE(run.start());
        for (int i = 0; i < 30; ++i) REQUIRE(run.event("k" + std::to_string(i)).has_value());
        // As a kill would leave it: nothing of this run is in the state.
        std::filesystem::copy(directory / "data", directory / "killed",
                              std::filesystem::copy_options::recursive);
    }
    {
        RunningStore closed{directory / "killed"};
        REQUIRE(closed.store);
        const auto made = closed.store->back_up(options_of(directory / "copy"));
        REQUIRE(made.has_value());
        CHECK(made->state < made->journal);
    }
    CHECK(verify_backup(directory / "copy").has_value());
    CHECK(routed_in(directory / "copy") == 30);
}

TEST_CASE("backup: large bodies that are delivered meanwhile are in the copy and then go",
          "[store][backup]") {
    test::TempDir directory;
    RunningStore run{directory / "data"};
    REQUIRE(run.start());
    run.deliverer.set_open(false);
    const std::string large(kInlineBodyBytesMax + 1, 'x');
    Received event = event_of("k");
    event.body = run.store->bodies().keep(large).value();
    REQUIRE(run.event(std::move(event)).has_value());
    REQUIRE(run.eventually([&] { return run.store->status().committed >= Position::of(1, 2); }));
    BackupOptions options = options_of(directory / "copy");
    // The state is copied: now the body is delivered and nothing refers to it any more.
    bool is_delivered = false;
    options.on_progress = [&](const BackupProgress&) {
        if (std::exchange(is_delivered, true)) return;
        run.deliverer.set_open(true);
        run.eventually([&] { return run.ledger().delivered == 1; });
        const Position delivered = run.store->status().applied;
        run.eventually([&] { return run.store->status().committed >= delivered; });
    };
    const auto made = run.store->back_up(options);
    REQUIRE(made.has_value());
    CHECK(is_delivered);
    // It goes a moment after the first commit without it, which the backup has not to wait for.
    CHECK(run.eventually([&] { return std::filesystem::is_empty(directory / "data/bodies"); }));
    CHECK(!std::filesystem::is_empty(directory / "copy/bodies"));
    CHECK(routed_in(directory / "copy") == 1);
}

TEST_CASE("backup: the journal is kept while a slow disk takes the state", "[store][backup][A24]") {
    test::TempDir directory;
    auto settings = RunningStore::options(directory / "data");
    settings.history_bytes_max = 0;
    RunningStore run{settings};
    REQUIRE(run.start());
    BackupOptions options = options_of(directory / "copy");
    std::uint64_t sent = 0;
    // Files of the journal by the dozen, all of them in the state before the copy goes on.
    options.on_progress = [&](const BackupProgress&) {
        if (sent > 0) return;
        const std::string body = "\"" + std::string(20'000, 'b') + "\"";
        for (; sent < 300; ++sent) CHECK(run.event("k", body).has_value());
        CHECK(run.eventually([&] { return run.ledger().delivered == sent; }));
        const Position applied = run.store->status().applied;
        CHECK(run.eventually([&] { return run.store->status().committed >= applied; }));
    };
    const auto made = run.store->back_up(options);
    REQUIRE(made.has_value());
    CHECK(made->state < made->journal);
    CHECK(sent == 300);
    CHECK(routed_in(directory / "copy") == sent);
}

TEST_CASE("backup: the copy is for its owner alone", "[store][backup]") {
    test::TempDir directory;
    RunningStore run{directory / "data"};
    REQUIRE(run.start());
    std::filesystem::create_directory(directory / "data/vault");
    std::ofstream{directory / "data/vault/secrets"} << "sealed\n";
    std::ofstream{directory / "data/vault/key"} << "not to be copied\n";
    std::filesystem::create_directory(directory / "empty");
    REQUIRE(run.store->back_up(options_of(directory / "empty/")).has_value());
    const std::filesystem::path copy = directory / "empty";
    for (const char* folder : {"", "state", "journal", "bodies", "vault"})
        CHECK(mode_of(copy / folder) == 0700);
    for (const char* file : {"state/data.mdb", "backup.json", "vault/secrets"})
        CHECK(mode_of(copy / file) == 0600);
    CHECK(!std::filesystem::exists(copy / "vault/key"));
}

TEST_CASE("backup: a place that is taken, or in the data directory, is refused",
          "[store][backup]") {
    test::TempDir directory;
    RunningStore run{directory / "data"};
    REQUIRE(run.start());
    std::filesystem::create_directory(directory / "taken");
    std::ofstream{directory / "taken/file"} << "mine";
    std::ofstream{directory / "file"} << "mine";
    std::filesystem::create_directory(directory / "other.partial");
    std::filesystem::create_directory_symlink(directory / "data", directory / "link");
    for (const char* place :
         {"taken", "file", "data", "data/copy", "link/copy", "no/such", "other"})
        CHECK(run.store->back_up(options_of(directory / place)).error().is(kBackupPlace));
    CHECK(run.store->back_up(options_of("relative")).error().is(kBackupPlace));
    CHECK(std::filesystem::exists(directory / "taken/file"));
    CHECK(std::filesystem::exists(directory / "other.partial"));
}

TEST_CASE("backup: what a killed one left is removed, what one is writing is not",
          "[store][backup]") {
    test::TempDir directory;
    RunningStore run{directory / "data"};
    REQUIRE(run.start());
    std::filesystem::create_directory(directory / "copy.partial");
    std::ofstream{directory / "copy.partial/.lock"} << "";
    std::ofstream{directory / "copy.partial/half"} << "half";
    {
        const Result<File> other = File::open(directory / "copy.partial/.lock", O_RDWR);
        REQUIRE(::flock(other->descriptor(), LOCK_EX) == 0);
        CHECK(run.store->back_up(options_of(directory / "copy")).error().is(kBackupRunning));
        CHECK(std::filesystem::exists(directory / "copy.partial/half"));
    }
    REQUIRE(run.store->back_up(options_of(directory / "copy")).has_value());
    CHECK(!std::filesystem::exists(directory / "copy/half"));
    CHECK(verify_backup(directory / "copy").has_value());
}

TEST_CASE("backup: a second one is refused while one is made, a cancelled one leaves nothing",
          "[store][backup]") {
    test::TempDir directory;
    RunningStore run{directory / "data"};
    REQUIRE(run.start());
    BackupOptions options = options_of(directory / "copy");
    bool is_asked = false;
    options.may_go_on = [&] {
        is_asked = true;
        CHECK(run.store->back_up(options_of(directory / "two")).error().is(kBackupRunning));
        return false;
    };
    CHECK(run.store->back_up(options).error().is(kBackupCancelled));
    CHECK(is_asked);
    CHECK(!std::filesystem::exists(directory / "copy"));
    CHECK(!std::filesystem::exists(directory / "copy.partial"));
    CHECK(!std::filesystem::exists(directory / "two"));
    CHECK(run.store->back_up(options_of(directory / "copy")).has_value());
}

TEST_CASE("backup: one that makes the hub keep too much is given up, and the hub goes on",
          "[store][backup][A18]") {
    test::TempDir directory;
    auto settings = RunningStore::options(directory / "data");
    settings.history_bytes_max = 0;
    RunningStore run{settings};
    REQUIRE(run.start());
    const std::string body = "\"" + std::string(20'000, 'b') + "\"";
    BackupOptions options = options_of(directory / "copy");
    options.limits.bytes_max = 2 * 1024 * 1024;
    const auto journal_files = [&] {
        return std::distance(std::filesystem::directory_iterator{directory / "data/journal"}, {});
    };
    std::ptrdiff_t held = 0;
    // The disk of the copy stands still until the hub has its files back.
    options.on_progress = [&](const BackupProgress&) {
        CHECK(run.eventually([&] {
            CHECK(run.event("k", body).has_value());
            held = std::max(held, journal_files());
            return held > 8 && journal_files() <= 5;
        }));
    };
    CHECK(run.store->back_up(options).error().is(kBackupOutrun));
    CHECK(held > 8);
    CHECK(!std::filesystem::exists(directory / "copy"));
    CHECK(!std::filesystem::exists(directory / "copy.partial"));
    CHECK(run.event("k").has_value());
    CHECK(!run.fatal());
}

TEST_CASE("backup: one that takes too long is given up", "[store][backup][A18]") {
    test::TempDir directory;
    RunningStore run{directory / "data"};
    REQUIRE(run.start());
    BackupOptions options = options_of(directory / "copy");
    options.limits.time_max = std::chrono::seconds{0};
    // More files of the journal than there are prepared: whoever prepares them looks after it.
    options.on_progress = [&](const BackupProgress&) {
        for (int i = 0; i < 100; ++i) CHECK(run.event("k", std::string(20'000, 'b')).has_value());
    };
    CHECK(run.store->back_up(options).error().is(kBackupOutrun));
    CHECK(!std::filesystem::exists(directory / "copy"));
    CHECK(run.event("k").has_value());
}

TEST_CASE("backup: any byte that changed is found", "[store][backup]") {
    test::TempDir directory;
    {
        RunningStore run{directory / "data"};
        REQUIRE(run.start());
        REQUIRE(run.event("k").has_value());
        REQUIRE(run.store->back_up(options_of(directory / "copy")).has_value());
    }
    const std::filesystem::path copy = directory / "copy";
    REQUIRE(verify_backup(copy).has_value());
    const Result<std::optional<BackupManifest>> manifest = read_manifest(copy / kManifestFile);
    REQUIRE(manifest.has_value());
    REQUIRE((*manifest)->files.size() >= 2);
    for (const BackupFile& file : (*manifest)->files) {
        const auto last = static_cast<std::streamoff>(file.bytes) - 1;
        flip_a_byte(copy / file.name, last);
        CHECK(verify_backup(copy).error().is(kBackupDamaged));
        flip_a_byte(copy / file.name, last);
    }
    CHECK(verify_backup(copy).has_value());
    std::ofstream{copy / "journal/000000000099.log"} << "more";
    CHECK(verify_backup(copy).error().is(kBackupDamaged));
    std::filesystem::remove(copy / "journal/000000000099.log");
    std::ofstream{copy / "backup.json"} << R"({"format":1,"files":[{"name":"../x"}]})";
    CHECK(verify_backup(copy).error().is(kBackupDamaged));
    std::ofstream{copy / "backup.json"} << R"({"format":2})";
    CHECK(verify_backup(copy).error().is(kNewerFormat));
    std::filesystem::remove(copy / "backup.json");
    CHECK(verify_backup(copy).error().is(kBackupPlace));
}

TEST_CASE("backup: a hub on a restored copy uses no position of the first hub again",
          "[store][backup]") {
    test::TempDir directory;
    {
        RunningStore run{directory / "data"};
        REQUIRE(run.start());
        REQUIRE(run.event("k").has_value());
        REQUIRE(run.store->back_up(options_of(directory / "copy")).has_value());
    }
    std::uint64_t epoch = 0;
    for (int i = 0; i < 3; ++i) epoch = epoch_after_start(directory / "data");
    CHECK(epoch == 4);
    const std::uint64_t restored = epoch_after_start(directory / "copy");
    CHECK(restored > 1000);
    CHECK(!std::filesystem::exists(directory / "copy/backup.json"));
    CHECK(std::filesystem::exists(directory / "copy/restored.json"));
    CHECK(verify_backup(directory / "copy").error().is(kBackupPlace));
    CHECK(epoch_after_start(directory / "copy") == restored + 1);
}
