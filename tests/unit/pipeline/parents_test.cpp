// Records that wait for their parent, from the translation to the destination.
#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;
using plugin::FailureClass;

namespace {

// Connection 1 brings the members, 2 and 3 bring the parents, 2 to another account.
void members_and_parents(pipeline::ConnectionPlan& plan) {
    plan.source_account = "source";
    plan.destination_account = plan.id == 2 ? "elsewhere" : "here";
    if (plan.id != 1) plan.source_stream = "parents";
}

std::string member_of(const std::string& parent, const std::string& key) {
    return R"({"key":")" + key + R"(","parent":")" + parent + "\"}";
}

std::string parent_of(const std::string& key) {
    return R"({"key":")" + key + R"(","stream":"parents"})";
}

}  // namespace

TEST_CASE("parents: a member waits for its list and is written with the list's key",
          "[pipeline][parents]") {
    World world{{{}, {}, {}}, "", false, members_and_parents};
    world.receive(member_of("list", "a"));
    world.until([&] { return world.ledger(1).parked == 1; });
    world.receive(parent_of("list"));
    // What the other account has does not matter.
    world.destination(2)->next_write().answer(done("e-1"));
    world.until([&] { return world.ledger(2).delivered == 1; });
    CHECK(world.ledger(1).parked == 1);
    auto list = world.destination(3)->next_write();
    CHECK(list.batch.records[0].parent_key.empty());
    list.answer(failed(FailureClass::kPermanent));
    world.until([&] { return world.ledger(3).dead == 1; });
    CHECK(world.ledger(1).parked == 1);
    world.replay(world.letters()[0].id);
    world.destination(3)->next_write().answer(done("h-1"));
    auto member = world.destination(1)->next_write();
    CHECK(member.keys() == std::vector<std::string>{"a"});
    CHECK(member.batch.records[0].parent_key == "h-1");
    member.answer(done());
    world.until([&] { return world.ledger(1).delivered == 1; });
    CHECK(world.ledger(1).parked == 0);
}

TEST_CASE("parents: without a connection for it, nobody waits", "[pipeline][parents]") {
    World world{{{}, {}}, "", false, members_and_parents};
    world.receive(member_of("list", "a"));
    auto member = world.destination(1)->next_write();
    CHECK(member.batch.records[0].parent_key.empty());
    member.answer(done());
    world.until([&] { return world.ledger(1).delivered == 1; });
}
