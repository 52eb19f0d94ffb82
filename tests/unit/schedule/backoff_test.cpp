#include "schedule/backoff.hpp"

#include <limits>
#include <random>

#include "support/catch.hpp"

using namespace syncline::schedule;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::uint64_t kLowest = 0;
constexpr std::uint64_t kHighest = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint32_t kLastAttempt = std::numeric_limits<std::uint32_t>::max();
constexpr Backoff kBackoff{milliseconds{1'000}, milliseconds{60'000}};

}  // namespace

TEST_CASE("backoff: doubles from base to max, with a fifth of jitter either way",
          "[schedule][backoff]") {
    const std::int64_t expected_ms[] = {1'000,  1'000,  2'000,  4'000, 8'000,
                                        16'000, 32'000, 60'000, 60'000};
    for (std::uint32_t attempt = 0; attempt < std::size(expected_ms); ++attempt) {
        const std::int64_t middle = expected_ms[attempt];
        CHECK(delay_after(kBackoff, attempt, kLowest).count() == middle - middle / 5);
        CHECK(delay_after(kBackoff, attempt, kHighest).count() == middle + middle / 5);
    }
}

TEST_CASE("backoff: jitter is spread evenly", "[schedule][backoff]") {
    std::mt19937_64 random(1);
    int buckets[4] = {};
    for (int i = 0; i < 40'000; ++i) {
        const auto delay = delay_after(kBackoff, 1, random()).count();
        REQUIRE(delay >= 800);
        REQUIRE(delay <= 1'200);
        ++buckets[std::min<std::int64_t>((delay - 800) / 100, 3)];
    }
    for (int count : buckets) CHECK(count == Approx(10'000).epsilon(0.05));
}

TEST_CASE("backoff: Retry-After is a lower bound between base and a day",
          "[schedule][backoff][C1]") {
    CHECK(delay_after(kBackoff, 1, kLowest, seconds{30}) == seconds{30});
    CHECK(delay_after(kBackoff, 1, kHighest, seconds{30}) == seconds{36});
    CHECK(delay_after(kBackoff, 1, kLowest, seconds{0}) == milliseconds{1'000});
    CHECK(delay_after(kBackoff, 1, kLowest, seconds{-5}) == milliseconds{1'000});
    CHECK(delay_after(kBackoff, 7, kLowest, seconds{2}) == milliseconds{48'000});
    CHECK(delay_after(kBackoff, 1, kLowest, hours{24}) == hours{24});
    CHECK(delay_after(kBackoff, 1, kHighest, hours{24 * 3650}) == hours{24});
    CHECK(delay_after(kBackoff, 1, kHighest, seconds::max()) == hours{24});
    CHECK(delay_after(kBackoff, 1, kLowest, seconds::min()) == milliseconds{1'000});
}

TEST_CASE("backoff: no argument overflows or leaves the limits", "[schedule][backoff]") {
    const Backoff backoffs[] = {kBackoff,
                                {milliseconds{0}, milliseconds{0}},
                                {milliseconds{-1}, milliseconds{-1}},
                                {milliseconds{1}, milliseconds::max()},
                                {milliseconds::max(), milliseconds{1}},
                                {milliseconds::max(), milliseconds::max()},
                                {milliseconds::min(), milliseconds::min()}};
    for (const Backoff& backoff : backoffs) {
        for (std::uint32_t attempt : {0u, 1u, 2u, 31u, 63u, 64u, 65u, kLastAttempt}) {
            for (std::uint64_t random : {kLowest, kHighest}) {
                const milliseconds delay = delay_after(backoff, attempt, random);
                CHECK(delay >= milliseconds{1});
                CHECK(delay <= kWaitMax);
            }
        }
    }
}

TEST_CASE("backoff: the due time is now and the delay, or the end of time", "[schedule][backoff]") {
    constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();
    CHECK(due_after(5, kBackoff, 1, kLowest) == 800'000'005);
    CHECK(due_after(-1'000'000'000, kBackoff, 1, kLowest) == -200'000'000);
    CHECK(due_after(kEnd - 800'000'000, kBackoff, 1, kLowest) == kEnd);
    CHECK(due_after(kEnd, kBackoff, kLastAttempt, kHighest, seconds::max()) == kEnd);
    CHECK(due_after(0, kBackoff, 1, kHighest, seconds::max()) == 86'400'000'000'000);
}
