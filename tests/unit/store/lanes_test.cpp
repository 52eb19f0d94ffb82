// Records of one key that wait together: what gives way to what, and what is taken at once.
#include "samples.hpp"

using namespace syncline;
using namespace syncline::store;
using record::Operation;

namespace {

TranslatedRecord of_kind(Operation operation, bool is_mergeable = false, std::string key = "k") {
    TranslatedRecord made = to_deliver(std::move(key));
    made.operation = operation;
    made.is_mergeable = is_mergeable;
    return made;
}

TranslatedRecord mergeable() {
    return of_kind(Operation::kUpsert, true);
}
TranslatedRecord plain(std::string key = "k") {
    return of_kind(Operation::kUpsert, false, std::move(key));
}
TranslatedRecord to_fetch() {
    return of_kind(Operation::kFetch);
}

// The records of one event; those of their places in it that are left, in their order.
std::vector<std::uint32_t> what_is_left(StateUnderTest& test,
                                        std::vector<TranslatedRecord> records) {
    Position at = test.apply(received());
    test.apply(Translated{kRoute, at, std::move(records)});
    CHECK(test.ledger().balances());
    std::vector<std::uint32_t> left;
    for (auto heads = test.take(); !heads.empty(); heads = test.take()) {
        for (const LaneHead& head : heads) {
            left.push_back(head.record.index);
            test.apply(result_of(head, Settlement::kDelivered));
        }
    }
    CHECK(test.ledger().pending == 0);
    CHECK(test.ledger().delivered + test.ledger().superseded == test.ledger().routed);
    CHECK(test.rows(Table::kRecord) == 0);
    CHECK(test.state->pending_bytes() == 0);
    return left;
}

using Left = std::vector<std::uint32_t>;

std::vector<LaneHead> take_chain(StateUnderTest& test, std::size_t lane_max,
                                 std::size_t count = 100, std::int64_t now_ns = 0) {
    auto heads = test.state->take_lanes(kCrm, count, now_ns, lane_max);
    REQUIRE(heads.has_value());
    return *std::move(heads);
}

}  // namespace

TEST_CASE("merging: of what waits, the newest is left; the head stays", "[store][merging]") {
    StateUnderTest test;
    CHECK(what_is_left(test, {mergeable(), mergeable(), mergeable(), mergeable()}) == Left{0, 3});
    CHECK(test.ledger().superseded == 2);
}

TEST_CASE("merging: never across a deletion, and only where both allow it", "[store][merging]") {
    StateUnderTest test;
    const auto deletion = of_kind(Operation::kDelete, true);
    SECTION("a deletion") {
        CHECK(what_is_left(test, {mergeable(), mergeable(), deletion, mergeable(), mergeable()}) ==
              Left{0, 1, 2, 4});
    }
    SECTION("deletions") {
        CHECK(what_is_left(test, {mergeable(), deletion, deletion}) == Left{0, 1, 2});
    }
    SECTION("a stream that does not") {
        CHECK(what_is_left(test, {plain(), plain(), plain()}) == Left{0, 1, 2});
    }
    SECTION("one that came when the stream did not") {
        CHECK(what_is_left(test, {plain(), plain(), mergeable(), mergeable()}) == Left{0, 1, 3});
    }
    SECTION("another stream") {
        TranslatedRecord other = mergeable();
        other.stream = "others";
        CHECK(what_is_left(test, {mergeable(), mergeable(), other}) == Left{0, 1, 2});
    }
    SECTION("another key") {
        auto other = of_kind(Operation::kUpsert, true, "other");
        CHECK(what_is_left(test, {mergeable(), mergeable(), other, mergeable()}) == Left{0, 2, 3});
    }
}

TEST_CASE("merging: a replay that is forced stays, and an older one takes nobody's place",
          "[store][merging]") {
    StateUnderTest test;
    Position at = test.apply(received());
    test.apply(Translated{kRoute, at, {mergeable(), mergeable(), mergeable()}});
    // The second has given way; the first dies, then the third.
    Position first = test.apply(settled(kCrm, "k", RecordId{at, 0}, Settlement::kDead));
    Position third = test.apply(settled(kCrm, "k", RecordId{at, 2}, Settlement::kDead));
    Position later = test.apply(received());
    test.apply(Translated{kRoute, later, {plain(), mergeable()}});
    test.apply(Command{CommandKind::kReplayLetter, first.value, false, 0});
    CHECK(test.ledger().superseded == 1);
    test.apply(settled(kCrm, "k", RecordId{later, 0}, Settlement::kDelivered));
    test.apply(result_of(test.take().at(0), Settlement::kSuperseded));  // the first
    test.apply(Command{CommandKind::kReplayLetter, third.value, true, 0});
    Position last = test.apply(received());
    test.apply(Translated{kRoute, last, {mergeable()}});
    CHECK(test.ledger().pending == 3);  // the forced one is the newest that waits
    CHECK(test.ledger().balances());
}

TEST_CASE("merging: a parked lane does not grow either", "[store][merging][parents]") {
    StateUnderTest test;
    Position at = test.apply(received());
    TranslatedRecord child = mergeable();
    child.parent_key = "list";
    child.targets = {{kCrm, 21}};
    test.apply(Translated{kRoute, at, {child, child, child, child}});
    CHECK(test.ledger().parked == 2);
    CHECK(test.ledger().superseded == 2);
    CHECK(test.ledger().balances());
    test.restart();
    at = test.apply(received());
    test.apply(Translated{kRoute, at, {child}});
    CHECK(test.ledger().parked == 2);
    CHECK(test.rows(Table::kRecord) == 2);
}

TEST_CASE("fetching: waiting keys collapse, and nothing else does", "[store][fetching]") {
    StateUnderTest test;
    SECTION("into the newest") {
        CHECK(what_is_left(test, {to_fetch(), to_fetch(), to_fetch()}) == Left{0, 2});
    }
    SECTION("not across a record") {
        CHECK(what_is_left(test, {plain(), to_fetch(), mergeable(), to_fetch(), to_fetch()}) ==
              Left{0, 1, 2, 4});
    }
}

TEST_CASE("fetching: what was received before the request is older than what came",
          "[store][fetching]") {
    StateUnderTest test;
    Position first = test.apply(received());
    test.apply(Translated{kRoute, first, {to_fetch()}});
    Position second = test.apply(received());
    test.apply(Translated{kRoute, second, {plain(), plain()}});
    auto heads = test.take();
    REQUIRE(heads.size() == 1);
    CHECK(heads[0].as_of > second);
    Settled fact = result_of(heads[0], Settlement::kDelivered);
    fact.as_of = heads[0].as_of;
    Position after = test.apply(received());
    test.apply(Translated{kRoute, after, {plain()}});
    test.apply(fact);
    heads = test.take();
    REQUIRE(heads.size() == 1);
    CHECK(heads[0].key_map->last > RecordId{second, 1});
    CHECK(heads[0].key_map->last < RecordId{after, 0});
    CHECK(heads[0].as_of == Position{});
}

TEST_CASE("chains: consecutive records of a lane are taken at once, and settled in order",
          "[store][chains]") {
    StateUnderTest test;
    Position event = test.event({"k", "k", "other", "k", "k"});
    auto heads = take_chain(test, 3);
    CHECK(keys_of(heads) == std::vector<std::string>{"k", "k", "k", "other"});
    CHECK(heads[0].is_chained);
    CHECK_FALSE(heads[0].is_follower);
    CHECK(heads[1].is_follower);
    CHECK(heads[2].record == RecordId{event, 3});
    CHECK_FALSE(heads[3].is_chained);
    test.apply(result_of(heads[1], Settlement::kDelivered));  // not its turn yet
    CHECK(test.ledger().delivered == 0);
    for (std::size_t i = 0; i < 3; ++i) {
        test.apply(result_of(heads[i], Settlement::kDelivered));
        CHECK(take_chain(test, 3).empty());
    }
    CHECK(test.ledger().delivered == 3);
    CHECK(test.state->key_map(kCrm, lane_key("k")).value()->last == heads[2].record);
    REQUIRE(test.state->give_back(kCrm, heads[0].lane).has_value());
    heads = take_chain(test, 3);
    CHECK(keys_of(heads) == std::vector<std::string>{"k"});
    CHECK_FALSE(heads[0].is_chained);
}

TEST_CASE("chains: what is given back waits as before", "[store][chains]") {
    StateUnderTest test;
    Position event = test.event({"k", "k", "k"});
    auto heads = take_chain(test, 3);
    REQUIRE(heads.size() == 3);
    test.apply(result_of(heads[0], Settlement::kDelivered));
    Settled retry = result_of(heads[1], Settlement::kRetry);
    retry.due_ns = 50;
    test.apply(retry);
    CHECK(take_chain(test, 3, 100, 50).empty());
    REQUIRE(test.state->give_back(kCrm, heads[0].lane).has_value());
    CHECK(take_chain(test, 3, 100, 49).empty());
    heads = take_chain(test, 3, 100, 50);
    REQUIRE(heads.size() == 2);
    CHECK(heads[0].record == RecordId{event, 1});
    CHECK(heads[0].attempt == 2);
    test.apply(result_of(heads[0], Settlement::kDead));
    REQUIRE(test.state->give_back(kCrm, heads[0].lane).has_value());
    heads = take_chain(test, 3);
    REQUIRE(heads.size() == 1);
    CHECK(heads[0].record == RecordId{event, 2});
    // Nothing is left to give back.
    test.apply(result_of(heads[0], Settlement::kDelivered));
    CHECK(test.state->give_back(kCrm, heads[0].lane).has_value());
}

TEST_CASE("chains: end before what may give way, is to be fetched, or waits for a parent",
          "[store][chains]") {
    TranslatedRecord child = plain();
    child.parent_key = "list";
    child.targets = {{kCrm, 21}};
    for (const TranslatedRecord& last : {mergeable(), to_fetch(), child}) {
        StateUnderTest test;
        Position at = test.apply(received());
        test.apply(Translated{kRoute, at, {plain(), plain(), last, plain()}});
        auto heads = take_chain(test, 10);
        REQUIRE(heads.size() == 2);
        CHECK(heads[1].record == RecordId{at, 1});
    }
}

TEST_CASE("chains: bounded by what is asked for; a key to fetch starts none", "[store][chains]") {
    StateUnderTest test;
    test.event({"k", "k", "k", "k"});
    CHECK(take_chain(test, 10, 2).size() == 2);
    Position at = test.apply(received());
    test.apply(Translated{kRoute, at, {of_kind(Operation::kFetch, false, "f"), plain("f")}});
    auto heads = take_chain(test, 10);
    REQUIRE(heads.size() == 1);
    CHECK_FALSE(heads[0].is_chained);
}
