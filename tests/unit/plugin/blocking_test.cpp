// Connectors in the blocking style: instances with threads of their own, which wait and can be
// interrupted.
#include <fstream>
#include <future>
#include <thread>

#include "fake_http.hpp"
#include "fixtures.hpp"
#include "plugin/errc.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::plugin;
using namespace syncline::plugin::test;

namespace {

struct BlockingStage {
    Site site;
    std::shared_ptr<FakeHttp> http = std::make_shared<FakeHttp>();
    std::unique_ptr<Catalog> catalog;
    std::shared_ptr<Instance> instance;

    explicit BlockingStage(std::uint32_t concurrency = 2,
                           std::chrono::milliseconds call_limit = std::chrono::seconds{60}) {
        site.install("waiting");
        Catalog::Options options = site.options();
        options.call_limit = call_limit;
        catalog = Catalog::open(std::move(options)).value();
        instance = catalog->start("waiting", account(concurrency)).value();
    }
    InstanceOptions account(std::uint32_t concurrency, bool greets = false) const {
        InstanceOptions options;
        options.account = "shop";
        options.http = http;
        options.concurrency = concurrency;
        if (greets) options.settings["greets"] = "yes";
        return options;
    }
    // Until no more of the connector's threads run; they end soon after their instances.
    static bool wait_for_threads(std::size_t count) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{60};
        while (threads() != count && std::chrono::steady_clock::now() < until)
            std::this_thread::yield();
        return threads() == count;
    }
    static std::size_t threads() {
        std::size_t count = 0;
        std::error_code ignored;
        for (const auto& task : std::filesystem::directory_iterator{"/proc/self/task", ignored}) {
            std::string name;
            std::ifstream file{task.path() / "comm"};
            count += std::getline(file, name) && name.starts_with("waiting#");
        }
        return count;
    }
    Waiter<WriteResult> write(std::size_t count = 1,
                              std::chrono::milliseconds timeout = std::chrono::seconds{60}) {
        Waiter<WriteResult> waiter;
        WriteBatch batch;
        batch.stream = "things";
        batch.timeout = timeout;
        batch.records.resize(count);
        for (auto& record : batch.records) record.body = "{}";
        instance->write(std::move(batch), waiter.callback());
        return waiter;
    }
};

}  // namespace

TEST_CASE("blocking: write() waits for each response, and its return ends the operation",
          "[plugin][blocking]") {
    BlockingStage stage;
    auto result = stage.write(2);
    stage.http->answer(stage.http->wait(), response(200, "id-1"));
    stage.http->answer(stage.http->wait(), response(422, "no"));
    auto outcomes = result.get().outcomes;
    REQUIRE(outcomes.size() == 2);
    CHECK(outcomes[0].kind == OutcomeKind::kDone);
    CHECK(outcomes[0].destination_key == "id-1");
    CHECK(outcomes[1].kind == OutcomeKind::kFailed);
    CHECK(outcomes[1].failure.failure_class == FailureClass::kPermanent);
}

TEST_CASE("blocking: the return of read() ends the page", "[plugin][blocking][read]") {
    BlockingStage stage;
    ReadRequest request;
    request.stream = "things";
    Waiter<ReadResult> page, refused;
    stage.instance->read(request, page.callback());
    stage.http->answer(stage.http->wait(), response(200, R"({"a":1})"));
    ReadResult result = page.get();
    CHECK(result.failure.failure_class == FailureClass::kNone);
    REQUIRE(result.records.size() == 1);
    CHECK(result.cursor == "end");

    stage.instance->read(request, refused.callback());
    stage.http->answer(stage.http->wait(), response(503, ""));
    CHECK(refused.get().failure.failure_class == FailureClass::kTransient);
}

TEST_CASE("blocking: as many operations as instances are under way at once, others wait",
          "[plugin][blocking]") {
    BlockingStage stage{2};
    auto first = stage.write(), second = stage.write(), third = stage.write();
    stage.http->wait_for(2);
    // Translation has an instance of its own: it waits for nobody.
    Waiter<std::vector<Translation>> translated;
    auto request = std::make_shared<WebhookRequest>();
    request->body = "{}";
    stage.instance->translate({request}, translated.callback());
    CHECK(translated.get().at(0).records.size() == 1);
    CHECK(stage.http->open_count() == 2);
    for (int i = 0; i < 3; ++i) stage.http->answer(stage.http->wait(), response(200, ""));
    for (auto* result : {&first, &second, &third})
        CHECK(result->get().outcomes.at(0).kind == OutcomeKind::kDone);
}

TEST_CASE("blocking: past its time the wait ends, and what was sent is unknown",
          "[plugin][blocking]") {
    BlockingStage stage;
    auto outcomes = stage.write(2, std::chrono::milliseconds{20}).get().outcomes;
    CHECK(outcomes.at(0).kind == OutcomeKind::kUnknown);
    CHECK(outcomes.at(0).failure.failure_class == FailureClass::kCancelled);
    CHECK(stage.http->requests.size() == 1);  // nothing more was sent
    // It is good for the next one.
    auto next = stage.write();
    stage.http->answer(stage.http->wait(), response(200, ""));
    CHECK(next.get().outcomes.at(0).kind == OutcomeKind::kDone);
}

TEST_CASE("blocking: what it throws counts for the records without an outcome",
          "[plugin][blocking]") {
    BlockingStage stage;
    auto result = stage.write(2);
    stage.http->answer(stage.http->wait(), response(200, ""));
    stage.http->answer(stage.http->wait(), response(418, ""));
    auto outcomes = result.get().outcomes;
    CHECK(outcomes.at(0).kind == OutcomeKind::kDone);
    CHECK(outcomes.at(1).failure.message == "a teapot");
}

TEST_CASE("blocking: stopping ends what waits", "[plugin][blocking]") {
    BlockingStage stage;
    auto open = stage.write();
    stage.http->wait();
    Waiter<bool> stopped;
    stage.instance->stop(std::chrono::seconds{60}, [done = stopped.callback()] { done(true); });
    CHECK(open.get().outcomes.at(0).kind == OutcomeKind::kUnknown);
    CHECK(stopped.get());
}

TEST_CASE("blocking: records are read by key", "[plugin][blocking][fetch]") {
    BlockingStage stage;
    Waiter<std::vector<FetchResult>> waiter;
    FetchBatch batch;
    batch.stream = "things";
    batch.requests = {{"k", ""}};
    stage.instance->fetch(std::move(batch), waiter.callback());
    stage.http->answer(stage.http->wait(), response(200, R"({"a":1})"));
    CHECK(waiter.get().at(0).body == R"({"a":1})");
}

TEST_CASE("blocking: threads end with their instances", "[plugin][blocking]") {
    BlockingStage stage;
    REQUIRE(BlockingStage::wait_for_threads(4));  // one that loads, one that is pure, two more
    for (int i = 0; i < 3; ++i) {
        const auto other = stage.catalog->start("waiting", stage.account(2)).value();
        Waiter<bool> stopped;
        other->stop(std::chrono::seconds{60}, [done = stopped.callback()] { done(true); });
        stopped.get();
    }
    CHECK(BlockingStage::wait_for_threads(4));
}

TEST_CASE("blocking: an instance that does not start takes the others of its account with it",
          "[plugin][blocking]") {
    BlockingStage stage;
    auto started = std::async(std::launch::async, [&] {
        return stage.catalog->start("waiting", stage.account(2, true)).has_value();
    });
    stage.http->answer(stage.http->wait(), response(200, ""));
    stage.http->answer(stage.http->wait(), response(500, ""));
    CHECK_FALSE(started.get());
    CHECK(BlockingStage::wait_for_threads(4));
}

TEST_CASE("blocking: a start that waits ends at the limit", "[plugin][blocking]") {
    BlockingStage stage{2, std::chrono::milliseconds{50}};
    const auto started = stage.catalog->start("waiting", stage.account(2, true));
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().is(kStartFailed));
    CHECK(stage.http->requests.size() == 1);
    CHECK(stage.http->open_count() == 0);
}

TEST_CASE("blocking: a pure call that does not return is given up as soon as one of another style",
          "[plugin][blocking][B4]") {
    const syncline::test::TempDir gates;
    const auto gate = gates / "closed";  // its end lets the stuck thread go on
    write_file(gate, "");
    BlockingStage stage{2, std::chrono::milliseconds{200}};
    InstanceOptions options = stage.account(2);
    options.settings["gate"] = gate.string();
    const auto other =
        std::exchange(stage.instance, stage.catalog->start("waiting", options).value());
    const auto translate = [](Instance& asked) {
        auto request = std::make_shared<WebhookRequest>();
        request->body = "{}";
        Waiter<std::vector<Translation>> waiter;
        asked.translate({request}, waiter.callback());
        return waiter.get().at(0).failure.failure_class;
    };
    CHECK(translate(*stage.instance) == FailureClass::kPluginBug);
    CHECK(translate(*stage.instance) != FailureClass::kNone);  // at once: it is out of service
    CHECK(translate(*other) == FailureClass::kNone);           // on a thread of its own
    stage.catalog.reset();
}

TEST_CASE("blocking: a start that waits ends when the hub does", "[plugin][blocking]") {
    BlockingStage stage;
    std::stop_source ending;
    auto prepared = std::async(std::launch::async, [&] {
        std::vector<AccountWish> wishes{{"waiting", stage.account(2, true), nullptr}};
        return stage.catalog->prepare(std::move(wishes), ending.get_token()).has_value();
    });
    stage.http->wait();
    ending.request_stop();
    CHECK_FALSE(prepared.get());
    CHECK(stage.http->requests.size() == 1);
}
