// Records of which only the key came: read from their source at their turn.
#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;
using namespace std::chrono_literals;
using plugin::FailureClass;
using plugin::FetchKind;
using plugin::FetchResult;
using record::Operation;

namespace {

using Keys = std::vector<std::string>;

pipeline::DeliveryPolicy fetching(std::uint32_t batch_records, std::uint32_t concurrency = 1) {
    auto fetching = policy(batch_records, concurrency);
    fetching.timeout = 7s;
    return fetching;
}

std::string notification(const std::string& key) {
    return R"({"key":")" + key + R"(","fetch":true})";
}

FetchResult found(std::string body) {
    return {FetchKind::kFound, std::move(body), {}};
}
FetchResult absent() {
    return {FetchKind::kAbsent, "", {}};
}
FetchResult not_read(FailureClass failure_class, std::int64_t retry_after_ms = -1) {
    return {FetchKind::kFailed, "", {failure_class, "the source says no", "s1", retry_after_ms}};
}

}  // namespace

TEST_CASE("fetching: a key is read, and goes on as a record", "[pipeline][fetching]") {
    World world{{fetching(10)}, ".v + 1"};
    world.receive(notification("a"));
    auto fetch = world.source->next_fetch();
    CHECK(fetch.batch.stream == "s");
    CHECK(fetch.batch.timeout == 7s);
    CHECK(fetch.keys() == Keys{"a"});
    CHECK_FALSE(world.destination()->has_write());
    fetch.answer(found(R"({"v":1})"));
    auto write = world.destination()->next_write();
    CHECK(write.batch.records[0].key == "a");
    CHECK(write.batch.records[0].operation == Operation::kUpsert);
    CHECK(write.batch.records[0].body == R"({"mapped":2})");
    write.answer(done());
    world.until([&] { return world.ledger().delivered == 1; });

    world.receive(notification("a"));
    world.source->next_fetch().answer(found(R"({"v":1})"));
    world.until([&] { return world.ledger().unchanged == 1; });
    CHECK(world.ledger().balances());
}

TEST_CASE("fetching: what is absent is deleted where it was delivered", "[pipeline][fetching]") {
    World world{{fetching(10)}};
    world.receive(notification("a"));
    world.source->next_fetch().answer(absent());
    world.until([&] { return world.ledger().filtered == 1; });
    world.receive(record_of("a"));
    world.destination()->next_write().answer(done());
    world.receive(notification("a"));
    world.source->next_fetch().answer(absent());
    auto write = world.destination()->next_write();
    CHECK(write.batch.records[0].operation == Operation::kDelete);
    write.answer(done());
    world.until([&] { return world.ledger().delivered == 2; });
    world.receive(notification("a"));
    world.source->next_fetch().answer(absent());
    world.until([&] { return world.ledger().filtered == 2; });
    CHECK_FALSE(world.destination()->has_write());
}

TEST_CASE("fetching: keys are asked for together, within what the source takes",
          "[pipeline][fetching]") {
    World world{{fetching(10, 1)}};
    world.receive(notification("a"));
    auto first = world.source->next_fetch();
    for (const char* key : {"b", "c", "d"}) world.receive(notification(key));
    world.until([&] { return world.ledger().pending == 4; });
    CHECK_FALSE(world.source->has_fetch());  // one at a time, as `concurrency` says
    first.answer(found(R"({"v":1})"));
    auto second = world.source->next_fetch();
    CHECK(second.keys() == Keys{"b", "c"});
    second.done({found(R"({"v":2})"), not_read(FailureClass::kPermanent)});
    CHECK(world.source->next_fetch().keys() == Keys{"d"});
    world.until([&] { return world.ledger().dead == 1; });
    CHECK(world.letters().at(0).record->key == "c");
}

TEST_CASE("fetching: one that fails is tried again, or becomes a dead letter",
          "[pipeline][fetching]") {
    World world{{fetching(10)}};
    world.receive(notification("a"));
    world.source->next_fetch().answer(not_read(FailureClass::kTransient));
    world.until([&] {
        return world.ask([](store::State& state) { return *state.next_due(1, 0); }).has_value();
    });
    CHECK_FALSE(world.source->has_fetch());
    world.pass(2s);
    world.source->next_fetch().answer(not_read(FailureClass::kNotFound));
    world.until([&] { return world.ledger().dead == 1; });
    store::Letter letter = world.letters().at(0);
    CHECK(letter.row.attempts == 2);
    CHECK(letter.row.failure.failure_class == "not_found");
    CHECK(letter.row.failure.message == "the source says no");
    CHECK(letter.row.failure.provider_code == "s1");
    CHECK_FALSE(letter.row.is_unknown);
    world.replay(letter.id);
    world.source->next_fetch().answer(found(R"({"v":1})"));
    world.destination()->next_write().answer(done());
    world.until([&] { return world.ledger().delivered == 1; });
}

TEST_CASE("fetching: a platform's Retry-After holds all requests of the connection",
          "[pipeline][fetching]") {
    World world{{fetching(10)}};
    world.receive(notification("a"));
    world.source->next_fetch().answer(not_read(FailureClass::kRateLimited, 3'600'000));
    world.until([&] {
        return world.ask([](store::State& state) { return *state.next_due(1, 0); }).has_value();
    });
    world.receive(notification("b"));
    world.receive(record_of("c"));
    world.destination()->next_write().answer(done());  // nobody asked the destination to wait
    world.until([&] { return world.ledger().delivered == 1; });
    CHECK_FALSE(world.source->has_fetch());
    world.stop();
}

TEST_CASE("fetching: what was received before the request is older than what came",
          "[pipeline][fetching]") {
    World world{{fetching(10)}};
    world.receive(record_of("a", 1));
    auto write = world.destination()->next_write();
    world.receive(notification("a"));
    world.receive(record_of("a", 2));
    world.receive(notification("a"));  // would bring nothing newer
    world.until([&] { return world.ledger().pending == 4; });
    write.answer(done());
    auto fetch = world.source->next_fetch();
    world.receive(record_of("a", 4));  // may be newer
    fetch.answer(found(record_of("a", 3)));
    write = world.destination()->next_write();
    CHECK(write.batch.records[0].body == record_of("a", 3));
    write.answer(done());
    write = world.destination()->next_write();
    CHECK(write.batch.records[0].body == record_of("a", 4));
    write.answer(done());
    world.until([&] { return world.ledger().delivered == 3; });
    CHECK(world.ledger().superseded == 2);
    CHECK_FALSE(world.source->has_fetch());
    CHECK(world.ledger().balances());
}

TEST_CASE("fetching: what the stop cancels is no attempt", "[pipeline][fetching][stop]") {
    World world{{fetching(10)}};
    world.receive(notification("a"));
    auto fetch = world.source->next_fetch();
    world.pipeline->stop();
    CHECK_FALSE(world.pipeline->is_idle());
    fetch.answer(not_read(FailureClass::kCancelled));
    world.until([&] { return world.pipeline->is_idle(); });
    world.stop();
    world.start({fetching(10)}, "");
    world.source->next_fetch().answer(not_read(FailureClass::kPermanent));
    world.until([&] { return world.ledger().dead == 1; });
    CHECK(world.letters()[0].row.attempts == 1);
}
