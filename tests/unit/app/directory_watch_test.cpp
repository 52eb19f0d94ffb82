#include "app/directory_watch.hpp"

#include <condition_variable>
#include <fstream>
#include <mutex>

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using namespace syncline::app;

namespace {

// A watched directory, and how often a change of it was told.
struct Watched {
    syncline::test::TempDir root;
    std::mutex mutex;
    std::condition_variable changed;
    int count = 0;
    std::optional<std::chrono::milliseconds> again;
    std::unique_ptr<DirectoryWatch> watch;

    Watched() {
        std::filesystem::create_directory(directory());
        DirectoryWatch::Options options;
        options.directory = directory();
        options.is_of_interest = is_library;
        options.quiet = std::chrono::milliseconds{1};
        options.changed = [this](const std::stop_token&) {
            const std::lock_guard lock{mutex};
            ++count;
            changed.notify_all();
            return again;
        };
        watch = DirectoryWatch::start(std::move(options)).value();
    }
    std::filesystem::path directory() const { return root.path() / "connectors"; }
    void write(const std::string& name) const { std::ofstream{directory() / name} << "x"; }
    // What was told by now, as soon as it is more than `before`.
    int wait_for_more_than(int before) {
        std::unique_lock lock{mutex};
        if (!changed.wait_for(lock, std::chrono::seconds{60}, [&] { return count > before; }))
            throw std::runtime_error("no change was told");
        return count;
    }
};

}  // namespace

TEST_CASE("directory watch: tells of what was there before, and of what comes and goes",
          "[app][swap]") {
    Watched watched;
    int told = watched.wait_for_more_than(0);
    watched.write("a.so");
    told = watched.wait_for_more_than(told);
    watched.write(".b.so.tmp");
    std::filesystem::rename(watched.directory() / ".b.so.tmp", watched.directory() / "b.so");
    told = watched.wait_for_more_than(told);
    std::filesystem::remove(watched.directory() / "a.so");
    CHECK(watched.wait_for_more_than(told) > told);
}

TEST_CASE("directory watch: a directory that is made anew is watched again", "[app][swap]") {
    Watched watched;
    int told = watched.wait_for_more_than(0);
    std::filesystem::rename(watched.directory(), watched.root.path() / "old");
    told = watched.wait_for_more_than(told);
    std::filesystem::create_directory(watched.directory());
    told = watched.wait_for_more_than(told);
    watched.write("a.so");
    CHECK(watched.wait_for_more_than(told) > told);
}

TEST_CASE("directory watch: a directory that is not there is an error", "[app][swap]") {
    const syncline::test::TempDir root;
    DirectoryWatch::Options options;
    options.directory = root.path() / "absent";
    const auto watch = DirectoryWatch::start(std::move(options));
    REQUIRE_FALSE(watch.has_value());
    CHECK(watch.error().code() == "app.watch_failed");
}

TEST_CASE("connector watch: a task runs on the thread, and a change is told then", "[app][swap]") {
    Watched watched;
    int told = watched.wait_for_more_than(0);
    int before = 0;
    CHECK(watched.watch->post([&](const std::stop_token&) {
        const std::lock_guard lock{watched.mutex};
        before = watched.count;
    }));
    told = watched.wait_for_more_than(told);
    const std::lock_guard lock{watched.mutex};
    CHECK(before == told - 1);
}

TEST_CASE("connector watch: who asks for it is told again although nothing changes",
          "[app][swap]") {
    Watched watched;
    {
        const std::lock_guard lock{watched.mutex};
        watched.again = std::chrono::milliseconds{1};
    }
    int told = watched.wait_for_more_than(0);
    CHECK(watched.watch->post([](const std::stop_token&) {}));
    for (int i = 0; i < 3; ++i) told = watched.wait_for_more_than(told);
    CHECK(told >= 4);
}

TEST_CASE("connector watch: no more tasks wait than it takes", "[app][swap]") {
    Watched watched;
    std::mutex gate;
    std::unique_lock closed{gate};
    const auto wait = [&](const std::stop_token&) { const std::lock_guard open{gate}; };
    std::size_t taken = 0;
    while (taken <= 2 * DirectoryWatch::kTasksMax && watched.watch->post(wait)) ++taken;
    closed.unlock();
    CHECK(taken >= DirectoryWatch::kTasksMax);
    CHECK(taken <= DirectoryWatch::kTasksMax + 1);
}
