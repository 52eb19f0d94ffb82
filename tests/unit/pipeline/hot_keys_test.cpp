// Many records of one key: merged where the source allows it, several in a batch where the
// destination does.
#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;
using namespace std::chrono_literals;
using plugin::FailureClass;
using plugin::OutcomeKind;

namespace {

void ordered(pipeline::ConnectionPlan& plan) {
    plan.destination_stream = "ordered";
}

std::vector<std::string> bodies_of(const FakeConnector::Write& write) {
    std::vector<std::string> bodies;
    for (const auto& record : write.batch.records) bodies.push_back(record.body);
    return bodies;
}

// Versions of key `a`.
std::vector<std::string> versions(std::vector<int> numbers) {
    std::vector<std::string> bodies;
    for (int number : numbers) bodies.push_back(record_of("a", number));
    return bodies;
}

// Version 1 is on its way, these wait behind it.
FakeConnector::Write behind_one(World& world, const std::vector<int>& numbers) {
    world.receive(record_of("a", 1));
    auto write = world.destination()->next_write();
    for (int number : numbers) world.receive(record_of("a", number));
    world.until([&] { return world.ledger().pending == numbers.size() + 1; });
    return write;
}

}  // namespace

TEST_CASE("hot keys: of what waits for a slow destination, the newest goes out",
          "[pipeline][merging]") {
    World world{{policy(10)}, "", false, [](auto& plan) { plan.source_stream = "merging"; }};
    auto version = [](int number) {
        return R"({"key":"a","stream":"merging","v":)" + std::to_string(number) + "}";
    };
    world.receive(version(1));
    auto write = world.destination()->next_write();
    for (int number = 2; number <= 50; ++number) world.receive(version(number));
    world.until([&] { return world.ledger().superseded == 48; });
    CHECK(world.ledger().pending == 2);
    write.answer(done());
    write = world.destination()->next_write();
    CHECK(write.batch.records[0].body == version(50));
    write.answer(done());
    world.until([&] { return world.ledger().delivered == 2; });
    CHECK(world.ledger().balances());
}

TEST_CASE("hot keys: consecutive records of a key go out in one batch, in order",
          "[pipeline][chains]") {
    World world{{policy(3, 4)}, "", false, ordered};
    auto write = behind_one(world, {2, 3, 4, 5});
    CHECK_FALSE(world.destination()->has_write());
    write.answer(done("d-1"));
    write = world.destination()->next_write();
    CHECK(bodies_of(write) == versions({2, 3, 4}));
    for (const auto& record : write.batch.records) {
        CHECK(record.destination_key == "d-1");
        CHECK(record.was_delivered);
    }
    CHECK_FALSE(world.destination()->has_write());
    write.answer(done());
    write = world.destination()->next_write();
    CHECK(bodies_of(write) == versions({5}));
    write.answer(done());
    world.until([&] { return world.ledger().delivered == 5; });
    world.receive(record_of("a", 5));
    world.until([&] { return world.ledger().unchanged == 1; });
    CHECK(world.ledger().balances());
}

TEST_CASE("hot keys: other keys share the batch", "[pipeline][chains]") {
    World world{{policy(10, 1)}, "", false, ordered};
    behind_one(world, {2, 3});
    for (const char* key : {"b", "c"}) world.receive(record_of(key));
    world.until([&] { return world.ledger().pending == 5; });
    world.stop();
    world.start({policy(10, 1)}, "");  // now everything is taken at once
    auto write = world.destination()->next_write();
    CHECK(write.keys() == std::vector<std::string>{"a", "a", "a", "b", "c"});
    CHECK_FALSE(write.batch.records[0].was_delivered);
    CHECK(write.batch.records[1].was_delivered);
    write.answer(done());
    world.until([&] { return world.ledger().delivered == 5; });
}

TEST_CASE("hot keys: what follows a failure was not attempted", "[pipeline][chains]") {
    World world{{policy(10, 4)}, "", false, ordered};
    behind_one(world, {2, 3, 4, 5}).answer(done());
    auto write = world.destination()->next_write();
    REQUIRE(bodies_of(write) == versions({2, 3, 4, 5}));
    auto is_unknown = [&] {
        return world.ask([](store::State& state) {
            const std::optional<store::KeyMapRow> row = *state.key_map(1, store::lane_key("a"));
            return row.has_value() && row->is_unknown;
        });
    };
    SECTION("and is known to have had no effect") {
        write.done({{done(), failed(FailureClass::kTransient), of_kind(OutcomeKind::kNotAttempted),
                     failed(FailureClass::kPermanent)}});
        world.until([&] { return world.ledger().delivered == 2; });
        CHECK(world.ledger().pending == 3);
        CHECK_FALSE(is_unknown());
    }
    SECTION("or may have had one, whatever the connector says") {
        write.done({{done(), failed(FailureClass::kTransient), of_kind(OutcomeKind::kNotAttempted),
                     done()}});
        world.until([&] { return world.ledger().delivered == 2; });
        CHECK(world.ledger().pending == 3);
        CHECK(is_unknown());
    }
    CHECK(world.ledger().dead == 0);
    CHECK_FALSE(world.destination()->has_write());
    world.pass(2s);
    write = world.destination()->next_write();
    CHECK(bodies_of(write) == versions({3, 4, 5}));
    write.answer(done());
    world.until([&] { return world.ledger().delivered == 5; });
    CHECK_FALSE(is_unknown());
}

TEST_CASE("hot keys: what follows a dead record goes on", "[pipeline][chains]") {
    World world{{policy(10, 4)}, "", false, ordered};
    behind_one(world, {2, 3, 4}).answer(done());
    world.destination()->next_write().answer(failed(FailureClass::kPermanent));
    auto write = world.destination()->next_write();
    CHECK(bodies_of(write) == versions({3, 4}));
    CHECK(world.ledger().dead == 1);
    write.answer(done());
    world.until([&] { return world.ledger().delivered == 3; });
    CHECK(world.ledger().balances());
}

TEST_CASE("hot keys: what does not fit the batch does not overtake it", "[pipeline][chains]") {
    pipeline::DeliveryPolicy small = policy(10, 4);
    small.batch_bytes = 2 * static_cast<std::uint32_t>(record_of("a", 1).size());
    World world{{small}, "", false, ordered};
    behind_one(world, {2, 3, 4, 5, 6}).answer(done());
    for (std::vector<int> numbers : {std::vector{2, 3}, std::vector{4, 5}, std::vector{6}}) {
        auto write = world.destination()->next_write();
        CHECK(bodies_of(write) == versions(numbers));
        CHECK_FALSE(world.destination()->has_write());
        write.answer(done());
    }
    world.until([&] { return world.ledger().delivered == 6; });
}

TEST_CASE("hot keys: each is compared with what the one before leaves", "[pipeline][chains]") {
    World world{{policy(10, 4)}, "", false, ordered};
    behind_one(world, {1, 2, 2, 1}).answer(done());
    // 1 is what is there already; the second 2 is settled when the first is.
    auto write = world.destination()->next_write();
    CHECK(bodies_of(write) == versions({2}));
    world.until([&] { return world.ledger().unchanged == 1; });
    write.answer(done());
    write = world.destination()->next_write();
    CHECK(bodies_of(write) == versions({1}));
    world.until([&] { return world.ledger().unchanged == 2; });
    write.answer(done());
    world.until([&] { return world.ledger().delivered == 3; });
    CHECK(world.ledger().balances());
}

TEST_CASE("hot keys: a chain without anything to write ends as well", "[pipeline][chains]") {
    World world{{policy(10, 4)}, "", false, ordered};
    behind_one(world, {1, 1, 1}).answer(done());
    world.until([&] { return world.ledger().unchanged == 3; });
    world.receive(record_of("a", 2));
    world.destination()->next_write().answer(done());
    world.until([&] { return world.ledger().delivered == 2; });
}

TEST_CASE("hot keys: what was on its way is sent again at the next start, in order",
          "[pipeline][chains][stop]") {
    World world{{policy(10)}, "", false, ordered};
    behind_one(world, {2, 3, 4}).answer(done());
    auto write = world.destination()->next_write();
    world.stop();
    write.answer(done());  // too late
    world.start({policy(10)}, "");
    write = world.destination()->next_write();
    CHECK(bodies_of(write) == versions({2, 3, 4}));
    write.answer(done());
    world.until([&] { return world.ledger().delivered == 4; });
}
