#include "schedule/breaker.hpp"

#include <limits>
#include <random>

#include "support/catch.hpp"

using namespace syncline::schedule;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

constexpr std::uint64_t kSoonest = 0;
constexpr std::uint64_t kLatest = std::numeric_limits<std::uint64_t>::max();

// A platform that is called whenever the breaker lets it.
struct Caller {
    explicit Caller(BreakerPolicy policy = {}) : breaker(policy) {}

    Breaker::Change call(bool is_failed, std::uint64_t random = kSoonest) {
        const Breaker::Admission admission = breaker.admit(now);
        REQUIRE_FALSE(admission.ask_again);
        return breaker.report(now, admission.is_probe, is_failed, random);
    }
    void fail(int times) {
        for (int i = 0; i < times; ++i) call(true);
    }
    bool is_open() const { return breaker.state() != Breaker::State::kClosed; }

    Breaker breaker;
    Breaker::Time now = minutes{5};
};

}  // namespace

TEST_CASE("breaker: opens when of ten calls seven have failed, and not before [C2]",
          "[schedule][breaker][C2]") {
    SECTION("nine failures are too few to tell") {
        Caller caller;
        caller.fail(9);
        CHECK_FALSE(caller.is_open());
        CHECK(caller.call(true) == Breaker::Change::kOpened);
        CHECK(caller.is_open());
    }
    SECTION("six of ten are too few, seven are enough") {
        for (int failures : {6, 7}) {
            Caller caller;
            for (int i = failures; i < 10; ++i) caller.call(false);
            caller.fail(failures);
            CHECK(caller.is_open() == (failures == 7));
        }
    }
    SECTION("what happened before the window does not count") {
        Caller caller;
        for (int i = 0; i < 100; ++i) {
            caller.fail(2);
            caller.now += seconds{8};
        }
        CHECK_FALSE(caller.is_open());
    }
    SECTION("a success never opens it") {
        Caller caller;
        caller.fail(9);
        CHECK(caller.call(false) == Breaker::Change::kNone);
        CHECK_FALSE(caller.is_open());
    }
}

TEST_CASE("breaker: open, nothing goes but one probe at the end of each rest [C2]",
          "[schedule][breaker][C2]") {
    Caller caller;
    caller.fail(10);
    const Breaker::Time opened = caller.now;
    // 5 s less the jitter, then twice that with each failure, up to a minute.
    for (int rest_ms : {4'000, 8'000, 16'000, 32'000, 48'000, 48'000}) {
        const auto admission = caller.breaker.admit(caller.now);
        REQUIRE(admission.ask_again);
        CHECK(*admission.ask_again - caller.now == milliseconds{rest_ms});
        CHECK(caller.breaker.admit(*admission.ask_again - Breaker::Time{1}).ask_again ==
              admission.ask_again);
        caller.now = *admission.ask_again;
        CHECK(caller.breaker.admit(caller.now).is_probe);
        // Everyone else waits for the probe.
        CHECK(caller.breaker.admit(caller.now).ask_again == caller.now + seconds{1});
        CHECK(caller.breaker.state() == Breaker::State::kProbing);
        CHECK(caller.breaker.report(caller.now, true, true, kSoonest) == Breaker::Change::kNone);
        CHECK(caller.breaker.state() == Breaker::State::kResting);
    }
    CHECK(caller.now - opened == milliseconds{156'000});
}

TEST_CASE("breaker: a probe that succeeds closes it, and what was before is forgotten [C2]",
          "[schedule][breaker][C2]") {
    Caller caller;
    caller.fail(10);
    caller.now += seconds{6};
    CHECK(caller.call(false) == Breaker::Change::kClosed);
    CHECK_FALSE(caller.is_open());
    caller.fail(9);
    CHECK_FALSE(caller.is_open());
    CHECK(caller.call(true) == Breaker::Change::kOpened);
    // The first rest is short again.
    CHECK(*caller.breaker.admit(caller.now).ask_again == caller.now + seconds{4});
}

TEST_CASE("breaker: results of calls from before it opened decide nothing [C2]",
          "[schedule][breaker][C2]") {
    Caller caller;
    caller.fail(10);
    CHECK(caller.breaker.report(caller.now, false, false, kSoonest) == Breaker::Change::kNone);
    CHECK(caller.is_open());
    caller.now += seconds{6};
    CHECK(caller.breaker.admit(caller.now).is_probe);
    CHECK(caller.breaker.report(caller.now, false, true, kSoonest) == Breaker::Change::kNone);
    CHECK(caller.breaker.report(caller.now, false, false, kSoonest) == Breaker::Change::kNone);
    CHECK(caller.breaker.state() == Breaker::State::kProbing);
}

TEST_CASE("breaker: a rest has a fifth of jitter either way [C2]", "[schedule][breaker][C2]") {
    for (const auto& [random, expected] :
         {std::pair{kSoonest, milliseconds{4'000}}, {kLatest, milliseconds{6'000}}}) {
        Caller caller;
        caller.fail(9);
        caller.call(true, random);
        CHECK(*caller.breaker.admit(caller.now).ask_again - caller.now == expected);
    }
}

// A platform that is down for two minutes and then back, called as often as it can be.
TEST_CASE("breaker: a storm costs few calls, and its end is noticed within a rest [C2]",
          "[schedule][breaker][C2]") {
    Caller caller;
    std::mt19937_64 random{3};
    const Breaker::Time up = caller.now + minutes{2};
    int failed = 0;
    int done = 0;
    Breaker::Time recovered{};
    while (done < 1'000) {
        const auto admission = caller.breaker.admit(caller.now);
        if (admission.ask_again) {
            caller.now = *admission.ask_again;
            continue;
        }
        const bool is_failed = caller.now < up;
        if (is_failed) ++failed;
        if (!is_failed && ++done == 1) recovered = caller.now;
        caller.breaker.report(caller.now, admission.is_probe, is_failed, random());
        caller.now += milliseconds{10};
    }
    CHECK(failed < 20);
    CHECK(recovered - up < seconds{72});
    CHECK_FALSE(caller.is_open());
}
