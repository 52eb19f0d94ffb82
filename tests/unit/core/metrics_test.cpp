#include "core/metrics.hpp"

#include <thread>

#include "support/catch.hpp"

using namespace syncline::core;
using namespace std::chrono_literals;

namespace {

constexpr std::array<std::uint64_t, 3> kBounds{10, 20, 50};
constexpr Scale kTens{kBounds, 10.0};

std::vector<std::uint64_t> cumulative(const Histogram& histogram) {
    const Histogram::Snapshot snapshot = histogram.read();
    std::vector<std::uint64_t> counts;
    for (const auto& bucket : snapshot.buckets) counts.push_back(bucket.cumulative);
    counts.push_back(snapshot.count);
    return counts;
}

}  // namespace

TEST_CASE("metrics: a bound belongs to the bucket below it", "[core][metrics]") {
    Histogram histogram{kTens};
    for (std::uint64_t value : {0u, 10u, 11u, 20u, 50u, 51u}) histogram.observe(value);
    CHECK(cumulative(histogram) == std::vector<std::uint64_t>{2, 4, 5, 6});
}

TEST_CASE("metrics: bounds and sum come out in the unit of the scale", "[core][metrics]") {
    Histogram histogram{kTens};
    histogram.observe(std::uint64_t{25});
    histogram.observe(std::uint64_t{50});
    const Histogram::Snapshot snapshot = histogram.read();
    CHECK(snapshot.sum == 7.5);
    REQUIRE(snapshot.buckets.size() == 3);
    CHECK(snapshot.buckets[0].upper_bound == 1.0);
    CHECK(snapshot.buckets[2].upper_bound == 5.0);
}

TEST_CASE("metrics: a time before its beginning counts as none", "[core][metrics]") {
    Histogram histogram{kShortTimes};
    histogram.observe(-5ns);
    histogram.observe(2s);
    const Histogram::Snapshot snapshot = histogram.read();
    CHECK(snapshot.count == 2);
    CHECK(snapshot.sum == 2.0);
    CHECK(snapshot.buckets.front().cumulative == 1);
}

TEST_CASE("metrics: the scales ascend, as histograms are read", "[core][metrics]") {
    for (const Scale* scale : {&kShortTimes, &kLongTimes, &kSizes}) {
        const Histogram histogram{*scale};
        double last = 0;
        for (const auto& bucket : histogram.read().buckets) {
            CHECK(bucket.upper_bound > last);
            last = bucket.upper_bound;
        }
    }
    CHECK(Histogram{kShortTimes}.read().buckets.front().upper_bound == 0.0001);
    CHECK(Histogram{kLongTimes}.read().buckets.back().upper_bound == 43'200.0);
    CHECK(Histogram{kSizes}.read().buckets.back().upper_bound == 10'000.0);
}

TEST_CASE("metrics: several threads count while another reads, and nothing is lost",
          "[core][metrics]") {
    constexpr std::uint64_t kEach = 20'000;
    Counter counter;
    Histogram histogram{kTens};
    std::vector<std::thread> threads;
    for (std::uint64_t thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&, thread] {
            for (std::uint64_t i = 0; i < kEach; ++i) {
                counter.add(2);
                histogram.observe(thread * 15);  // one in each bucket
            }
        });
    }
    std::uint64_t last = 0;
    bool grows = true;
    while (counter.value() < 8 * kEach) {
        const Histogram::Snapshot snapshot = histogram.read();
        grows =
            grows && snapshot.count >= last && snapshot.count >= snapshot.buckets.back().cumulative;
        last = snapshot.count;
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(grows);
    CHECK(counter.value() == 8 * kEach);
    CHECK(cumulative(histogram) ==
          std::vector<std::uint64_t>{kEach, 2 * kEach, 4 * kEach, 4 * kEach});
    CHECK(histogram.read().sum == static_cast<double>(90 * kEach) / 10.0);
}
