// What a message costs the store when there are very many of them: of as many keys, of one key, and
// in a backlog that a start finds. Work is counted in rows that were looked up and is judged; time
// and memory are printed.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "store/errc.hpp"
#include "support/process_memory.hpp"
#include "support/store_harness.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using namespace syncline::store;

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kRssBytesMax = 200'000'000;
constexpr std::uint64_t kReadsOfStartMax = 200;
constexpr std::uint64_t kInFlightMax = 4'000;
constexpr std::uint64_t kParts = 8;

bool has_failed = false;

void judge(bool is_good, const char* promise) {
    if (is_good) return;
    has_failed = true;
    std::printf("MISSED  %s\n", promise);
}

[[noreturn]] void give_up(const std::string& why) {
    std::printf("FAILED  %s\n", why.c_str());
    std::fflush(stdout);
    std::_Exit(1);
}

double seconds_since(Clock::time_point began) {
    return std::chrono::duration<double>(Clock::now() - began).count();
}

std::uint64_t bytes_below(const std::filesystem::path& folder) {
    std::uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{folder}) {
        if (entry.is_regular_file()) bytes += entry.file_size();
    }
    return bytes;
}

// Makes one record of each event; delivers when it is told to.
class Worker final : public Store::Observer {
  public:
    Result<std::optional<std::chrono::nanoseconds>> on_state(State& state) override {
        SYNCLINE_TRY(auto events, state.take_events(1, 1000, 1 << 24));
        for (const PendingEvent& event : events) {
            TranslatedRecord record;
            record.stream = "users";
            record.key = event.received->path;
            record.body = event.received->body;
            record.targets = {{11, 0}};
            Translated fact{event.route, event.position, {}};
            fact.records.push_back(std::move(record));
            append(std::move(fact));
        }
        if (is_delivering) {
            SYNCLINE_TRY(auto heads, state.take_lanes(11, 500, 0));
            for (const LaneHead& head : heads) {
                Settled fact;
                fact.connection = head.connection;
                fact.lane = head.lane;
                fact.record = head.record;
                fact.attempt = head.attempt;
                append(std::move(fact));
            }
        }
        const auto& ledgers = state.connection_ledgers();
        if (auto at = ledgers.find(11); at != ledgers.end()) {
            routed = at->second.routed;
            delivered = at->second.delivered;
        }
        reads = state.database_reads();
        // Nobody falls asleep between looking and waiting.
        { std::lock_guard lock{mutex_}; }
        changed_.notify_one();
        return std::optional<std::chrono::nanoseconds>{};
    }

    // Until something changed, or a moment has passed in which nothing did.
    template <class Condition>
    bool wait_for(std::chrono::milliseconds moment, Condition holds) {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, moment, holds);
    }

    Store* store = nullptr;
    std::atomic<bool> is_delivering{true};
    std::atomic<std::uint64_t> routed{0}, delivered{0}, reads{0};

  private:
    void append(Fact fact) {
        Append append;
        append.facts.push_back(std::move(fact));
        store->append(std::move(append));
    }

    std::mutex mutex_;
    std::condition_variable changed_;
};

// A store in a folder, with what the hub ships with as its limits.
class Run {
  public:
    explicit Run(const std::filesystem::path& folder) {
        const auto began = Clock::now();
        Store::Options options;
        options.data_dir = folder;
        options.clock = &core::system_clock();
        options.version = "scale";
        options.allow_unsafe_filesystem = true;
        options.on_fatal = [](const Error& error) { give_up(error.to_string()); };
        auto opened = Store::open(std::move(options));
        if (!opened.has_value()) give_up(opened.error().to_string());
        store_ = *std::move(opened);
        worker.store = store_.get();
        open_reads = store_->recovered().database_reads();
        open_s = seconds_since(began);
    }
    ~Run() { stop(); }

    void start() {
        if (auto started = store_->start(&worker); !started.has_value())
            give_up(started.error().to_string());
    }
    void stop() {
        if (store_) store_->stop();
        store_.reset();
    }

    // Sends `count` events and waits until `progress` has seen them all.
    void feed(std::uint64_t count, const std::function<std::string(std::uint64_t)>& key,
              const std::atomic<std::uint64_t>& progress) {
        const std::uint64_t before = progress;
        constexpr std::uint64_t kMeasuredEvery = 256;
        for (std::uint64_t i = 0; i < count; ++i) {
            if (i % kMeasuredEvery == 0) rss_max = std::max(rss_max, test::rss_anon_bytes());
            wait([&] { return progress - before + kInFlightMax > i; });
            wait([&] {
                auto taken = store_->append_event(event_of(key(i), R"({"a":1,"b":"two"})"),
                                                  [](const Result<Position>&) {});
                if (!taken.has_value() && !taken.error().is(kBusy)) give_up(taken.error().what());
                return taken.has_value();
            });
        }
        rss_max = std::max(rss_max, test::rss_anon_bytes());  // when most is waiting
        wait([&] { return progress - before == count; });
    }

    Worker worker;
    std::uint64_t open_reads = 0;
    double open_s = 0;
    std::uint64_t rss_max = 0;

  private:
    template <class Condition>
    void wait(Condition holds) {
        const auto until = Clock::now() + std::chrono::minutes{5};
        while (!holds() && !worker.wait_for(std::chrono::milliseconds{100}, holds)) {
            if (Clock::now() > until) give_up("no progress for five minutes");
        }
    }

    std::unique_ptr<Store> store_;
};

struct Cost {
    double us = 0;
    double reads = 0;
};

// The cost of a message in each eighth of the phase; the last may be at most twice the first.
Cost phase(const std::filesystem::path& folder, const char* title, std::uint64_t messages,
           const std::function<std::string(std::uint64_t)>& key) {
    Run run{folder};
    run.start();
    const std::uint64_t part = messages / kParts;
    Cost first, last, all;
    for (std::uint64_t i = 0; i < kParts; ++i) {
        const auto began = Clock::now();
        const std::uint64_t reads = run.worker.reads;
        run.feed(
            part, [&](std::uint64_t n) { return key(i * part + n); }, run.worker.delivered);
        last.us = seconds_since(began) * 1e6 / static_cast<double>(part);
        last.reads = static_cast<double>(run.worker.reads - reads) / static_cast<double>(part);
        if (i == 0) first = last;
        all.us += last.us / kParts;
        all.reads += last.reads / kParts;
    }
    std::printf(
        "%-28s %9.1f us  %6.2f reads a message; first eighth %.1f us %.2f, last %.1f us %.2f;"
        " RssAnon %.0f MB\n",
        title, all.us, all.reads, first.us, first.reads, last.us, last.reads,
        static_cast<double>(run.rss_max) / 1e6);
    judge(last.reads <= 2 * first.reads + 1, "the last messages cost at most twice the first");
    judge(run.rss_max < kRssBytesMax, "less than 200 MB of memory");
    return all;
}

void backlog(const std::filesystem::path& folder, std::uint64_t messages) {
    {
        const auto began = Clock::now();
        Run run{folder};
        run.worker.is_delivering = false;
        run.start();
        run.feed(
            messages, [](std::uint64_t n) { return "k" + std::to_string(n); }, run.worker.routed);
        std::printf("backlog of %-17llu %9.1f s to build; RssAnon %.0f MB\n",
                    static_cast<unsigned long long>(messages), seconds_since(began),
                    static_cast<double>(run.rss_max) / 1e6);
        judge(run.rss_max < kRssBytesMax, "less than 200 MB of memory");
    }
    std::printf("  on disk                    %9.1f MB\n",
                static_cast<double>(bytes_below(folder)) / 1e6);
    std::fflush(stdout);
    {
        const auto began = Clock::now();
        Run run{folder};
        run.worker.is_delivering = false;
        run.start();
        std::printf("  start after a clean end    %9.3f s (%.3f s to recover), %llu reads\n",
                    seconds_since(began), run.open_s,
                    static_cast<unsigned long long>(run.open_reads));
        judge(run.open_reads < kReadsOfStartMax, "a start after a clean end asks for few rows");
        run.stop();
    }
    // A hub that dies.
    std::fflush(stdout);
    if (const pid_t child = ::fork(); child == 0) {
        Run run{folder};
        run.worker.is_delivering = false;
        run.start();
        std::_Exit(0);
    } else {
        int status = 0;
        if (child < 0 || ::waitpid(child, &status, 0) != child || status != 0)
            give_up("the hub that was to die did not");
    }
    const auto began = Clock::now();
    Run run{folder};
    run.start();
    std::printf("  start after a kill         %9.3f s, %llu reads\n", seconds_since(began),
                static_cast<unsigned long long>(run.open_reads));
    judge(run.open_reads < kReadsOfStartMax, "a start after a kill asks for few rows");
}

std::uint64_t option(int argc, char** argv, std::string_view name, std::uint64_t otherwise) {
    for (int i = 1; i + 1 < argc; ++i) {
        if (argv[i] == name) return std::strtoull(argv[i + 1], nullptr, 10);
    }
    return otherwise;
}

}  // namespace

int main(int argc, char** argv) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a long run shows what it has
    const std::uint64_t messages = option(argc, argv, "--messages", 20'000);
    const std::uint64_t waiting = option(argc, argv, "--backlog", 20'000);
    test::TempDir folder;
    const Cost many = phase(folder / "many", "one message for each key", messages,
                            [](std::uint64_t n) { return "k" + std::to_string(n); });
    const Cost one = phase(folder / "one", "all messages for one key", messages,
                           [](std::uint64_t) { return std::string{"hot"}; });
    judge(one.reads <= 2 * many.reads + 1, "one key costs at most twice what many keys cost");
    if (waiting > 0) backlog(folder / "backlog", waiting);
    std::puts(has_failed ? "FAILED" : "PASSED");
    return has_failed ? 1 : 0;
}
