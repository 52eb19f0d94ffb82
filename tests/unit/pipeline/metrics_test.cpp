#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;
using namespace std::chrono_literals;
using plugin::FailureClass;

namespace {

const pipeline::DeliveryMetrics& metrics(const World& world) {
    return world.pipeline->deliveries().at(0)->metrics();
}

std::uint64_t failures(const World& world, std::string_view failure_class) {
    for (std::size_t i = 0; i < pipeline::kAttemptClasses.size(); ++i) {
        if (pipeline::kAttemptClasses[i] == failure_class)
            return metrics(world).failures[i].value();
    }
    FAIL("there is no such class");
    return 0;
}

}  // namespace

TEST_CASE("delivery metrics: latency runs from the event to its delivery, across attempts",
          "[pipeline][metrics]") {
    World world;
    auto platform = world.destination();
    world.receive(record_of("a"));
    platform->next_write().answer(failed(FailureClass::kTransient));
    world.until([&] {
        return world.ask([&](store::State& state) { return *state.next_due(1, 0); }).has_value();
    });
    CHECK(failures(world, "transient") == 1);
    CHECK(metrics(world).latency.read().count == 0);
    world.pass(40s);
    platform->next_write().answer(done());
    world.until([&] { return world.ledger().delivered == 1; });
    const core::Histogram::Snapshot latency = metrics(world).latency.read();
    CHECK(latency.count == 1);
    CHECK(latency.sum == Approx(40));
    CHECK(metrics(world).batch_records.read().count == 2);
    CHECK(metrics(world).batch_records.read().sum == 2);
}

TEST_CASE("delivery metrics: each class of failure is counted by its name", "[pipeline][metrics]") {
    World world;
    auto platform = world.destination();
    const std::pair<plugin::Outcome, const char*> cases[] = {
        {failed(FailureClass::kPermanent), "permanent"},
        {failed(FailureClass::kNotFound), "not_found"},
        {of_kind(plugin::OutcomeKind::kUnknown), "unknown"},
        {of_kind(plugin::OutcomeKind::kNotAttempted), "not_attempted"}};
    int key = 0;
    for (const auto& [outcome, name] : cases) {
        CAPTURE(name);
        world.receive(record_of("k" + std::to_string(++key)));
        platform->next_write().answer(outcome);
        world.until([&] { return failures(world, name) == 1; });
        CHECK(failures(world, "other") == 0);
    }
}

TEST_CASE("delivery metrics: a mapping that fails is a failed attempt", "[pipeline][metrics]") {
    World world{{pipeline::DeliveryPolicy{}}, R"(.v + "x")"};
    world.receive(record_of("a"));
    world.until([&] { return world.ledger().dead == 1; });
    CHECK(failures(world, "mapping") == 1);
}

TEST_CASE("delivery metrics: every class of a connector has its name", "[pipeline][metrics]") {
    for (int number = 1; number <= static_cast<int>(FailureClass::kStale); ++number) {
        pipeline::DeliveryMetrics counted;
        counted.count_failure(plugin::to_string(static_cast<FailureClass>(number)));
        CAPTURE(number);
        CHECK(counted.failures.back().value() == 0);
    }
    pipeline::DeliveryMetrics counted;
    counted.count_failure("what nobody knows");
    CHECK(counted.failures.back().value() == 1);
}
