// What connectors append, as it is on the disk.
#include "app/file_appender.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <future>
#include <iterator>
#include <thread>
#include <vector>

#include "app/errc.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using syncline::app::FileAppender;

namespace {

namespace fs = std::filesystem;

Result<void> append(FileAppender& appender, const fs::path& file, std::string bytes) {
    auto promise = std::make_shared<std::promise<Result<void>>>();
    auto done = promise->get_future();
    REQUIRE(appender.append(file, std::move(bytes),
                            [promise](Result<void> result) { promise->set_value(result); }));
    REQUIRE(done.wait_for(std::chrono::seconds{60}) == std::future_status::ready);
    return done.get();
}

}  // namespace

TEST_CASE("appender: a file is made and grows", "[app][files]") {
    const test::TempDir folder;
    FileAppender appender;
    const mode_t mask = ::umask(0);

    CHECK(append(appender, folder / "a", "one\n").has_value());
    ::umask(mask);
    CHECK(append(appender, folder / "a", "two\n").has_value());
    CHECK(append(appender, folder / "b", "three").has_value());

    CHECK(test::read_file(folder / "a") == "one\ntwo\n");
    CHECK(test::read_file(folder / "b") == "three");
    struct stat info {};
    REQUIRE(::stat((folder / "a").c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0640);
}

TEST_CASE("appender: a whole line begins on a line of its own", "[app][files]") {
    const test::TempDir folder;
    test::write_file(folder / "a", "half a li");
    {
        FileAppender appender;
        CHECK(append(appender, folder / "a", "one\n").has_value());
        CHECK(append(appender, folder / "a", "part").has_value());
        CHECK(append(appender, folder / "a", "of\n").has_value());
        CHECK(append(appender, folder / "a", "").has_value());
    }
    CHECK(test::read_file(folder / "a") == "half a li\none\npart\nof\n");
}

TEST_CASE("appender: a file that was moved away or removed is made anew", "[app][files]") {
    const test::TempDir folder;
    FileAppender appender;
    CHECK(append(appender, folder / "a", "one\n").has_value());
    fs::rename(folder / "a", folder / "a.1");
    CHECK(append(appender, folder / "a", "two\n").has_value());
    fs::remove(folder / "a");
    CHECK(append(appender, folder / "a", "three\n").has_value());

    CHECK(test::read_file(folder / "a.1") == "one\n");
    CHECK(test::read_file(folder / "a") == "three\n");
}

TEST_CASE("appender: what is no regular file is refused by name, and the rest goes on",
          "[app][files]") {
    const test::TempDir folder;
    test::write_file(folder / "there", "");
    fs::create_symlink(folder / "there", folder / "link");
    fs::create_directory(folder / "folder");
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    FileAppender appender;

    for (const char* name : {"link", "folder", "pipe", "missing/a"}) {
        INFO(name);
        const Result<void> result = append(appender, folder / name, "one\n");
        REQUIRE_FALSE(result.has_value());
        CHECK(result.error().is(app::kFileUnusable));
        CHECK_THAT(result.error().what(), Catch::Contains(name));
    }
    CHECK(append(appender, folder / "there", "one\n").has_value());
    CHECK(test::read_file(folder / "there") == "one\n");
}

TEST_CASE("appender: a disk that takes no more is a failure, until it does", "[app][files]") {
    const test::TempDir folder;
    FileAppender appender;
    CHECK(append(appender, folder / "a", "one\n").has_value());
    // A limit on the size of files stands for a full disk.
    const auto before = std::signal(SIGXFSZ, SIG_IGN);
    rlimit unlimited{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &unlimited) == 0);
    const rlimit tight{7, unlimited.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
    const Result<void> full = append(appender, folder / "a", "second\n");
    ::setrlimit(RLIMIT_FSIZE, &unlimited);
    std::signal(SIGXFSZ, before);

    REQUIRE_FALSE(full.has_value());
    CHECK(full.error().is(app::kAppendFailed));
    CHECK(full.error().error_class() == core::ErrorClass::kTransient);
    CHECK(append(appender, folder / "a", "second\n").has_value());
    CHECK(test::read_file(folder / "a") == "one\nsec\nsecond\n");
}

TEST_CASE("appender: appends of many threads to one file are whole, and each thread's in order",
          "[app][files][threads]") {
    constexpr int kThreads = 4, kAppends = 200;
    const test::TempDir folder;
    std::atomic<int> done{0};
    {
        FileAppender appender;
        std::vector<std::thread> threads;
        for (int thread = 0; thread < kThreads; ++thread) {
            threads.emplace_back([&, thread] {
                for (int i = 0; i < kAppends; ++i) {
                    const std::string line = std::to_string(thread) + " " + std::to_string(i);
                    appender.append(folder / "a", line + "\n",
                                    [&](const Result<void>& result) { done += result ? 1 : 0; });
                }
            });
        }
        for (auto& thread : threads) thread.join();
    }
    CHECK(done == kThreads * kAppends);
    std::vector<int> next(kThreads, 0);
    std::ifstream lines{folder / "a"};
    std::size_t thread = 0;
    int number = 0;
    bool is_in_order = true;
    while (lines >> thread >> number) is_in_order &= number == next.at(thread)++;
    CHECK(is_in_order);
    CHECK(next == std::vector<int>(kThreads, kAppends));
}

TEST_CASE("appender: it takes so much and no more, and nothing after its end", "[app][files]") {
    const test::TempDir folder;
    FileAppender appender;
    std::promise<void> reached, gate;
    std::shared_future<void> opened = gate.get_future().share();
    REQUIRE(appender.append(folder / "a", "1\n", [&](const Result<void>&) {
        reached.set_value();
        opened.wait();
    }));
    reached.get_future().wait();
    std::atomic<int> done{0};
    const auto count = [&](const Result<void>&) { ++done; };
    CHECK(appender.append(folder / "a", std::string(FileAppender::kQueueBytesMax / 2, 'x'), count));
    CHECK_FALSE(
        appender.append(folder / "a", std::string(FileAppender::kQueueBytesMax, 'x'), count));
    gate.set_value();
    appender.stop(std::chrono::seconds{60});
    CHECK(done == 1);
    CHECK_FALSE(appender.append(folder / "a", "2\n", count));
    CHECK(fs::file_size(folder / "a") == FileAppender::kQueueBytesMax / 2 + 2);
}
