// Other plans take over while records are on their way.
#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;
using namespace std::chrono_literals;
using plugin::FailureClass;
using plugin::OutcomeKind;

namespace {

struct ChangingWorld {
    static pipeline::DeliveryPolicy policy() {
        pipeline::DeliveryPolicy policy;
        policy.batch_wait = 0ms;
        policy.batch_records = 1;
        policy.concurrency = 1;
        return policy;
    }

    World world{{policy()}, "", false, [](pipeline::ConnectionPlan& plan) { plan.revision = "1"; }};

    // The same connection, with a mapping that says which one it is.
    pipeline::ConnectionPlan plan(const std::string& revision, const std::string& stream = "d") {
        pipeline::ConnectionPlan plan;
        plan.id = 1;
        plan.name = "c1";
        plan.route = 1;
        plan.source_stream = "s";
        plan.destination_stream = stream;
        plan.policy = policy();
        plan.source = world.source;
        plan.destination = world.destination();
        plan.revision = revision;
        auto program = expr::Program::compile("\"" + revision + "\"", {"syncline.yaml", 1, 1});
        REQUIRE(program.has_value());
        plan.map.emplace_back("by", std::move(*program));
        return plan;
    }
    void change(std::vector<pipeline::ConnectionPlan> connections,
                std::vector<pipeline::RoutePlan> routes,
                std::set<const plugin::Instance*> ending = {}) {
        auto promise = std::make_shared<std::promise<void>>();
        auto changed = promise->get_future();
        world.pipeline->change({std::move(routes), std::move(connections)}, std::move(ending),
                               [promise] { promise->set_value(); });
        REQUIRE(changed.wait_for(kPatience) == std::future_status::ready);
    }
    void change_to(const std::string& revision) {
        std::vector<pipeline::ConnectionPlan> connections;
        connections.push_back(plan(revision));
        change(std::move(connections), world.routes());
    }
    void receive_on(store::RouteId route, std::string body) {
        store::Received event;
        event.route = route;
        event.received_ns = world.clock.wall_ns();
        event.method = "POST";
        event.body = store::Body::inline_text(std::move(body));
        REQUIRE(world.store->append_event(std::move(event), {}).has_value());
    }
    void await_end_of(const plugin::Instance& instance) {
        world.until([&] {
            world.store->wake();
            world.ledger();
            return !world.pipeline->is_left(instance);
        });
    }
};

std::string body_of(const FakeConnector::Write& write) {
    return write.batch.records.at(0).body;
}

}  // namespace

TEST_CASE("change: what is out ends by the old plan, what waits goes by the new one",
          "[pipeline][reload]") {
    ChangingWorld changing;
    World& world = changing.world;
    for (const char* key : {"a", "b", "c"}) world.receive(record_of(key, 1));
    auto out = world.destination()->next_write();
    CHECK(body_of(out) == record_of("a", 1));
    world.until([&] { return world.ledger().pending == 3; });
    changing.change_to("2");
    CHECK(world.pipeline->is_left(*world.destination()));
    out.answer(done());
    for (int count = 2; count > 0; --count) {
        auto write = world.destination()->next_write();
        CHECK(body_of(write) == R"({"by":"2"})");
        write.answer(done());
    }
    world.until([&] { return world.ledger().delivered == 3; });
    changing.await_end_of(*world.destination());
    CHECK(world.ledger().balances());
}

TEST_CASE("change: records of a key stay in their order", "[pipeline][reload]") {
    ChangingWorld changing;
    World& world = changing.world;
    for (int version : {1, 2, 3}) world.receive(record_of("a", version));
    auto first = world.destination()->next_write();
    world.until([&] { return world.ledger().pending == 3; });
    changing.change_to("2");
    world.pass(1h);
    world.ledger();
    CHECK_FALSE(world.destination()->has_write());  // the first is still out
    first.answer(done());
    auto second = world.destination()->next_write();
    CHECK(body_of(second) == R"({"by":"2"})");
    second.answer(done());
    world.until([&] { return world.ledger().pending == 0; });
    CHECK(world.ledger().delivered == 2);
    CHECK(world.ledger().unchanged == 1);  // the mapping says the same of all
    CHECK(world.ledger().balances());
}

TEST_CASE("change: a batch that is being filled goes back, and by the new plan",
          "[pipeline][reload]") {
    ChangingWorld changing;
    World& world = changing.world;
    pipeline::ConnectionPlan slow = changing.plan("slow");
    slow.policy.batch_records = 100;
    slow.policy.batch_wait = 1h;
    std::vector<pipeline::ConnectionPlan> connections;
    connections.push_back(std::move(slow));
    changing.change(std::move(connections), world.routes());
    for (const char* key : {"a", "b"}) world.receive(record_of(key, 1));
    world.until([&] { return world.ledger().pending == 2; });
    world.source->is_holding = true;  // more may come: the batch waits, or has gone out before
    world.receive(record_of("c", 1));
    world.until([&] { return world.source->has_held(); });
    changing.change_to("2");
    std::size_t count = 0;
    while (count < 2) {
        auto write = world.destination()->next_write();
        count += write.batch.records.size();
        write.answer(done());
    }
    world.until([&] { return world.ledger().delivered == 2; });
    world.source->release();
    world.destination()->next_write().answer(done());
    world.until([&] { return world.ledger().delivered == 3; });
    CHECK(world.ledger().balances());
}

TEST_CASE("change: a plan of the same revision is not touched", "[pipeline][reload]") {
    ChangingWorld changing;
    World& world = changing.world;
    const auto before = world.pipeline->deliveries();
    changing.change_to("1");
    CHECK(world.pipeline->deliveries() == before);
    changing.change_to("2");
    CHECK(world.pipeline->deliveries() != before);
    CHECK(world.pipeline->deliveries().at(0)->shared_metrics() == before.at(0)->shared_metrics());
}

TEST_CASE("change: records of a connection that is gone stay in their lanes and come out again",
          "[pipeline][reload]") {
    ChangingWorld changing;
    World& world = changing.world;
    for (const char* key : {"a", "b"}) world.receive(record_of(key, 1));
    auto out = world.destination()->next_write();
    world.until([&] { return world.ledger().pending == 2; });
    changing.change({}, world.routes());
    out.answer(done());
    changing.await_end_of(*world.destination());
    world.pass(24h);
    CHECK(world.ledger().pending == 1);
    CHECK_FALSE(world.destination()->has_write());
    changing.change_to("3");
    auto write = world.destination()->next_write();
    CHECK(body_of(write) == R"({"by":"3"})");
    write.answer(done());
    world.until([&] { return world.ledger().delivered == 2; });
    CHECK(world.ledger().balances());
}

TEST_CASE("change: events of a route that is gone are translated, unless their source ends",
          "[pipeline][reload]") {
    const bool is_ending = GENERATE(false, true);
    ChangingWorld changing;
    World& world = changing.world;
    std::vector<pipeline::ConnectionPlan> connections;
    connections.push_back(changing.plan("1"));
    connections.back().route = 0;
    std::set<const plugin::Instance*> ending;
    if (is_ending) ending.insert(world.source.get());
    changing.change(std::move(connections), {}, ending);
    world.receive(record_of("a", 1));
    if (is_ending) {
        world.until([&] { return world.route().pending == 1; });
        world.pass(1h);
        world.ledger();
        CHECK(world.route().pending == 1);
        changing.change_to("1");
    }
    world.destination()->next_write().answer(done());
    world.until([&] { return world.ledger().delivered == 1; });
    CHECK(world.route().balances());
}

TEST_CASE("change: a route's next translator begins when the old one has given its last",
          "[pipeline][reload]") {
    ChangingWorld changing;
    World& world = changing.world;
    world.source->is_holding = true;
    world.receive(record_of("a", 1));
    world.until([&] { return world.source->has_held(); });
    auto other = std::make_shared<FakeConnector>();
    std::vector<pipeline::RoutePlan> routes{{1, "r", other, false, false},
                                            {3, "second", other, false, false}};
    std::vector<pipeline::ConnectionPlan> connections;
    connections.push_back(changing.plan("2"));
    connections.back().source = other;
    connections.back().sync_route = 3;
    changing.change(std::move(connections), std::move(routes));
    world.receive(record_of("a", 2));
    changing.receive_on(3, record_of("b", 1));
    auto write = world.destination()->next_write();  // of the other route, which waits for nobody
    CHECK(write.keys() == std::vector<std::string>{"b"});
    CHECK(world.route().translated == 0);
    CHECK(world.pipeline->is_left(*world.source));
    write.answer(done());
    world.source->release();
    world.destination()->next_write().answer(done());
    world.until([&] { return world.route().translated == 2 && world.ledger().pending == 0; });
    changing.await_end_of(*world.source);
    CHECK(world.ledger().superseded == 0);
    CHECK(world.ledger().balances());
}

TEST_CASE("change: a platform that fails keeps nothing from another plan", "[pipeline][reload]") {
    ChangingWorld changing;
    World& world = changing.world;
    world.receive(record_of("a", 1));
    world.destination()->next_write().answer(failed(FailureClass::kTransient));
    world.until([&] { return world.pipeline->is_idle(); });
    changing.change_to("2");
    world.pass(24h);
    auto write = world.destination()->next_write();
    CHECK(body_of(write) == R"({"by":"2"})");
    write.answer(done());
    world.until([&] { return world.ledger().delivered == 1; });
    CHECK(world.ledger().balances());
}

TEST_CASE("change: of a chain in an ordered batch, the rest goes back in its order",
          "[pipeline][reload]") {
    ChangingWorld changing;
    World& world = changing.world;
    const auto ordered = [&](const std::string& revision) {
        pipeline::ConnectionPlan plan = changing.plan(revision, "ordered");
        plan.policy.batch_records = 2;
        plan.map.clear();
        std::vector<pipeline::ConnectionPlan> connections;
        connections.push_back(std::move(plan));
        return connections;
    };
    changing.change(ordered("2"), world.routes());
    for (int version : {1, 2, 3, 4, 5}) world.receive(record_of("a", version));
    auto write = world.destination()->next_write();
    world.until([&] { return world.ledger().pending == 5; });
    changing.change(ordered("3"), world.routes());
    int version = 0;
    while (version < 5) {
        for (const auto& record : write.batch.records)
            CHECK(record.body == record_of("a", ++version));
        write.answer(done());
        if (version < 5) write = world.destination()->next_write();
    }
    world.until([&] { return world.ledger().delivered == 5; });
    CHECK(world.ledger().balances());
}
