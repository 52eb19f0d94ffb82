// The host's services as connectors see them: expressions and files.
#include <condition_variable>
#include <mutex>

#include "core/error.hpp"
#include "fixtures.hpp"
#include "plugin/errc.hpp"
#include "plugin/live_instance.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

namespace {

constexpr core::ErrorCode kBadText{"test.bad_text", core::ErrorClass::kConfig, "mend it"};
constexpr core::ErrorCode kBadInput{"test.bad_input", core::ErrorClass::kPermanent, "mend it"};
constexpr core::ErrorCode kFull{"test.full", core::ErrorClass::kTransient, "make room"};

// "upper" is the one expression there is.
struct FakeExpressions final : Expressions {
    Result<Program> compile(std::string_view text) override {
        if (text != "upper") return Error{kBadText, "no such function"}.at("1:3");
        return Program{[](std::string_view input) -> Result<std::string> {
            if (input == "bad") return Error{kBadInput, "it is bad"}.at("1:1");
            return std::string{input} + "!";
        }};
    }
};

// A disk that is done with an append when the test says so.
class FakeFiles final : public FileAppender {
  public:
    bool append(std::filesystem::path file, std::string bytes,
                std::function<void(Result<void>)> done) override {
        const std::lock_guard lock{mutex_};
        if (is_full) return false;
        appended.emplace_back(file.string(), std::move(bytes));
        open_.push_back(std::move(done));
        changed_.notify_all();
        return true;
    }
    void wait() {
        std::unique_lock lock{mutex_};
        if (!changed_.wait_for(lock, std::chrono::seconds{60}, [&] { return !open_.empty(); }))
            throw std::runtime_error("no append came");
    }
    void finish(const Result<void>& result) {
        wait();
        std::function<void(Result<void>)> done;
        {
            const std::lock_guard lock{mutex_};
            done = std::move(open_.front());
            open_.erase(open_.begin());
        }
        done(result);
    }

    bool is_full = false;
    std::vector<std::pair<std::string, std::string>> appended;

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::function<void(Result<void>)>> open_;
};

struct Desk {
    Site site;
    std::shared_ptr<FakeFiles> files = std::make_shared<FakeFiles>();
    std::unique_ptr<Catalog> catalog;
    std::shared_ptr<Instance> instance;

    Desk() {
        site.install("ledger");
        site.install("chaos");
        catalog = site.open();
    }
    Result<std::shared_ptr<Instance>> start(const char* id, boost::json::object settings) {
        InstanceOptions options;
        options.account = "books";
        options.settings = std::move(settings);
        options.expressions = std::make_shared<FakeExpressions>();
        options.files = files;
        return catalog->start(id, options);
    }
    void start_ledger(boost::json::object settings = {{"key", "upper"}, {"path", "/books/a"}}) {
        instance = start("ledger", std::move(settings)).value();
    }
    Translation translate(const std::string& body) const {
        auto request = std::make_shared<WebhookRequest>();
        request->body = body;
        Waiter<std::vector<Translation>> waiter;
        instance->translate({request}, waiter.callback());
        return waiter.get().at(0);
    }
    Waiter<WriteResult> write(const char* stream = "lines") const {
        WriteBatch batch;
        batch.stream = stream;
        batch.records.resize(1, {record::Operation::kUpsert, "k", R"({"a":1})", "", false});
        Waiter<WriteResult> waiter;
        instance->write(std::move(batch), waiter.callback());
        return waiter;
    }
    std::uint64_t misbehaviours() const { return instance->misbehaviours(); }
    void stop() const {
        Waiter<int> waiter;
        instance->stop(std::chrono::seconds{60}, [done = waiter.callback()] { done(0); });
        waiter.get();
    }
};

}  // namespace

TEST_CASE("services: an expression is compiled at the start and evaluated later",
          "[plugin][services]") {
    Desk desk;
    desk.start_ledger();

    CHECK(desk.translate("7").records.at(0).key == "7!");
    const Failure failure = desk.translate("bad").failure;
    CHECK(failure.failure_class == FailureClass::kPermanent);
    CHECK(failure.message == "at 1:1: it is bad");
    CHECK(desk.misbehaviours() == 0);
    desk.stop();
}

TEST_CASE("services: an expression that can't be compiled keeps the account from starting",
          "[plugin][services]") {
    Desk desk;
    const auto started = desk.start("ledger", {{"key", "lower"}, {"path", "/books/a"}});
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().is(kStartFailed));
    CHECK_THAT(started.error().what(), Catch::Contains("config: at 1:3: no such function"));
}

TEST_CASE("services: a host without them says so", "[plugin][services]") {
    Desk desk;
    InstanceOptions options;
    options.settings = {{"key", "upper"}, {"path", "/books/a"}};
    const auto started = desk.catalog->start("ledger", options);
    REQUIRE_FALSE(started.has_value());
    CHECK_THAT(started.error().what(),
               Catch::Contains("unsupported") && Catch::Contains("syncline.expr/1"));
}

TEST_CASE("services: a record is done when its bytes are durable", "[plugin][services]") {
    Desk desk;
    desk.start_ledger();

    auto written = desk.write();
    CHECK_FALSE(written.is_ready());
    desk.files->finish({});

    CHECK(written.get().outcomes.at(0).kind == OutcomeKind::kDone);
    REQUIRE(desk.files->appended.size() == 1);
    CHECK(desk.files->appended[0] ==
          std::pair<std::string, std::string>{"/books/a", "{\"a\":1}\n"});
    desk.stop();
    CHECK(desk.misbehaviours() == 0);
}

TEST_CASE("services: an append that fails leaves open what is in the file", "[plugin][services]") {
    Desk desk;
    desk.start_ledger();

    auto failed = desk.write();
    desk.files->finish(Error{kFull, "no space left"});
    Outcome outcome = failed.get().outcomes.at(0);
    CHECK(outcome.kind == OutcomeKind::kUnknown);
    CHECK(outcome.failure.failure_class == FailureClass::kTransient);
    CHECK_THAT(outcome.failure.message, Catch::Contains("no space left"));

    desk.files->is_full = true;
    outcome = desk.write().get().outcomes.at(0);
    CHECK(outcome.kind == OutcomeKind::kFailed);
    CHECK(outcome.failure.failure_class == FailureClass::kRateLimited);
    desk.stop();
}

TEST_CASE("services: only the file that a granted setting names is opened", "[plugin][services]") {
    Desk desk;
    desk.start_ledger({{"key", "upper"}, {"path", "/books/a"}, {"written_path", "/books/b"}});
    Outcome outcome = desk.write().get().outcomes.at(0);
    CHECK(outcome.kind == OutcomeKind::kFailed);
    CHECK(outcome.failure.failure_class == FailureClass::kConfig);
    desk.stop();

    desk.start_ledger({{"key", "upper"}, {"path", "books/a"}});
    outcome = desk.write().get().outcomes.at(0);
    CHECK(outcome.failure.failure_class == FailureClass::kConfig);
    CHECK_THAT(outcome.failure.message, Catch::Contains("absolute"));
    CHECK(desk.files->appended.empty());
    desk.stop();
}

TEST_CASE("services: stop waits for the appends that are open", "[plugin][services]") {
    Desk desk;
    desk.start_ledger();
    auto written = desk.write();
    desk.files->wait();
    Waiter<int> stopped;
    desk.instance->stop(std::chrono::seconds{60}, [done = stopped.callback()] { done(0); });
    CHECK_FALSE(stopped.is_ready());

    desk.files->finish({});

    stopped.get();
    REQUIRE(written.is_ready());
    CHECK(written.get().outcomes.at(0).kind == OutcomeKind::kDone);
    CHECK(desk.misbehaviours() == 0);
}

TEST_CASE("services: an append that outlives its instance finds nobody", "[plugin][services]") {
    Desk desk;
    desk.start_ledger();
    auto written = desk.write();
    desk.files->wait();
    Waiter<int> stopped;
    desk.instance->stop(std::chrono::milliseconds{20}, [done = stopped.callback()] { done(0); });
    stopped.get();
    CHECK(written.get().outcomes.at(0).kind == OutcomeKind::kUnknown);
    desk.files->finish({});
    CHECK(desk.translate("7").failure.failure_class == FailureClass::kCancelled);
}

TEST_CASE("services: garbage in calls of services is the connector's bug, never a crash",
          "[plugin][services][B6]") {
    Desk desk;
    desk.instance = desk.start("chaos", {{"mode", "abuses_services"}}).value();

    CHECK(desk.write("things").get().outcomes.at(0).kind == OutcomeKind::kDone);

    CHECK(desk.misbehaviours() == 9);
    CHECK(desk.files->appended.empty());
    desk.stop();
}

TEST_CASE("services: a connector has room for so many expressions and no more",
          "[plugin][services]") {
    Desk desk;
    desk.instance = desk.start("chaos", {{"mode", "compiles_for_ever"}}).value();
    CHECK(desk.write("things").get().outcomes.at(0).kind == OutcomeKind::kDone);
    CHECK(desk.misbehaviours() == 1);
    desk.stop();
}
