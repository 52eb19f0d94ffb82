// What it costs to remember very many message ids: what they take on disk and in memory, at the
// rate at which a week brings them, and while as many are forgotten as come. [F9]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "store/committer.hpp"
#include "store/data_dir.hpp"
#include "store/message_id.hpp"
#include "store/state.hpp"
#include "support/process_memory.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using namespace syncline::store;

namespace {

constexpr std::uint64_t kBytesPerIdMax = 100;
constexpr std::uint64_t kCommitBytes = 40'000'000;  // pages that a commit writes anew
constexpr std::uint64_t kRssBytesMax = 500'000'000;
constexpr std::int64_t kTickNs = 60'000'000'000;

[[noreturn]] void give_up(const Error& error) {
    std::printf("FAILED  %s\n", error.to_string().c_str());
    std::fflush(stdout);
    std::_Exit(1);
}

template <class T>
T value_of(Result<T> result) {
    if (!result.has_value()) give_up(result.error());
    return std::move(*result);
}

void commit(State& state, Database& database, const DataDir& directory) {
    state.seal();
    if (auto done = commit_overlay(database, directory, state.overlay()); !done.has_value())
        give_up(done.error());
}

}  // namespace

int main(int argc, char** argv) {
    const std::uint64_t ids = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
    // What a commit changes goes with what there is, so that fewer ids tell of many.
    const std::uint64_t ids_per_commit = std::max<std::uint64_t>(ids / 1000, 1000);
    const auto began = std::chrono::steady_clock::now();
    test::TempDir folder;
    const DataDir directory = value_of(DataDir::open(folder / "data", true));
    auto database = value_of(Database::open(Database::Options{directory.state()}));
    State state{*database};
    if (auto loaded = state.load(); !loaded.has_value()) give_up(loaded.error());

    const std::int64_t apart_ns = kDedupWindowNs / static_cast<std::int64_t>(ids);
    std::int64_t now_ns = 0, tick_ns = 0;
    std::uint64_t rss_max = 0, window_bytes = 0;
    Position position = Position::of(1, 1);
    auto apply = [&](Fact fact) {
        value_of(state.apply(NumberedFact{position, std::move(fact)}));
        return std::exchange(position, position.next());
    };
    for (std::uint64_t i = 0; i < ids + ids / 4; ++i, now_ns += apart_ns) {
        for (; tick_ns <= now_ns; tick_ns += kTickNs) apply(Ticked{tick_ns});
        Received event;
        event.route = 1;
        event.received_ns = now_ns;
        event.message_id = message_id(std::to_string(i), "{}", 1);
        const Position at = apply(std::move(event));
        apply(Translated{1, at, {}});
        if (i + 1 == ids) window_bytes = database->bytes_on_disk();
        if ((i + 1) % ids_per_commit != 0) continue;
        rss_max = std::max(rss_max, test::rss_anon_bytes());
        commit(state, *database, directory);
    }
    commit(state, *database, directory);
    const std::uint64_t bytes = database->bytes_on_disk();
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    std::printf(
        "%llu message ids: %.1f MB on disk after the window, %.1f MB after a quarter of the "
        "next, %.0f bytes each; RssAnon %.0f MB; %.1f s\n",
        static_cast<unsigned long long>(ids), static_cast<double>(window_bytes) / 1e6,
        static_cast<double>(bytes) / 1e6, static_cast<double>(bytes) / static_cast<double>(ids),
        static_cast<double>(rss_max) / 1e6, seconds);
    const bool is_good = bytes <= kBytesPerIdMax * ids + kCommitBytes && rss_max <= kRssBytesMax;
    std::puts(is_good ? "PASSED" : "FAILED");
    return is_good ? 0 : 1;
}
