// Records that wait until their parent is at the destination.
#include "record/diff.hpp"
#include "samples.hpp"
#include "store/repair.hpp"

using namespace syncline;
using namespace syncline::store;

namespace {

constexpr ConnectionId kLists = 21;  // brings the parents to where kCrm brings the children

TranslatedRecord child_of(const std::string& parent, std::string key) {
    TranslatedRecord made = to_deliver(std::move(key));
    made.parent_key = parent;
    made.targets = {{kCrm, kLists}};
    return made;
}

Position receive(StateUnderTest& test, std::vector<TranslatedRecord> records) {
    Position at = test.apply(received());
    test.apply(Translated{kRoute, at, std::move(records)});
    return at;
}

Settled deleted(const LaneHead& head) {
    Settled fact = result_of(head, Settlement::kDelivered);
    fact.row_hash = record::deleted_hash();
    return fact;
}

// The parent of this key arrives at its destination, and gets a key there.
void bring(StateUnderTest& test, const std::string& parent) {
    test.event({parent}, {kLists});
    Settled fact = result_of(test.take(kLists).at(0), Settlement::kDelivered);
    fact.destination_key = "d-" + parent;
    test.apply(fact);
}

using Keys = std::vector<std::string>;

}  // namespace

TEST_CASE("parents: a lane is parked until the parent of its head is there", "[store][parents]") {
    StateUnderTest test;
    receive(test, {child_of("list", "b"), child_of("list", "a"), child_of("list", "a"),
                   child_of("other", "c"), to_deliver("free")});
    CHECK(keys_of(test.take()) == Keys{"free"});
    CHECK_FALSE(test.state->has_ready(kCrm, 0).value());
    CHECK(test.ledger().parked == 4);  // what stands behind a parked head waits as well
    CHECK(test.ledger().pending == 1);
    CHECK(test.ledger().balances());
    receive(test, {to_deliver("b")});
    CHECK(test.ledger().parked == 5);
    test.restart();
    bring(test, "list");
    CHECK(test.ledger().parked == 1);
    CHECK(test.ledger().balances());
    CHECK(test.rows(Table::kParked) == 1);
    auto heads = test.take();
    CHECK(keys_of(heads) == Keys{"b", "a", "free"});  // as they were received
    CHECK(heads[0].parent_destination_key == "d-list");
    CHECK(heads[2].parent_destination_key.empty());
    bring(test, "other");
    CHECK(keys_of(test.take()) == Keys{"c"});
    CHECK(test.ledger().parked == 0);
}

TEST_CASE("parents: one that is there lets everything pass, at the head or later",
          "[store][parents]") {
    StateUnderTest test;
    bring(test, "list");
    receive(test, {child_of("list", "a"), child_of("late", "a"), child_of("list", "a")});
    auto heads = test.take();
    REQUIRE(heads.size() == 1);
    CHECK(test.ledger().parked == 0);
    test.apply(result_of(heads[0], Settlement::kDelivered));
    CHECK(test.ledger().parked == 2);  // the next of the lane has another parent
    CHECK(test.ledger().balances());
    CHECK(test.take().empty());
    bring(test, "late");
    heads = test.take();
    REQUIRE(heads.size() == 1);
    CHECK(heads[0].parent_destination_key == "d-late");
}

TEST_CASE("parents: only what the destination has counts as there", "[store][parents]") {
    StateUnderTest test;
    receive(test, {child_of("list", "a")});
    for (Settlement how : {Settlement::kFiltered, Settlement::kSuperseded, Settlement::kDead}) {
        test.event({"list"}, {kLists});
        test.apply(result_of(test.take(kLists).at(0), how));
        CHECK(test.ledger().parked == 1);
    }
    test.event({"list"}, {kLists});
    Settled unknown = result_of(test.take(kLists).at(0), Settlement::kRetry);
    unknown.is_unknown = true;
    unknown.due_ns = 1;
    test.apply(unknown);
    CHECK(test.ledger().parked == 1);
    test.apply(deleted(test.take(kLists, 1, 1).at(0)));
    CHECK(test.ledger().parked == 1);
    test.event({"list"}, {kLists});
    test.apply(result_of(test.take(kLists).at(0), Settlement::kUnchanged));
    CHECK(test.ledger().parked == 0);
    CHECK(test.take().size() == 1);
}

TEST_CASE("parents: what was deleted is waited for again, but not by a deletion",
          "[store][parents]") {
    StateUnderTest test;
    bring(test, "list");
    test.event({"list"}, {kLists});
    test.apply(deleted(test.take(kLists).at(0)));
    TranslatedRecord removal = child_of("list", "gone");
    removal.operation = record::Operation::kDelete;
    TranslatedRecord early = child_of("later", "early");
    early.operation = record::Operation::kDelete;
    receive(test, {child_of("list", "a"), removal, early});
    auto heads = test.take();
    CHECK(keys_of(heads) == Keys{"gone"});
    CHECK(heads[0].parent_destination_key == "d-list");
    CHECK(test.ledger().parked == 2);
    bring(test, "list");
    bring(test, "later");
    CHECK(test.take().size() == 2);
}

TEST_CASE("parents: nothing waits for itself, nor without a connection for the parent",
          "[store][parents]") {
    StateUnderTest test;
    TranslatedRecord own = child_of("a", "a");
    own.targets = {{kCrm, kCrm}};
    TranslatedRecord none = child_of("list", "b");
    none.targets = {{kCrm, 0}, {kShop, kLists}};
    receive(test, {own, none});
    CHECK(test.take().size() == 2);
    CHECK(test.take(kShop).empty());
    CHECK(test.ledger(kShop).parked == 1);
}

TEST_CASE("parents: a letter that is replayed is parked as well", "[store][parents]") {
    StateUnderTest test;
    bring(test, "list");
    receive(test, {child_of("list", "a")});
    Position letter = test.apply(result_of(test.take().at(0), Settlement::kDead));
    test.event({"list"}, {kLists});
    test.apply(deleted(test.take(kLists).at(0)));
    test.apply(Command{CommandKind::kReplayLetter, letter.value, true, 0});
    CHECK(test.take().empty());
    CHECK(test.ledger().parked == 1);
    CHECK(test.ledger().dead == 0);
    CHECK(test.ledger().balances());
    bring(test, "list");
    auto heads = test.take();
    REQUIRE(heads.size() == 1);
    CHECK(heads[0].is_forced);
}

TEST_CASE("parents: a result for a parked head is taken as one", "[store][parents]") {
    StateUnderTest test;
    Position event = receive(test, {child_of("list", "a"), child_of("list", "a")});
    Settled retry = settled(kCrm, "a", RecordId{event, 0}, Settlement::kRetry);
    retry.due_ns = 5;
    test.apply(retry);
    CHECK(test.ledger().pending == 2);
    CHECK(test.rows(Table::kParked) == 0);
    test.apply(settled(kCrm, "a", RecordId{event, 0}, Settlement::kDelivered, 2));
    CHECK(test.ledger().parked == 1);
    test.apply(settled(kCrm, "a", RecordId{event, 1}, Settlement::kDelivered));
    CHECK(test.ledger().delivered == 2);
    CHECK(test.ledger().balances());
    CHECK(test.rows(Table::kParked) == 0);
}

TEST_CASE("parents: all children of one parent are released at once, however many",
          "[store][parents]") {
    constexpr int kEvents = 20, kOfEach = 500;
    StateUnderTest test;
    for (int i = 0; i < kEvents; ++i) {
        std::vector<TranslatedRecord> members;
        for (int j = 0; j < kOfEach; ++j)
            members.push_back(child_of("list", std::to_string(i * kOfEach + j)));
        receive(test, std::move(members));
    }
    test.restart();
    CHECK(test.ledger().parked == kEvents * kOfEach);
    bring(test, "list");
    CHECK(test.ledger().parked == 0);
    CHECK(test.take(kCrm, 100'000).size() == kEvents * kOfEach);
}

TEST_CASE("parents: a repair finds out anew what waits", "[store][parents][salvage]") {
    StateUnderTest test;
    receive(test, {child_of("list", "a"), child_of("other", "b"), child_of("list", "a"),
                   child_of("list", "c"), to_deliver("free")});
    test.commit();
    // Schedules are lost, and so is a lane's row.
    Overlay::Layer damage{Overlay::Search::kAll};
    for (Table table : {Table::kParked, Table::kReady}) {
        std::string from(1, '\0');
        for (;;) {
            auto row = test.database->seek(table, from).value();
            if (!row) break;
            from = std::string{row->key} + '\0';
            damage[table].add(row->key, Change{});
        }
    }
    damage[Table::kLane].add(lane_row_key(kCrm, lane_key("a")), Change{});
    test.write(damage);
    test.database->renew();
    test::TempDir elsewhere;
    auto directory = DataDir::open(elsewhere.path() / "data", true);
    REQUIRE(directory.has_value());
    RepairInput input;
    input.is_damaged[static_cast<std::size_t>(Table::kLane)] = true;
    auto repaired = repair(*test.database, *directory, input);
    REQUIRE(repaired.has_value());
    CHECK(repaired->records.lost == 0);
    CHECK(repaired->records.kept == 5);
    test.reopen();
    CHECK(test.ledger().parked == 4);
    CHECK(test.ledger().pending == 1);
    CHECK(test.ledger().balances());
    CHECK(keys_of(test.take()) == Keys{"free"});
    bring(test, "list");
    bring(test, "other");
    auto heads = test.take();
    CHECK(keys_of(heads) == Keys{"a", "b", "c"});
    test.apply(result_of(heads[0], Settlement::kDelivered));
    CHECK(keys_of(test.take()) == Keys{"a"});
}
