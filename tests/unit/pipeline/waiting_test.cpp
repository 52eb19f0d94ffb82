// Connections of an account that a person has to authorise anew.
#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;
using namespace std::chrono_literals;
using plugin::FailureClass;
using plugin::OutcomeKind;

namespace {

struct WaitingWorld {
    explicit WaitingWorld(const std::string& stream = "d") : stream_(stream) {}

    std::atomic<bool> is_waiting{false};

  private:
    std::string stream_;

    static pipeline::DeliveryPolicy policy() {
        pipeline::DeliveryPolicy policy;
        policy.attempts_max = 1;  // the one attempt must not be lost
        policy.batch_wait = 1h;
        return policy;
    }

  public:
    World world{{policy()}, "", false, [this](pipeline::ConnectionPlan& plan) {
                    plan.destination_stream = stream_;
                    plan.is_waiting = [this] { return is_waiting.load(); };
                }};

    void release() {
        is_waiting = false;
        world.store->wake();
    }
};

}  // namespace

TEST_CASE("waiting: nothing goes out until the account is back", "[pipeline][waiting][C15]") {
    WaitingWorld waiting;
    World& world = waiting.world;
    waiting.is_waiting = true;
    for (const char* key : {"a", "b", "c"}) world.receive(record_of(key, 1));
    world.until([&] { return world.ledger().pending == 3; });
    world.pass(24h);
    world.ledger();
    CHECK_FALSE(world.destination()->has_write());
    waiting.release();
    auto write = world.destination()->next_write();
    CHECK(write.keys() == std::vector<std::string>{"a", "b", "c"});
    write.answer(done());
    world.until([&] { return world.ledger().delivered == 3; });
    CHECK(world.ledger().balances());
}

TEST_CASE("waiting: what was out when the account was lost keeps its attempts",
          "[pipeline][waiting][C15]") {
    WaitingWorld waiting;
    World& world = waiting.world;
    world.receive(record_of("a", 1));
    auto write = world.destination()->next_write();
    waiting.is_waiting = true;
    write.answer(GENERATE(failed(FailureClass::kAuthExpired), failed(FailureClass::kAuthDenied),
                          failed(FailureClass::kTransient), of_kind(OutcomeKind::kNotAttempted)));
    world.until([&] { return world.pipeline->is_idle(); });
    CHECK(world.ledger().pending == 1);
    CHECK(world.ledger().dead == 0);
    CHECK_FALSE(world.destination()->has_write());
    waiting.release();
    write = world.destination()->next_write();
    CHECK(write.keys() == std::vector<std::string>{"a"});
    write.answer(failed(FailureClass::kTransient));  // now it counts
    world.until([&] { return world.ledger().dead == 1; });
    CHECK(world.letters().at(0).row.attempts == 1);
    CHECK(world.ledger().balances());
}

TEST_CASE("waiting: what may have had an effect counts as an attempt all the same",
          "[pipeline][waiting][C15]") {
    WaitingWorld waiting;
    World& world = waiting.world;
    world.receive(record_of("a", 1));
    auto write = world.destination()->next_write();
    waiting.is_waiting = true;
    write.answer(of_kind(OutcomeKind::kUnknown));
    world.until([&] { return world.ledger().dead == 1; });
    CHECK(world.ledger().balances());
}

TEST_CASE("waiting: of a chain, what was not delivered goes back in its order",
          "[pipeline][waiting][C15]") {
    WaitingWorld waiting{"ordered"};
    World& world = waiting.world;
    waiting.is_waiting = true;
    for (int version : {1, 2, 3}) world.receive(record_of("a", version));
    world.until([&] { return world.ledger().pending == 3; });
    waiting.release();
    auto write = world.destination()->next_write();
    REQUIRE(write.batch.records.size() == 3);
    waiting.is_waiting = true;
    const plugin::Outcome untouched = of_kind(OutcomeKind::kNotAttempted);
    write.done({{done(), failed(FailureClass::kAuthExpired), untouched}});
    world.until([&] { return world.ledger().delivered == 1 && world.pipeline->is_idle(); });
    CHECK(world.ledger().pending == 2);
    waiting.release();
    write = world.destination()->next_write();
    REQUIRE(write.batch.records.size() == 2);
    CHECK(write.batch.records[0].body == record_of("a", 2));
    CHECK(write.batch.records[1].body == record_of("a", 3));
    write.answer(done());
    world.until([&] { return world.ledger().delivered == 3; });
    CHECK(world.ledger().balances());
}

TEST_CASE("waiting: a record that could not be fetched is fetched later",
          "[pipeline][waiting][C15]") {
    WaitingWorld waiting;
    World& world = waiting.world;
    world.receive(R"({"key":"a","fetch":true})");
    auto fetch = world.source->next_fetch();
    waiting.is_waiting = true;
    plugin::FetchResult refused;
    refused.failure.failure_class = FailureClass::kAuthExpired;
    fetch.answer(refused);
    world.until([&] { return world.pipeline->is_idle(); });
    CHECK(world.ledger().pending == 1);
    waiting.release();
    fetch = world.source->next_fetch();
    plugin::FetchResult found;
    found.kind = plugin::FetchKind::kFound;
    found.body = record_of("a", 1);
    fetch.answer(found);
    auto write = world.destination()->next_write();
    write.answer(done());
    world.until([&] { return world.ledger().delivered == 1; });
    CHECK(world.ledger().balances());
}
