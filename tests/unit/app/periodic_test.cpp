// The work of connectors at times of their own, on a clock that the test sets.
#include "app/periodic.hpp"

#include <deque>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/fake_clock.hpp"

using namespace syncline;
using namespace syncline::app;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kSecond_ns = 1'000'000'000;

// A connector whose turns the test ends.
class Worker final : public plugin::Instance {
  public:
    const plugin::Manifest& manifest() const override { return manifest_; }
    void handshake(plugin::WebhookRequest,
                   std::function<void(plugin::Failure, plugin::WebhookReply)>) override {}
    void translate(std::vector<std::shared_ptr<const plugin::WebhookRequest>>,
                   std::function<void(std::vector<plugin::Translation>)>) override {}
    void write(plugin::WriteBatch, std::function<void(plugin::WriteResult)>) override {}
    void stop(std::chrono::milliseconds, std::function<void()>) override {}
    void work(std::optional<std::int64_t> due_ns, std::chrono::milliseconds,
              std::function<void(plugin::WorkResult)> done) override {
        asked.push_back(due_ns);
        open.push_back(std::move(done));
    }
    void end(plugin::WorkResult result) {
        auto done = std::move(open.at(0));
        open.pop_front();
        done(std::move(result));
    }

    std::vector<std::optional<std::int64_t>> asked;
    std::deque<std::function<void(plugin::WorkResult)>> open;

  private:
    plugin::Manifest manifest_;
};

class Kept final : public DueTime {
  public:
    void get(std::function<void(Result<std::optional<std::int64_t>>)> done) override {
        done(due_ns);
    }
    void put(std::int64_t due, std::function<void()> done) override {
        due_ns = due;
        done();
    }
    std::optional<std::int64_t> due_ns;
};

struct Bench {
    test::FakeClock clock;
    std::shared_ptr<Worker> worker = std::make_shared<Worker>();
    std::shared_ptr<Kept> kept = std::make_shared<Kept>();
    std::multimap<std::int64_t, std::function<void()>> timers;  // by wall time
    std::shared_ptr<Periodic> periodic;

    void begin() {
        Periodic::Options options;
        options.account = "shop";
        options.instance = worker;
        options.due = kept;
        options.clock = &clock;
        options.after = [this](std::chrono::milliseconds wait, std::function<void()> run) {
            timers.emplace(clock.wall_ns() + wait / 1ns, std::move(run));
        };
        options.post = [](const std::function<void()>& run) { run(); };
        options.random = [] { return std::uint64_t{1} << 63; };
        periodic = std::make_shared<Periodic>(std::move(options));
        periodic->start();
    }
    // Lets time pass, timer by timer.
    void pass(std::chrono::nanoseconds time) {
        const std::int64_t until = clock.wall_ns() + time.count();
        while (!timers.empty() && timers.begin()->first <= until) {
            const auto timer = timers.extract(timers.begin());
            clock.advance(std::chrono::nanoseconds{timer.key() - clock.wall_ns()});
            timer.mapped()();
        }
        clock.advance(std::chrono::nanoseconds{until - clock.wall_ns()});
    }
    void done_until(std::int64_t next_due_ns) { worker->end({{}, next_due_ns}); }
    std::int64_t now() { return clock.wall_ns(); }
};

plugin::WorkResult failed(std::int64_t retry_after_ms = -1) {
    return {{plugin::FailureClass::kTransient, "no way there", "", retry_after_ms}, {}};
}

}  // namespace

TEST_CASE("periodic: the first turn comes at once, the next ones when they are due",
          "[app][periodic]") {
    Bench bench;
    bench.begin();
    CHECK(bench.worker->asked == std::vector<std::optional<std::int64_t>>{std::nullopt});
    const std::int64_t due = bench.now() + 600 * kSecond_ns;
    bench.done_until(due);
    CHECK(bench.kept->due_ns == due);
    bench.pass(599s);
    CHECK(bench.worker->asked.size() == 1);
    bench.pass(1s);
    REQUIRE(bench.worker->asked.size() == 2);
    CHECK(bench.worker->asked[1] == due);
}

TEST_CASE("periodic: after a restart the work goes on where it was", "[app][periodic]") {
    Bench waiting;
    waiting.kept->due_ns = waiting.now() + 10 * kSecond_ns;
    waiting.begin();
    CHECK(waiting.worker->asked.empty());
    waiting.pass(10s);
    CHECK(waiting.worker->asked.size() == 1);

    Bench overdue;
    overdue.kept->due_ns = overdue.now() - 10 * kSecond_ns;
    overdue.begin();
    REQUIRE(overdue.worker->asked.size() == 1);
    CHECK(overdue.worker->asked[0] == overdue.kept->due_ns);
}

TEST_CASE("periodic: turns never overlap, however long one takes", "[app][periodic]") {
    Bench bench;
    bench.begin();
    bench.done_until(bench.now() + 10 * kSecond_ns);
    bench.pass(3600s);
    CHECK(bench.worker->asked.size() == 2);
    CHECK(bench.worker->open.size() == 1);
}

TEST_CASE("periodic: a turn that fails is tried again, later and later", "[app][periodic]") {
    Bench bench;
    bench.begin();
    const std::int64_t due = bench.now() + kSecond_ns;
    bench.done_until(due);
    bench.pass(1s);
    for (const auto& [wait, turns] : {std::pair{1s, 3u}, std::pair{2s, 4u}, std::pair{4s, 5u}}) {
        bench.worker->end(failed());
        bench.pass(wait - 500ms);
        CHECK(bench.worker->asked.size() == turns - 1);
        bench.pass(1s);
        REQUIRE(bench.worker->asked.size() == turns);
        CHECK(bench.worker->asked.back() == due);
    }
    CHECK(bench.kept->due_ns == due);
    bench.worker->end(failed(60'000));
    bench.pass(59s);
    CHECK(bench.worker->asked.size() == 5);
    bench.pass(20s);
    CHECK(bench.worker->asked.size() == 6);
}

TEST_CASE("periodic: what is due too soon or never in sight is bounded", "[app][periodic]") {
    Bench bench;
    bench.begin();
    bench.done_until(0);
    CHECK(bench.worker->open.empty());
    bench.pass(1s);
    CHECK(bench.worker->asked.size() == 2);
    bench.done_until(std::numeric_limits<std::int64_t>::max());
    CHECK(*bench.kept->due_ns == bench.now() + 366 * 86'400 * kSecond_ns);
}

TEST_CASE("periodic: one that has nothing more to do is left alone, and so is one that stops",
          "[app][periodic]") {
    Bench bench;
    bench.begin();
    bench.worker->end({{}, std::nullopt});
    bench.pass(3600s);
    CHECK(bench.worker->asked.size() == 1);

    Bench stopped;
    stopped.begin();
    stopped.done_until(stopped.now() + 10 * kSecond_ns);
    stopped.periodic->stop();
    stopped.pass(3600s);
    CHECK(stopped.worker->asked.size() == 1);
}

TEST_CASE("periodic: a wall clock that is set forward is noticed within a minute",
          "[app][periodic]") {
    Bench bench;
    bench.begin();
    bench.done_until(bench.now() + 7200 * kSecond_ns);
    bench.clock.jump_wall(7200s);
    for (auto& timer : std::exchange(bench.timers, {})) timer.second();
    CHECK(bench.worker->asked.size() == 2);
}
