// Outcomes of events whose senders wait: what the state keeps of them, and who is told.
#include <map>
#include <random>

#include "samples.hpp"
#include "store/data_dir.hpp"
#include "store/outcome_waiters.hpp"
#include "store/repair.hpp"

using namespace syncline;
using namespace syncline::store;

namespace {

constexpr std::int64_t kMinuteNs = 60'000'000'000;

Received awaited(std::string message_id = "", std::int64_t at_ns = 1000,
                 ConnectionId connection = kCrm) {
    Received fact = received("{}", std::move(message_id), at_ns);
    fact.answering = connection;
    return fact;
}

struct Test : StateUnderTest {
    // An awaited event with one record per key.
    Position ask(const std::vector<std::string>& keys, std::vector<ConnectionId> targets = {kCrm}) {
        Position at = apply(awaited());
        translate(at, keys, std::move(targets));
        return at;
    }
    void translate(Position at, const std::vector<std::string>& keys,
                   std::vector<ConnectionId> targets = {kCrm}) {
        Translated fact{kRoute, at, {}};
        for (const std::string& key : keys) fact.records.push_back(to_deliver(key, targets));
        apply(std::move(fact));
    }
    std::optional<OutcomeRow> outcome(Position event) {
        auto row = state->outcome(event);
        REQUIRE(row.has_value());
        return *row;
    }
};

// Keeps what it was told.
struct Listener {
    OutcomeQuestion question(Position event, std::string message_id = "") {
        OutcomeQuestion question;
        question.ticket = 7;
        question.route = kRoute;
        question.message_id = std::move(message_id);
        question.event = event;
        question.deadline_ns = 5000;
        question.tell = [this](OutcomeTold what) { told.push_back(std::move(what)); };
        return question;
    }
    std::vector<OutcomeTold> told;
};

}  // namespace

TEST_CASE("outcomes: an event is open until each record of its connection has ended",
          "[store][outcome]") {
    Test test;
    Position event = test.apply(awaited());
    CHECK_FALSE(test.outcome(event)->is_complete());
    Translated translated{kRoute, event, {}};
    translated.records = {to_deliver("a", {kCrm, kShop}), to_deliver("b", {kShop}),
                          to_deliver("c", {kCrm, kCrm})};
    test.apply(translated);
    CHECK(test.outcome(event)->open == std::vector<std::uint32_t>{0, 2});
    Settled delivered = settled(kCrm, "a", {event, 0}, Settlement::kDelivered);
    delivered.destination_key = "d-1";
    delivered.reply = R"({"n":1})";
    test.apply(delivered);
    test.apply(settled(kShop, "c", {event, 2}, Settlement::kDelivered));
    test.apply(settled(kShop, "b", {event, 1}, Settlement::kDelivered));
    test.restart();
    CHECK_FALSE(test.outcome(event)->is_complete());
    Settled dead = settled(kCrm, "c", {event, 2}, Settlement::kDead);
    dead.failure = {"permanent", "no", "p1"};
    test.apply(dead);
    auto row = test.outcome(event);
    REQUIRE(row->is_complete());
    CHECK(row->route == kRoute);
    CHECK(row->connection == kCrm);
    REQUIRE(row->entries.size() == 2);
    CHECK(row->entries[0].settlement == Settlement::kDelivered);
    CHECK(row->entries[0].stream == "users");
    CHECK(row->entries[0].key == "a");
    CHECK(row->entries[0].destination_key == "d-1");
    CHECK(row->entries[0].reply == R"({"n":1})");
    CHECK(row->entries[1].settlement == Settlement::kDead);
    CHECK(row->entries[1].key == "c");
    CHECK(row->entries[1].failure.provider_code == "p1");
}

TEST_CASE("outcomes: a retry ends nothing, and what was unchanged has the key it had",
          "[store][outcome]") {
    Test test;
    Position first = test.ask({"a"});
    Settled retry = settled(kCrm, "a", {first, 0}, Settlement::kRetry);
    retry.due_ns = 10;
    test.apply(retry);
    CHECK_FALSE(test.outcome(first)->is_complete());
    Settled delivered = settled(kCrm, "a", {first, 0}, Settlement::kDelivered, 2);
    delivered.destination_key = "d-1";
    test.apply(delivered);
    Position second = test.ask({"a"});
    test.apply(settled(kCrm, "a", {second, 0}, Settlement::kUnchanged));
    auto row = test.outcome(second);
    REQUIRE(row->is_complete());
    CHECK(row->entries[0].settlement == Settlement::kUnchanged);
    CHECK(row->entries[0].destination_key == "d-1");
}

TEST_CASE("outcomes: an event without records is complete, one that nobody waits for has none",
          "[store][outcome]") {
    Test test;
    Position event = test.ask({"a"}, {kShop});
    CHECK(test.outcome(event)->is_complete());
    CHECK(test.outcome(event)->entries.empty());
    CHECK_FALSE(test.outcome(test.event({"a"})));
}

TEST_CASE("outcomes: a dead event is complete, and its replay opens it again", "[store][outcome]") {
    Test test;
    Position event = test.apply(awaited());
    test.apply(EventDied{kRoute, event, 5, {"permanent", "not JSON", ""}});
    REQUIRE(test.outcome(event)->is_complete());
    CHECK(test.outcome(event)->is_dead());
    CHECK(test.outcome(event)->failure.message == "not JSON");
    test.apply(Command{CommandKind::kReplayLetter, test.letters().at(0).id, false, 0});
    CHECK(test.outcome(event)->is_dead());  // until it is known better
    test.translate(event, {"a"});
    CHECK_FALSE(test.outcome(event)->is_complete());
    test.apply(settled(kCrm, "a", {event, 0}, Settlement::kDelivered));
    CHECK(test.outcome(event)->is_complete());
    CHECK_FALSE(test.outcome(event)->is_dead());
}

TEST_CASE("outcomes: the replay of a record's letter takes the place of the failure",
          "[store][outcome]") {
    Test test;
    Position event = test.ask({"a", "b"});
    test.apply(settled(kCrm, "b", {event, 1}, Settlement::kDelivered));
    test.apply(settled(kCrm, "a", {event, 0}, Settlement::kDead));
    REQUIRE(test.outcome(event)->is_complete());
    test.apply(Command{CommandKind::kReplayLetter, test.letters().at(0).id, false, 0});
    test.restart();
    test.apply(settled(kCrm, "a", {event, 0}, Settlement::kDelivered));
    auto row = test.outcome(event);
    REQUIRE(row->entries.size() == 2);
    CHECK(row->entries[0].index == 0);
    CHECK(row->entries[0].settlement == Settlement::kDelivered);
}

TEST_CASE("outcomes: more records than an answer has room for are not waited for",
          "[store][outcome]") {
    Test test;
    Position event = test.ask(std::vector<std::string>(kOutcomeRecordsMax + 1, "a"));
    auto row = test.outcome(event);
    CHECK(row->is_complete());
    CHECK(row->has_no_room());
    test.apply(settled(kCrm, "a", {event, 0}, Settlement::kDelivered));
    CHECK(test.outcome(event)->entries.empty());
    CHECK(test.outcome(event)->has_no_room());
    CHECK_FALSE(
        test.outcome(test.ask(std::vector<std::string>(kOutcomeRecordsMax, "b")))->has_no_room());
}

TEST_CASE("outcomes: replies beyond their bound are left out", "[store][outcome]") {
    Test test;
    Position event = test.ask({"a", "b"});
    for (std::uint32_t index : {0u, 1u}) {
        Settled fact =
            settled(kCrm, index == 0 ? "a" : "b", {event, index}, Settlement::kDelivered);
        fact.reply = std::string(kOutcomeRepliesBytesMax, '1');
        test.apply(fact);
    }
    CHECK(test.outcome(event)->entries[0].reply.size() == kOutcomeRepliesBytesMax);
    CHECK(test.outcome(event)->entries[1].reply.empty());
}

TEST_CASE("outcomes: they go with the window of the message ids", "[store][outcome]") {
    Test test;
    Position old = test.apply(awaited("m1", 0));
    Position young = test.apply(awaited("m2", 2 * kMinuteNs));
    test.translate(old, {});
    test.apply(Ticked{kDedupWindowNs + kMinuteNs});
    CHECK_FALSE(test.outcome(old));
    CHECK(test.outcome(young));
    test.translate(young, {"a"});
    test.restart();
    test.apply(Ticked{kDedupWindowNs + 3 * kMinuteNs});
    CHECK_FALSE(test.outcome(young));
    test.apply(settled(kCrm, "a", {young, 0}, Settlement::kDelivered));  // no harm
    CHECK(test.rows(Table::kOutcome) == 0);
    CHECK(test.rows(Table::kOutcomeExpiry) == 0);
}

TEST_CASE("outcomes: beyond their bound the oldest go first", "[store][outcome]") {
    Test test;
    constexpr std::uint64_t kBytesMax = 10'000;
    test.state = std::make_unique<State>(*test.database, kDedupIdsMax, kBytesMax);
    std::vector<Position> events;
    for (int i = 0; i < 300; ++i) {
        events.push_back(test.ask({"k" + std::to_string(i)}));
        Settled fact =
            settled(kCrm, "k" + std::to_string(i), {events.back(), 0}, Settlement::kDelivered);
        fact.reply = std::string(100, '1');
        test.apply(fact);
    }
    CHECK_FALSE(test.outcome(events.front()));
    CHECK(test.outcome(events.back()));
    std::size_t kept = test.rows(Table::kOutcome);
    CHECK(kept == test.rows(Table::kOutcomeExpiry));
    CHECK(kept > 20);
    CHECK(kept < 50);
}

TEST_CASE("outcomes: salvage makes their tables agree", "[store][outcome][salvage]") {
    Test test;
    Position kept = test.ask({"a"});
    Position lost = test.ask({"b"});
    test.commit();
    test.state->overlay().erase(Table::kOutcomeExpiry, Key{}.u32(0).u64(kept.value));
    test.state->overlay().erase(Table::kOutcome, outcome_key(lost));
    test.commit();
    test::TempDir folder;
    auto data_dir = DataDir::open(folder.path() / "data", true);
    REQUIRE(data_dir.has_value());
    RepairInput input;
    input.newest = input.letters_from = Position::of(2, 1);
    REQUIRE(repair(*test.database, *data_dir, input).has_value());
    test.database->renew();
    State salvaged{*test.database};
    REQUIRE(salvaged.load().has_value());
    CHECK(salvaged.outcome(kept).value());
    REQUIRE(salvaged.apply({Position::of(3, 1), Ticked{kDedupWindowNs + kMinuteNs}}).has_value());
    CHECK_FALSE(salvaged.outcome(kept).value());
    auto first = salvaged.overlay().seek(Table::kOutcomeExpiry, std::string(1, '\0'), "");
    REQUIRE(first.has_value());
    CHECK_FALSE(*first);
}

TEST_CASE("outcomes: whatever happens, they are how each record ended last",
          "[store][outcome][model]") {
    for (std::uint32_t seed = 1; seed <= 6; ++seed) {
        INFO("seed " << seed);
        std::mt19937 random{seed};
        Test test;
        std::vector<Position> events;
        std::map<RecordId, Settlement> ended;
        auto settle = [&](Settlement how) {
            auto heads = test.take(kCrm, 1 + random() % 4, 1'000'000);
            for (const LaneHead& head : heads) {
                Settled fact = result_of(head, how);
                fact.due_ns = 1;
                test.apply(fact);
                if (how != Settlement::kRetry) ended[head.record] = how;
            }
            return !heads.empty();
        };
        for (int step = 0; step < 400; ++step) {
            switch (random() % 6) {
                case 0:
                    events.push_back(test.ask(
                        {"k" + std::to_string(random() % 5), "k" + std::to_string(random() % 5)}));
                    break;
                case 1:
                    if (auto letters = test.letters(); !letters.empty())
                        test.apply(Command{CommandKind::kReplayLetter, letters[0].id, false, 0});
                    break;
                case 2:
                    if (random() % 8 == 0) test.restart();
                    break;
                default:
                    settle(static_cast<Settlement>(1 + random() % 6));
            }
        }
        while (settle(Settlement::kDelivered)) {
        }
        for (Position event : events) {
            auto row = test.outcome(event);
            REQUIRE(row->is_complete());
            REQUIRE(row->entries.size() == 2);
            for (const OutcomeEntry& entry : row->entries)
                CHECK(entry.settlement == ended.at({event, entry.index}));
        }
    }
}

TEST_CASE("waiters: who waits is told when the last record has ended", "[store][outcome]") {
    Test test;
    OutcomeWaiters waiters;
    Listener listener;
    Position event = test.apply(awaited());
    waiters.add(listener.question(event));
    REQUIRE(waiters.look(*test.state).has_value());
    test.translate(event, {"a", "b"});
    REQUIRE(waiters.look(*test.state).has_value());
    test.apply(settled(kCrm, "a", {event, 0}, Settlement::kDelivered));
    REQUIRE(waiters.look(*test.state).has_value());
    CHECK(listener.told.empty());
    test.apply(settled(kCrm, "b", {event, 1}, Settlement::kFiltered));
    REQUIRE(waiters.look(*test.state).has_value());
    REQUIRE(listener.told.size() == 1);
    CHECK(listener.told[0].kind == OutcomeKind::kComplete);
    CHECK(listener.told[0].event == event);
    CHECK(listener.told[0].row.entries.size() == 2);
    CHECK(waiters.size() == 0);
}

TEST_CASE("waiters: who asks before the event is applied waits for that as well",
          "[store][outcome]") {
    Test test;
    OutcomeWaiters waiters;
    Listener listener;
    Position coming = test.apply(awaited("m")).next();
    waiters.add(listener.question(coming));
    REQUIRE(waiters.look(*test.state).has_value());
    CHECK(listener.told.empty());
    CHECK(test.apply(awaited()) == coming);
    test.translate(coming, {});
    REQUIRE(waiters.look(*test.state).has_value());
    REQUIRE(listener.told.size() == 1);
    CHECK(listener.told[0].kind == OutcomeKind::kComplete);
}

TEST_CASE("waiters: a repeat gets the outcome of the first", "[store][outcome]") {
    Test test;
    OutcomeWaiters waiters;
    Listener listener;
    const std::string id(16, 'm');
    Position first = test.apply(awaited(id));
    Position repeat = test.apply(awaited(id));
    CHECK_FALSE(test.outcome(repeat));
    waiters.add(listener.question(repeat, id));
    REQUIRE(waiters.look(*test.state).has_value());
    CHECK(listener.told.empty());
    test.translate(first, {"a"});
    test.apply(settled(kCrm, "a", {first, 0}, Settlement::kDelivered));
    REQUIRE(waiters.look(*test.state).has_value());
    REQUIRE(listener.told.size() == 1);
    CHECK(listener.told[0].event == first);
    waiters.add(listener.question(test.apply(awaited(id)), id));  // and after it is known
    REQUIRE(waiters.look(*test.state).has_value());
    REQUIRE(listener.told.size() == 2);
    CHECK(listener.told[1].event == first);
    CHECK(listener.told[1].kind == OutcomeKind::kComplete);
}

TEST_CASE("waiters: nobody waits for an event whose outcome is not kept", "[store][outcome]") {
    Test test;
    OutcomeWaiters waiters;
    Listener listener;
    const std::string id(16, 'm');
    Position first = test.apply(received("{}", id));
    waiters.add(listener.question(test.apply(awaited(id)), id));
    REQUIRE(waiters.look(*test.state).has_value());
    REQUIRE(listener.told.size() == 1);
    CHECK(listener.told[0].kind == OutcomeKind::kNotKept);
    CHECK(listener.told[0].event == first);
}

TEST_CASE("waiters: nobody waits for a lane that goes on after the deadline", "[store][outcome]") {
    Test test;
    OutcomeWaiters waiters;
    Listener listener;
    Position before = test.event({"a"});
    auto retry_at = [&](std::int64_t due_ns, std::uint32_t attempt) {
        Settled retry = settled(kCrm, "a", {before, 0}, Settlement::kRetry, attempt);
        retry.due_ns = due_ns;
        test.apply(retry);
    };
    SECTION("told when the head has to wait, also for who stands behind it") {
        waiters.add(listener.question(test.ask({"a"})));
        REQUIRE(waiters.look(*test.state).has_value());
        retry_at(5000, 1);  // the deadline itself is early enough
        REQUIRE(waiters.look(*test.state).has_value());
        CHECK(listener.told.empty());
        retry_at(5001, 2);
        REQUIRE(waiters.look(*test.state).has_value());
    }
    SECTION("told when the record comes into such a lane") {
        retry_at(5001, 1);
        waiters.add(listener.question(test.ask({"a"})));
        REQUIRE(waiters.look(*test.state).has_value());
    }
    REQUIRE(listener.told.size() == 1);
    CHECK(listener.told[0].kind == OutcomeKind::kHeld);
    CHECK(listener.told[0].due_ns == 5001);
}

TEST_CASE("waiters: nobody waits for a lane that is parked", "[store][outcome]") {
    Test test;
    OutcomeWaiters waiters;
    Listener listener;
    Position event = test.ask({"a"});
    Key key = lane_row_key(kCrm, lane_key("a"));
    LaneRow lane = test.state->lane(key).value().value();
    lane.waits_for = kShop;
    test.state->overlay().put(Table::kLane, key, encode(lane));
    waiters.add(listener.question(event));
    REQUIRE(waiters.look(*test.state).has_value());
    REQUIRE(listener.told.size() == 1);
    CHECK(listener.told[0].kind == OutcomeKind::kHeld);
    CHECK(listener.told[0].due_ns == 0);
}

TEST_CASE("waiters: who has gone is not told", "[store][outcome]") {
    Test test;
    OutcomeWaiters waiters;
    Listener listener;
    Position event = test.ask({"a"});
    waiters.add(listener.question(event));
    REQUIRE(waiters.look(*test.state).has_value());
    waiters.forget(7);
    waiters.forget(8);
    test.apply(settled(kCrm, "a", {event, 0}, Settlement::kDelivered));
    REQUIRE(waiters.look(*test.state).has_value());
    CHECK(listener.told.empty());
    CHECK(waiters.size() == 0);
}
