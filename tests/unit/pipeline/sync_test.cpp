// Runs: a source is read page by page, and a run that is cut off goes on where it was.
#include "fixture.hpp"
#include "pipeline/errc.hpp"
#include "pipeline/page.hpp"

using namespace syncline;
using namespace syncline::test;
using namespace std::chrono_literals;
using pipeline::Sync;
using plugin::FailureClass;

namespace {

constexpr store::RouteId kSyncRoute = 2;

pipeline::DeliveryPolicy quick() {
    pipeline::DeliveryPolicy policy;
    policy.batch_wait = 0ms;
    policy.attempts_max = 3;
    policy.retry_base = 1ms;
    policy.retry_max = 1ms;
    policy.timeout = 7s;
    return policy;
}

struct Reading : World {
    Reading()
        : World{{quick()}, "", false, [](pipeline::ConnectionPlan& plan) {
                    plan.sync_route = kSyncRoute;
                }} {}

    Sync& run() { return *pipeline->sync("c1"); }
    // The next page that is asked for, from the cursor that is expected.
    FakeConnector::Read next_read(const std::string& cursor) {
        FakeConnector::Read read = source->next_read();
        CHECK(read.request.stream == "s");
        CHECK(read.request.cursor == cursor);
        CHECK(read.request.is_full);
        return read;
    }
    // A page of one record, which is delivered.
    void page(const std::string& from, const std::string& key, const std::string& next,
              bool has_more) {
        next_read(from).answer(page_of({key}, next, has_more));
        auto write = destination()->next_write();
        CHECK(write.keys() == std::vector<std::string>{key});
        write.answer(done());
    }
    Sync::Progress ended() {
        until([&] { return run().progress().stage != Sync::Stage::kRunning; });
        return run().progress();
    }
    void restart() {
        stop();
        source = std::make_shared<FakeConnector>();
        start({quick()}, "");
    }
    static plugin::ReadResult page_of(const std::vector<std::string>& keys, const std::string& next,
                                      bool has_more) {
        plugin::ReadResult result;
        for (const std::string& key : keys) {
            record::Record& record = result.records.emplace_back();
            record.stream = "s";
            record.key = key;
            record.body = record_of(key);
        }
        result.cursor = next;
        result.has_more = has_more;
        return result;
    }
    static plugin::ReadResult not_read(FailureClass failure_class) {
        plugin::ReadResult result;
        result.failure = {failure_class, "the source says no", "", -1};
        return result;
    }
};

}  // namespace

TEST_CASE("sync: each page begins where the one before ended, and all records are delivered",
          "[pipeline][sync]") {
    Reading world;
    CHECK(world.run().progress().stage == Sync::Stage::kIdle);
    REQUIRE(world.run().begin().has_value());
    world.page("", "a", "after a", true);
    world.page("after a", "b", "after b", true);
    world.next_read("after b").answer(Reading::page_of({}, "the end", false));

    const Sync::Progress progress = world.ended();
    CHECK(progress.stage == Sync::Stage::kDone);
    CHECK(progress.pages == 3);
    CHECK(progress.records == 2);
    CHECK_FALSE(progress.is_continued);
    world.until([&] { return world.ledger().delivered == 2; });
    CHECK(world.ledger().balances());

    REQUIRE(world.run().begin().has_value());
    world.next_read("").answer(Reading::page_of({"a", "b"}, "the end", false));
    CHECK(world.ended().pages == 1);
    world.until([&] { return world.ledger().unchanged == 2; });
    CHECK_FALSE(world.destination()->has_write());
}

TEST_CASE("sync: there is one run of a connection at a time", "[pipeline][sync]") {
    Reading world;
    REQUIRE(world.run().begin().has_value());
    auto read = world.next_read("");
    const auto second = world.run().begin();
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().is(pipeline::kSyncRunning));
    read.answer(Reading::page_of({}, "", false));
    CHECK(world.ended().stage == Sync::Stage::kDone);
    CHECK(world.run().begin().has_value());
    world.next_read("").answer(Reading::page_of({}, "", false));
}

TEST_CASE("sync: a run that was cut off goes on behind its last durable page", "[pipeline][sync]") {
    Reading world;
    REQUIRE(world.run().begin().has_value());
    world.page("", "a", "after a", true);
    auto open = world.next_read("after a");
    world.restart();
    open.answer(Reading::page_of({"lost"}, "elsewhere", true));

    REQUIRE(world.run().begin().has_value());
    world.page("after a", "b", "the end", false);
    const Sync::Progress progress = world.ended();
    CHECK(progress.stage == Sync::Stage::kDone);
    CHECK(progress.is_continued);
    CHECK(progress.pages == 2);
    CHECK(progress.records == 2);

    REQUIRE(world.run().begin().has_value());
    world.next_read("").answer(Reading::page_of({}, "", false));
    CHECK_FALSE(world.ended().is_continued);
}

TEST_CASE("sync: a page that comes after the end was asked for is given up", "[pipeline][sync]") {
    Reading world;
    REQUIRE(world.run().begin().has_value());
    auto read = world.next_read("");
    world.run().stop();
    read.answer(Reading::page_of({"a"}, "after a", true));
    const Sync::Progress progress = world.ended();
    CHECK(progress.stage == Sync::Stage::kFailed);
    CHECK(progress.failure == "it was stopped");
    CHECK(progress.pages == 0);
}

TEST_CASE("sync: a page that fails is repeated, and then the run fails and can be gone on with",
          "[pipeline][sync]") {
    Reading world;
    REQUIRE(world.run().begin().has_value());
    world.next_read("").answer(Reading::not_read(FailureClass::kTransient));
    world.page("", "a", "after a", true);
    for (int attempt = 0; attempt < 3; ++attempt)
        world.next_read("after a").answer(Reading::not_read(FailureClass::kRateLimited));
    Sync::Progress progress = world.ended();
    CHECK(progress.stage == Sync::Stage::kFailed);
    CHECK(progress.failure == "rate_limited: the source says no");
    CHECK(progress.pages == 1);

    REQUIRE(world.run().begin().has_value());
    world.next_read("after a").answer(Reading::not_read(FailureClass::kPermanent));
    CHECK(world.ended().failure == "permanent: the source says no");
}

TEST_CASE("sync: a cursor that is not known any more begins the run anew, a few times",
          "[pipeline][sync]") {
    Reading world;
    REQUIRE(world.run().begin().has_value());
    world.page("", "a", "after a", true);
    world.next_read("after a").answer(Reading::not_read(FailureClass::kCursorInvalid));
    for (int restart = 0; restart < 2; ++restart) {
        world.next_read("").answer(Reading::page_of({"a"}, "after a", true));
        world.next_read("after a").answer(Reading::not_read(FailureClass::kCursorInvalid));
    }
    world.next_read("").answer(Reading::page_of({"a"}, "after a", true));
    world.next_read("after a").answer(Reading::not_read(FailureClass::kCursorInvalid));
    const Sync::Progress progress = world.ended();
    CHECK(progress.stage == Sync::Stage::kFailed);
    CHECK(progress.restarts == 3);
    CHECK(progress.failure == "cursor_invalid: the source says no");
    world.until([&] { return world.ledger().unchanged == 3; });
}

TEST_CASE("sync: a page comes back as it was kept, and one that is damaged is refused",
          "[pipeline][sync]") {
    record::Record record;
    record.stream = "s";
    record.key = "k";
    record.operation = record::Operation::kDelete;
    record.occurred_ns = 0;
    record.parent_stream = "parents";
    record.parent_key = "p";
    const std::string bytes =
        pipeline::encode_page({record, {"s", {}, "l", R"({"n":1.0})", {}, "", ""}});

    CHECK_FALSE(pipeline::decode_page(bytes).has_value());  // an operation that is none
    const std::string whole = pipeline::encode_page(
        {record, {"s", record::Operation::kUpsert, "l", R"({"n":1.0})", {}, "", ""}});
    const auto records = pipeline::decode_page(whole);
    REQUIRE(records.has_value());
    REQUIRE(records->size() == 2);
    CHECK(records->at(0).operation == record::Operation::kDelete);
    CHECK(records->at(0).occurred_ns == 0);
    CHECK(records->at(0).parent_key == "p");
    CHECK(records->at(1).body == R"({"n":1.0})");
    CHECK_FALSE(records->at(1).occurred_ns.has_value());

    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK_FALSE(pipeline::decode_page(whole.substr(0, size)).has_value());
    CHECK_FALSE(pipeline::decode_page(whole + "x").has_value());
}
