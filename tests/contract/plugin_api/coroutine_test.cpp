// The life of coroutines: started, waiting, cancelled, thrown through, destroyed. Most of it is
// about what a sanitizer sees.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "bare_host.hpp"
#include "support/catch.hpp"
#include "syncline/connector.hpp"
#include "syncline/testing.hpp"

using syncline::Batch;
using syncline::Failure;
using syncline::Task;
using syncline::test::BareHost;
using syncline::test::plugin_of;
using syncline::testing::FakeHost;
using syncline::testing::RecordToWrite;

namespace http = syncline::http;

namespace {

// Longer than what a string holds in place, so that every copy is memory that can be lost.
const std::string kUrl = "https://api.example.com/a/path/that/is/long/enough";

const std::vector<RecordToWrite> kTwo = {{SYNCLINE_UPSERT, "a", "{}"},
                                         {SYNCLINE_UPSERT, "b", "{}"}};

// How far the stack reaches where this is called.
std::uintptr_t stack_here() {
    return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
}

struct Range {
    void see(std::uintptr_t at) {
        low = std::min(low, at);
        high = std::max(high, at);
    }
    std::uintptr_t low = UINTPTR_MAX, high = 0;
};

Task<std::string> text_of(std::string url) {
    const syncline::Response response = co_await http::get(url);
    co_return response.body();
}

Task<int> immediate(int value) {
    if (value < 0) throw std::out_of_range("below zero");
    co_return value;
}

// Waits in every way there is; six requests, one after the other but for two. `throw_at` throws
// before the request of that number, 6 after the last.
class Winding final : public syncline::Connector, public syncline::BatchWriter {
  public:
    static inline int throw_at = -1;
    static inline int throw_what = 0;
    static inline int alive = 0;  // objects in frames

  private:
    struct Counted {
        Counted() { ++alive; }
        Counted(const Counted&) { ++alive; }
        ~Counted() { --alive; }
    };

    static void point(int number) {
        if (number != throw_at) return;
        if (throw_what == 0) throw Failure{SYNCLINE_E_CONFLICT, "thrown by name"};
        if (throw_what == 1) throw std::runtime_error("thrown by accident");
        throw 1;
    }
    static Task<std::string> inner(int number, Counted) {
        const Counted own;
        point(number);
        std::string text = co_await text_of(kUrl + "/inner");
        co_return text + "!";
    }
    static Task<> beside(int number, Counted) {
        point(number);
        co_await http::post(kUrl + "/beside", "{}");
    }
    Task<> write(Batch& batch) override {
        const Counted own;
        point(0);
        const syncline::Response first = co_await http::post(kUrl + "/first", "{}");
        point(1);
        const std::string text = co_await inner(1, own);
        point(2);
        Task<std::string> later = inner(2, own);
        const std::string more = text + co_await std::move(later);
        std::vector<Task<>> tasks;
        tasks.push_back(beside(3, own));
        tasks.push_back(beside(4, own));
        co_await syncline::all(std::move(tasks));
        point(5);
        co_await http::get(kUrl + "/last");
        point(6);
        batch.rest_done();
    }
};

struct Run {
    explicit Run(int throw_at, int throw_what = 0) {
        Winding::throw_at = throw_at;
        Winding::throw_what = throw_what;
        host = std::make_unique<FakeHost>(plugin_of<Winding>());
        write = host->write("things", kTwo);
    }
    // Answers until nothing is open or that many have been answered.
    void answer(int count) {
        for (int i = 0; i < count && !host->exchanges().empty(); ++i) host->respond(200, "body");
    }
    std::unique_ptr<FakeHost> host;
    std::shared_ptr<syncline::testing::Write> write;
};

}  // namespace

TEST_CASE("coroutine: a write runs straight through everything that it waits for",
          "[plugin_api][coroutine]") {
    Run run{-1};
    int answered = 0;
    for (; !run.host->exchanges().empty(); ++answered) run.host->respond(200, "body");

    CHECK(answered == 6);
    CHECK(run.write->is_complete);
    CHECK(run.write->outcomes[0].kind == SYNCLINE_DONE);
    CHECK(Winding::alive == 0);
    CHECK(run.host->violations.empty());
}

TEST_CASE("coroutine: cancelled wherever it waits, it ends and sends no more",
          "[plugin_api][coroutine]") {
    for (int point = 0; point < 6; ++point) {
        INFO("after " << point << " answers");
        Run run{-1};
        run.answer(point);
        REQUIRE_FALSE(run.write->is_complete);

        run.host->cancel_writes();

        REQUIRE(run.write->is_complete);
        CHECK(run.host->exchanges().empty());
        for (const auto& outcome : run.write->outcomes) {
            CHECK(outcome.kind == SYNCLINE_UNKNOWN);
            CHECK(outcome.failure.failure_class == SYNCLINE_E_CANCELLED);
        }
        CHECK(Winding::alive == 0);
        run.host->stop();
        CHECK(run.host->violations.empty());
    }
}

TEST_CASE("coroutine: stopped wherever it waits, it ends before `stopped` is told",
          "[plugin_api][coroutine]") {
    for (int point = 0; point < 6; ++point) {
        INFO("after " << point << " answers");
        Run run{-1};
        run.answer(point);

        run.host->stop();

        CHECK(run.write->is_complete);
        CHECK(run.write->outcomes[1].failure.failure_class == SYNCLINE_E_CANCELLED);
        CHECK(run.host->is_stopped());
        CHECK(Winding::alive == 0);
        CHECK(run.host->violations.empty());
    }
}

TEST_CASE("coroutine: thrown wherever it runs, each record gets one outcome of that class",
          "[plugin_api][coroutine]") {
    constexpr syncline_status kClasses[] = {SYNCLINE_E_CONFLICT, SYNCLINE_E_PLUGIN_BUG,
                                            SYNCLINE_E_PLUGIN_BUG};
    const std::string words[] = {"thrown by name", "thrown by accident",
                                 "the connector threw something"};
    for (int point = 0; point <= 6; ++point) {
        for (int what = 0; what < 3; ++what) {
            INFO("point " << point << ", kind " << what);
            Run run{point, what};
            run.answer(6);

            REQUIRE(run.write->is_complete);
            CHECK(run.host->exchanges().empty());
            for (const auto& outcome : run.write->outcomes) {
                CHECK(outcome.failure.failure_class == kClasses[what]);
                CHECK(outcome.failure.message == words[what]);
                // After the first request nobody knows what it did.
                CHECK(outcome.kind == (point > 0 ? SYNCLINE_UNKNOWN : SYNCLINE_FAILED));
            }
            CHECK(Winding::alive == 0);
            run.host->stop();
            CHECK(run.host->violations.empty());
        }
    }
}

TEST_CASE("coroutine: destroyed wherever it waits, everything in its frames goes",
          "[plugin_api][coroutine]") {
    Winding::throw_at = -1;
    for (int point = 0; point < 6; ++point) {
        INFO("after " << point << " answers");
        BareHost host{plugin_of<Winding>()};
        REQUIRE(host.write() == SYNCLINE_OK);
        for (int i = 0; i < point; ++i) host.respond(host.sent[static_cast<std::size_t>(i)]);
        CHECK(Winding::alive > 0);

        host.destroy();

        CHECK(Winding::alive == 0);
        CHECK(host.cancelled.empty());  // after destroy() was entered the host is not called
        CHECK(host.completions == 0);
    }
}

namespace {

class Failing final : public syncline::Connector {
    syncline::Status start() override {
        spawn(wait());
        return Failure{SYNCLINE_E_AUTH_DENIED, "no"};
    }
    Task<> wait() {
        const std::string kept = kUrl;
        co_await http::get(kept);
    }
};

}  // namespace

TEST_CASE("coroutine: what a failed start() has spawned is called off", "[plugin_api][coroutine]") {
    BareHost host{plugin_of<Failing>()};

    CHECK(host.status == SYNCLINE_E_AUTH_DENIED);
    REQUIRE(host.sent.size() == 1);
    CHECK(host.cancelled == std::vector<syncline_http_handle>{100 + host.sent[0]});

    host.respond(host.sent[0]);  // too late: nobody waits
    CHECK(host.log_lines == std::vector<std::string>{"the result of an unknown call came"});
}

namespace {

class Asking final : public syncline::Connector, public syncline::BatchWriter {
    Task<> write(Batch& batch) override {
        co_await http::post(kUrl, "{}");
        batch.rest_done();
    }
};

}  // namespace

TEST_CASE("coroutine: a completion from inside send() is refused", "[plugin_api][coroutine]") {
    BareHost host{plugin_of<Asking>()};
    host.on_send = [&](std::uint64_t user_id) { host.respond(user_id); };

    REQUIRE(host.write() == SYNCLINE_OK);

    CHECK(host.log_lines == std::vector<std::string>{"a call ended from inside of it"});
    CHECK(host.outcomes == std::vector<syncline_outcome_kind>{SYNCLINE_UNKNOWN});
    CHECK(host.completions == 0);  // never from inside write()
    REQUIRE(host.posts.size() == 1);
    host.plugin.posted(host.instance, host.posts[0]);
    CHECK(host.completions == 1);
}

TEST_CASE("coroutine: results and posts that belong to nothing are ignored",
          "[plugin_api][coroutine]") {
    BareHost host{plugin_of<Asking>()};
    REQUIRE(host.write() == SYNCLINE_OK);

    host.respond(host.sent[0] + 1);
    host.plugin.posted(host.instance, 99);
    CHECK(host.log_lines.size() == 2);
    CHECK(host.completions == 0);

    host.respond(host.sent[0]);
    host.respond(host.sent[0]);
    CHECK(host.completions == 1);
    CHECK(host.log_lines.size() == 3);
}

TEST_CASE("coroutine: a host that takes no posts gets a failed write, not an early completion",
          "[plugin_api][coroutine]") {
    Winding::throw_at = 0;
    BareHost host{plugin_of<Winding>()};
    host.takes_posts = false;

    CHECK(host.write() == SYNCLINE_E_HOST_BUG);
    CHECK(host.completions == 0);
}

namespace {

// Goes on whatever happens.
class Stubborn final : public syncline::Connector, public syncline::BatchWriter {
    Task<> write(Batch& batch) override {
        std::optional<Failure> last;
        for (int i = 0; i < 3; ++i) {
            try {
                co_await http::post(kUrl, "{}");
            } catch (const Failure& failure) {
                last = failure;
            }
        }
        last ? batch.rest_fail(*last) : batch.rest_done();
    }
};

}  // namespace

TEST_CASE("coroutine: once cancelled or stopped, no request goes out any more",
          "[plugin_api][coroutine]") {
    for (const bool by_stop : {false, true}) {
        INFO(by_stop);
        BareHost host{plugin_of<Stubborn>()};
        REQUIRE(host.write() == SYNCLINE_OK);

        if (by_stop) {
            host.plugin.stop(host.instance);
        } else {
            host.table<syncline_plugin_write>(SYNCLINE_WRITE_ID).cancel(host.instance, 7);
        }
        CHECK(host.cancelled == std::vector<syncline_http_handle>{100 + host.sent[0]});
        host.respond(host.sent[0]);

        CHECK(host.sent.size() == 1);
        CHECK(host.outcomes == std::vector<syncline_outcome_kind>{SYNCLINE_NOT_ATTEMPTED});
        CHECK(host.completions == 1);
    }
}

namespace {

// The stream says what to do.
class Tasks final : public syncline::Connector, public syncline::BatchWriter {
  public:
    static inline Range stack;
    static inline int rounds = 0;

  private:
    static Task<> leaf() {
        stack.see(stack_here());
        co_return;
    }
    static Task<> waiting_leaf() {
        co_await http::get(kUrl);
        stack.see(stack_here());
    }
    Task<> write(Batch& batch) override {
        const std::string stream{batch.stream()};
        if (stream == "ending at once") {
            for (int i = 0; i < rounds; ++i) co_await leaf();
        } else if (stream == "waiting") {
            for (int i = 0; i < rounds; ++i) co_await waiting_leaf();
        } else if (stream == "refused") {
            for (int i = 0; i < rounds; ++i) co_await ignoring_refusal();
        } else if (stream == "twice") {
            Task<int> once = immediate(1);
            co_await std::move(once);
            co_await std::move(once);
        } else if (stream == "moved away") {
            Task<int> gone = immediate(1);
            const Task<int> here = std::move(gone);
            co_await std::move(gone);
        } else if (stream == "never awaited") {
            const Task<int> idle = immediate(-1);
        } else if (stream == "values") {
            const int sum = co_await immediate(1) + co_await immediate(2);
            auto owned = co_await boxed(sum);
            batch[0].done(std::to_string(*owned));
            co_await immediate(-1);
        }
        batch.rest_done();
    }
    static Task<> ignoring_refusal() {
        stack.see(stack_here());
        try {
            co_await http::get(kUrl);
        } catch (const Failure&) {
        }
    }
    static Task<std::unique_ptr<int>> boxed(int value) { co_return std::make_unique<int>(value); }
};

}  // namespace

TEST_CASE("coroutine: 10,000 awaits in a row need no more stack than ten",
          "[plugin_api][coroutine]") {
    for (const std::string stream : {"ending at once", "waiting", "refused"}) {
        std::uintptr_t used[2] = {};
        for (const int rounds : {10, 10'000}) {
            INFO(stream << ' ' << rounds);
            Tasks::stack = {};
            Tasks::rounds = rounds;
            FakeHost host{plugin_of<Tasks>()};
            if (stream == "refused") host.refuse_sends({SYNCLINE_E_CONFIG, "no"});
            const auto write = host.write(stream, kTwo);
            int answered = 0;
            for (; !host.exchanges().empty(); ++answered) host.respond(200, "");
            CHECK(answered == (stream == "waiting" ? rounds : 0));
            REQUIRE(write->is_complete);
            used[rounds == 10 ? 0 : 1] = Tasks::stack.high - Tasks::stack.low;
        }
        CHECK(used[1] <= used[0] + 4096);
    }
}

TEST_CASE("coroutine: a task yields its value or throws, once, and only when awaited",
          "[plugin_api][coroutine]") {
    FakeHost host{plugin_of<Tasks>()};

    const auto values = host.write("values", kTwo);
    CHECK(values->outcomes[0].destination_key == "3");
    CHECK(values->outcomes[1].failure.message == "below zero");
    for (const char* stream : {"twice", "moved away"}) {
        const auto again = host.write(stream, kTwo);
        CHECK(again->outcomes[0].failure.failure_class == SYNCLINE_E_PLUGIN_BUG);
        CHECK(again->outcomes[0].failure.message == "a task was awaited a second time");
    }
    CHECK(host.write("never awaited", kTwo)->outcomes[1].kind == SYNCLINE_DONE);
    CHECK(host.violations.empty());
}

namespace {

class Several final : public syncline::Connector, public syncline::BatchWriter {
    static Task<> one(syncline::WriteRecord record) {
        co_await http::post(kUrl, record.key());
        record.done();
    }
    static Task<> broken(std::string words) {
        co_await http::get(kUrl + '/' + words);
        throw Failure{SYNCLINE_E_PERMANENT, words};
    }
    Task<> write(Batch& batch) override {
        std::vector<Task<>> tasks;
        if (batch.stream() == "broken") {
            tasks.push_back(broken("first"));
            tasks.push_back(broken("second"));
        } else if (batch.stream() != "none") {
            for (const syncline::WriteRecord& record : batch) tasks.push_back(one(record));
        }
        co_await syncline::all(std::move(tasks));
        batch.rest_done();
    }
};

}  // namespace

TEST_CASE("coroutine: tasks run side by side, and all have ended before the next line",
          "[plugin_api][coroutine]") {
    FakeHost host{plugin_of<Several>()};

    const auto both = host.write("things", kTwo);
    CHECK(host.exchanges().size() == 2);
    host.respond(200, "");
    CHECK(both->outcomes[0].kind == SYNCLINE_DONE);
    CHECK_FALSE(both->is_complete);
    host.respond(200, "");
    CHECK(both->is_complete);

    const auto broken = host.write("broken", kTwo);
    host.respond(200, "");
    CHECK_FALSE(broken->is_complete);
    host.respond(200, "");
    REQUIRE(broken->is_complete);
    CHECK(broken->outcomes[0].failure.message == "first");

    CHECK(host.write("none", kTwo)->is_complete);
    CHECK(host.violations.empty());
}

TEST_CASE("coroutine: cancelling one write leaves the others alone", "[plugin_api][coroutine]") {
    BareHost host{plugin_of<Asking>()};
    REQUIRE(host.write() == SYNCLINE_OK);

    host.table<syncline_plugin_write>(SYNCLINE_WRITE_ID).cancel(host.instance, 8);
    CHECK(host.cancelled.empty());

    host.table<syncline_plugin_write>(SYNCLINE_WRITE_ID).cancel(host.instance, 7);
    CHECK(host.cancelled == std::vector<syncline_http_handle>{100 + host.sent[0]});

    host.respond(host.sent[0]);  // the answer was faster than the cancelling: it counts
    CHECK(host.outcomes == std::vector<syncline_outcome_kind>{SYNCLINE_DONE});
}

namespace {

class Background final : public syncline::Connector {
    syncline::Status start() override {
        spawn(poll("one"));
        spawn(poll("two"));
        return {};
    }
    Task<> poll(std::string name) {
        for (;;) {
            const syncline::Response response = co_await http::get(kUrl + '/' + name);
            log(SYNCLINE_LOG_INFO, name + " got " + response.body());
            if (response.status() == 500) throw response.refusal(name);
        }
    }
};

}  // namespace

TEST_CASE("coroutine: what was spawned runs until it ends or the instance stops",
          "[plugin_api][coroutine]") {
    FakeHost host{plugin_of<Background>()};
    host.respond(200, "x");
    host.respond(200, "y");
    host.respond(500, "");
    CHECK(host.exchanges().size() == 1);
    CHECK(host.log_lines == std::vector<std::string>{"one got x", "two got y", "one got ",
                                                     "a task failed what=one answered 500"});

    host.stop();

    CHECK(host.is_stopped());
    CHECK(host.log_lines.size() == 4);  // to be cancelled is no news
    CHECK(host.violations.empty());
}
