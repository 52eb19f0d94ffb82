// Disks that fail and disks that are full.
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <fstream>

#include "samples.hpp"
#include "store/errc.hpp"
#include "support/disk_hooks.hpp"
#include "support/store_harness.hpp"

using namespace syncline;
using namespace syncline::store;

namespace {

bool is_in(int fd, std::string_view folder) {
    char path[PATH_MAX];
    ssize_t size = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
    return size > 0 && std::string_view{path, static_cast<std::size_t>(size)}.find(folder) !=
                           std::string_view::npos;
}

// Fails one flush of the journal, or one write of LMDB's meta page, and counts what is tried
// afterwards.
class FailingDisk final : public test::DiskHooks {
  public:
    FailingDisk() { test::set_disk_hooks(this); }
    ~FailingDisk() override { test::set_disk_hooks(nullptr); }

    int before_sync(int fd) override {
        if (!is_in(fd, "/journal/") || !is_in(fd, ".log")) return 0;
        return fail_sync.exchange(false) ? EIO : 0;
    }
    int before_write(int fd, std::size_t size) override {
        constexpr std::size_t kMetaBytesMax = 200;  // 136 bytes in LMDB 0.9.24
        if (size > kMetaBytesMax || !is_in(fd, "data.mdb")) return 0;
        return fail_meta.exchange(false) ? EIO : 0;
    }

    std::atomic<bool> fail_sync{false}, fail_meta{false};
};

// Has no room for another journal file, and takes its time to say so.
class SlowFullDisk final : public test::DiskHooks {
  public:
    SlowFullDisk() { test::set_disk_hooks(this); }
    ~SlowFullDisk() override { test::set_disk_hooks(nullptr); }

    int before_write(int fd, std::size_t size) override {
        constexpr std::size_t kZeroes = 256 * 1024;  // of a file that is prepared, at once
        if (size < kZeroes || !is_in(fd, "/journal/")) return 0;
        tells.wait();
        return ENOSPC;
    }

    std::promise<void> told;
    std::shared_future<void> tells = told.get_future().share();
};

// A small file system of its own; none when the process may not mount.
class SmallDisk {
  public:
    SmallDisk() {
        is_mounted_ = ::mount("tmpfs", directory_.path().c_str(), "tmpfs", 0, "size=40m") == 0;
        why_ = std::strerror(errno);
    }
    ~SmallDisk() {
        if (is_mounted_) ::umount2(directory_.path().c_str(), MNT_DETACH);
    }
    bool is_mounted() const { return is_mounted_; }
    const std::string& why() const { return why_; }
    // Leaves next to nothing.
    void fill() const {
        std::ofstream file{directory_.path() / "filler"};
        const std::string block(64 * 1024, 'f');
        while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
        }
    }
    bool enlarge() const {
        return ::mount("tmpfs", directory_.path().c_str(), "tmpfs", MS_REMOUNT, "size=200m") == 0;
    }
    const std::filesystem::path& path() const { return directory_.path(); }

  private:
    test::TempDir directory_;
    bool is_mounted_ = false;
    std::string why_;
};

}  // namespace

TEST_CASE(
    "disk: after a flush that failed nothing of its batch, and nothing later, is acknowledged",
    "[store][disk][A4]") {
    test::TempDir directory;
    std::uint64_t acknowledged = 0;
    {
        FailingDisk disk;
        RunningStore run{directory.path()};
        REQUIRE(run.store);
        REQUIRE(run.start());
        run.deliverer.set_open(false);
        for (int i = 0; i < 20; ++i) REQUIRE(run.event("k").has_value());
        acknowledged = 20;
        disk.fail_sync = true;
        Result<Position> failed = run.event("k");
        REQUIRE(failed.has_error());
        CHECK(failed.error().is(kIo));
        CHECK(run.fatal_calls.wait_for(1));
        CHECK(run.event("k").has_error());
        std::promise<Result<Position>> direct;
        Append append;
        append.facts.emplace_back(Ticked{1});
        append.on_durable = [&](Result<Position> position) {
            direct.set_value(std::move(position));
        };
        run.store->append(std::move(append));
        CHECK(direct.get_future().get().has_error());
        run.store->stop();
        CHECK(run.fatal_calls.count() == 1);
        CHECK(run.fatal()->is(kIo));
    }
    RunningStore again{directory.path()};
    REQUIRE(again.store);
    REQUIRE(again.start());
    CHECK(again.eventually([&] { return again.ledger().delivered >= acknowledged; }));
}

TEST_CASE(
    "disk: a meta page that can't be written ends the hub, and the next start finds everything",
    "[store][disk][A5]") {
    test::TempDir directory;
    {
        FailingDisk disk;
        RunningStore run{directory.path()};
        REQUIRE(run.store);
        REQUIRE(run.start());
        run.deliverer.set_open(false);
        disk.fail_meta = true;
        for (int i = 0; i < 20; ++i) {
            if (!run.event("k").has_value()) break;
        }
        CHECK(run.fatal_calls.wait_for(1));
        CHECK(run.event("k").has_error());
        run.store->stop();
        CHECK(run.fatal_calls.count() == 1);
    }
    RunningStore again{directory.path()};
    REQUIRE(again.store);
    REQUIRE(again.start());
    CHECK(again.eventually([&] { return again.ledger().delivered >= 1; }));
}

TEST_CASE("disk: a full one refuses events, takes results, and recovers with the room",
          "[store][disk][A6]") {
    SmallDisk disk;
    if (!disk.is_mounted()) {
        WARN("skipped: can't mount a tmpfs here (" << disk.why() << ")");
        return;
    }
    Store::Options options = RunningStore::options(disk.path() / "data");
    options.segment_bytes = 1024 * 1024;
    std::uint64_t acknowledged = 0;
    {
        RunningStore run{options};
        REQUIRE(run.store);
        REQUIRE(run.start());
        run.deliverer.set_open(false);
        Result<Position> last = Position{};
        CHECK(run.eventually([&] {
            last = run.event("k" + std::to_string(acknowledged % 100), std::string(50'000, 'x'));
            if (last.has_value()) ++acknowledged;
            return last.has_error() && last.error().is(kDiskFull);  // before that: too busy
        }));
        CHECK(!run.store->status().has_room);
        run.deliverer.set_open(true);
        CHECK(run.eventually([&] { return run.ledger().delivered == acknowledged; }));
        REQUIRE(disk.enlarge());
        CHECK(run.eventually([&] {
            last = run.event("later");
            if (last.has_value()) ++acknowledged;
            return last.has_value();
        }));
        CHECK(!run.fatal());
    }
    RunningStore again{options};
    REQUIRE(again.store);
    REQUIRE(again.start());
    CHECK(again.eventually([&] { return again.ledger().delivered == acknowledged; }));
}

TEST_CASE("disk: events that came before anyone knew that it is full are refused",
          "[store][disk][A6]") {
    test::TempDir directory;
    SlowFullDisk disk;
    RunningStore run{directory.path()};
    REQUIRE(run.store);
    REQUIRE(run.start());
    run.deliverer.set_open(false);
    constexpr int kEvents = 20;  // of 50 kB, for a file of 256 kB
    std::vector<std::future<Result<Position>>> answers;
    for (int i = 0; i < kEvents; ++i) {
        auto done = std::make_shared<std::promise<Result<Position>>>();
        answers.push_back(done->get_future());
        REQUIRE(run.store
                    ->append_event(event_of("k", std::string(50'000, 'x')),
                                   [done](Result<Position> p) { done->set_value(std::move(p)); })
                    .has_value());
    }
    disk.told.set_value();
    int acknowledged = 0;
    for (auto& answer : answers) {
        REQUIRE(answer.wait_for(std::chrono::seconds{60}) == std::future_status::ready);
        Result<Position> position = answer.get();
        if (position.has_value())
            ++acknowledged;
        else
            CHECK(position.error().is(kDiskFull));
    }
    CHECK(acknowledged > 0);
    CHECK(acknowledged < kEvents);
    CHECK(run.eventually([&] { return run.store->status().unapplied_bytes == 0; }));
    CHECK(!run.fatal());
}

TEST_CASE("disk: history gives its room back before an event is refused", "[store][disk][A6]") {
    SmallDisk disk;
    if (!disk.is_mounted()) {
        WARN("skipped: can't mount a tmpfs here (" << disk.why() << ")");
        return;
    }
    Store::Options options = RunningStore::options(disk.path() / "data");
    options.segment_bytes = 1024 * 1024;
    RunningStore run{options};
    REQUIRE(run.store);
    REQUIRE(run.start());
    constexpr int kEvents = 1500;  // 75 MB through a disk of 40
    int refused = 0;
    for (int i = 0; i < kEvents; ++i) {
        Result<Position> taken = run.event("k", std::string(50'000, 'x'));
        if (taken.has_error() && taken.error().is(kDiskFull)) ++refused;
        // Delivered one by one: no backlog is in the way.
        REQUIRE(run.eventually([&] { return run.ledger().pending == 0; }));
    }
    CHECK(refused == 0);
    CHECK(run.store->status().has_room);
    CHECK(run.store->journal_files().size() > 4);
}

TEST_CASE("disk: stop ends while the disk is full", "[store][disk][A6]") {
    SmallDisk disk;
    if (!disk.is_mounted()) {
        WARN("skipped: can't mount a tmpfs here (" << disk.why() << ")");
        return;
    }
    Store::Options options = RunningStore::options(disk.path() / "data");
    options.segment_bytes = 1024 * 1024;
    options.commit_interval = std::chrono::hours{1};  // nothing gives a segment back
    options.commit_bytes = 1 << 30;
    RunningStore run{options};
    REQUIRE(run.store);
    REQUIRE(run.start());
    run.deliverer.set_open(false);
    std::uint64_t acknowledged = 0;
    disk.fill();
    CHECK(run.eventually([&] {
        Result<Position> taken = run.event("k", std::string(50'000, 'x'));
        if (taken.has_value()) ++acknowledged;
        return taken.has_error() && taken.error().is(kDiskFull);
    }));
    // Results alone fill what is left, until the journal waits for room.
    for (int i = 0; i < 100; ++i) {
        Append append;
        append.facts.emplace_back(Named{NameKind::kRoute, 9, true, std::string(30'000, 'n')});
        run.store->append(std::move(append));
    }
    run.store->stop();
    REQUIRE(disk.enlarge());
    RunningStore again{options};
    REQUIRE(again.failure.has_value());  // the first one has its lock still
    run.store.reset();
    RunningStore last{options};
    REQUIRE(last.store);
    REQUIRE(last.start());
    CHECK(last.eventually([&] { return last.ledger().delivered == acknowledged; }));
}
