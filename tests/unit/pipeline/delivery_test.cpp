#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;
using namespace std::chrono_literals;
using plugin::FailureClass;
using plugin::OutcomeKind;

namespace {

using Keys = std::vector<std::string>;

}  // namespace

TEST_CASE("delivery: records of one key go out in order, one at a time, across retries",
          "[pipeline][delivery]") {
    World world{{policy(10, 4)}};
    auto platform = world.destination();
    world.receive(record_of("a", 1));
    auto write = platform->next_write();
    world.receive(record_of("a", 2));
    world.receive(record_of("a", 3));
    CHECK(write.batch.records[0].body == record_of("a", 1));
    CHECK_FALSE(write.batch.records[0].was_delivered);
    write.answer(failed(FailureClass::kTransient));
    world.until([&] {
        return world.ask([&](store::State& state) { return *state.next_due(1, 0); }).has_value();
    });
    CHECK_FALSE(platform->has_write());  // the key waits, and what is behind it as well
    world.pass(2s);
    for (int version : {1, 2, 3}) {
        write = platform->next_write();
        REQUIRE(write.batch.records.size() == 1);
        CHECK(write.batch.records[0].body == record_of("a", version));
        CHECK(write.batch.records[0].destination_key == (version == 1 ? "" : "dest"));
        CHECK(write.batch.records[0].was_delivered == (version > 1));
        CHECK_FALSE(platform->has_write());
        write.answer(done("dest"));
    }
    world.until([&] { return world.ledger().delivered == 3; });
    CHECK(world.ledger().balances());
    CHECK(world.ledger().pending == 0);
}

// Invariant 2 is of arrival. A sender's clock is not asked: two senders of one key have two.
TEST_CASE("delivery: what says that it happened earlier goes out in the order it came [F7]",
          "[pipeline][delivery][F7]") {
    World world{{policy(1)}};
    auto platform = world.destination();
    for (const char* occurred : {"5000", "1000", "9000", "2000"})
        world.receive(R"({"key":"a","occurred":)" + std::string{occurred} + "}");
    for (const char* occurred : {"5000", "1000", "9000", "2000"}) {
        auto write = platform->next_write();
        CHECK(write.batch.records[0].body ==
              R"({"key":"a","occurred":)" + std::string{occurred} + "}");
        write.answer(done());
    }
    world.until([&] { return world.ledger().delivered == 4; });
    CHECK(world.ledger().superseded == 0);
}

TEST_CASE("delivery: a stuck key does not block another", "[pipeline][delivery]") {
    World world{{policy(1, 1)}};
    auto platform = world.destination();
    world.receive(record_of("stuck"));
    platform->next_write().answer(failed(FailureClass::kTransient));
    for (int i = 0; i < 5; ++i) {
        std::string key = "free" + std::to_string(i);
        world.receive(record_of(key));
        auto write = platform->next_write();
        CHECK(write.keys() == Keys{key});
        write.answer(done());
    }
    world.until([&] { return world.ledger().delivered == 5; });
    CHECK(world.ledger().pending == 1);
    world.pass(2s);
    platform->next_write().answer(done());
    world.until([&] { return world.ledger().pending == 0; });
}

TEST_CASE("delivery: while every slot is taken a batch fills up, by records", "[pipeline][batch]") {
    World world{{policy(3, 1)}};
    auto platform = world.destination();
    world.receive(record_of("first"));
    auto write = platform->next_write();  // nothing more was on its way: it went alone
    CHECK(write.keys() == Keys{"first"});
    for (const char* key : {"a", "b", "c", "d"}) world.receive(record_of(key));
    world.until([&] { return world.route().pending == 0; });
    CHECK_FALSE(platform->has_write());  // the limit of batches in flight
    write.answer(done());
    write = platform->next_write();
    CHECK(write.keys() == Keys{"a", "b", "c"});
    CHECK_FALSE(platform->has_write());
    write.answer(done());
    write = platform->next_write();
    CHECK(write.keys() == Keys{"d"});  // at once: nothing more can come for it
    write.answer(done());
    world.until([&] { return world.ledger().delivered == 5; });
}

TEST_CASE("delivery: a batch is bounded by bytes, but a large record still goes",
          "[pipeline][batch]") {
    pipeline::DeliveryPolicy small = policy(100, 1);
    small.batch_bytes = 64;
    World world{{small}};
    auto platform = world.destination();
    world.receive(record_of("first"));
    auto first = platform->next_write();
    for (const char* key : {"a", "b", "c"}) world.receive(record_of(key + std::string(20, '-')));
    world.receive(record_of("large" + std::string(200, '-')));
    world.until([&] { return world.ledger().routed == 5; });
    first.answer(done());
    std::vector<std::size_t> sizes;
    for (std::size_t seen = 0; seen < 4;) {
        auto write = platform->next_write();
        sizes.push_back(write.batch.records.size());
        seen += sizes.back();
        write.answer(done());
    }
    CHECK(sizes == std::vector<std::size_t>{1, 1, 1, 1});  // two would have 72 bytes
    world.until([&] { return world.ledger().delivered == 5; });
}

TEST_CASE("delivery: batches in flight are limited and different keys share them",
          "[pipeline][batch]") {
    World world{{policy(1, 2)}};
    auto platform = world.destination();
    for (const char* key : {"a", "b", "c"}) world.receive(record_of(key));
    auto first = platform->next_write();
    auto second = platform->next_write();
    world.until([&] { return world.route().pending == 0; });
    CHECK_FALSE(platform->has_write());
    second.answer(done());
    auto third = platform->next_write();
    CHECK(third.keys() == Keys{"c"});
    first.answer(done());
    third.answer(done());
    world.until([&] { return world.ledger().delivered == 3; });
}

TEST_CASE("delivery: while the journal takes its time others go out, up to a limit",
          "[pipeline][batch]") {
    World world{{policy(1, 2)}};
    auto platform = world.destination();
    for (const char* key : {"a", "b", "c", "d", "e", "f", "g"}) world.receive(record_of(key));
    world.until([&] { return world.ledger().routed == 7; });
    auto first = platform->next_write();
    auto second = platform->next_write();
    std::promise<void> journal_goes_on;
    world.hold_journal(journal_goes_on.get_future());
    const auto let_it_do_what_it_can = [&] {
        for (int i = 0; i < 10; ++i) world.ask([](store::State&) { return 0; });
    };
    let_it_do_what_it_can();

    // Two on their way and one being filled; and two whose outcomes are not durable.
    first.answer(done());
    second.answer(done());
    auto third = platform->next_write();
    auto fourth = platform->next_write();
    third.answer(done());
    fourth.answer(done());
    CHECK(platform->next_write().keys() == Keys{"e"});
    let_it_do_what_it_can();
    CHECK_FALSE(platform->has_write());

    journal_goes_on.set_value();
    CHECK(platform->next_write().keys() == Keys{"f"});
}

TEST_CASE("delivery: one record of a batch fails alone", "[pipeline][batch]") {
    World world{{policy(3, 1)}};
    auto platform = world.destination();
    world.receive(record_of("first"));
    auto first = platform->next_write();
    for (const char* key : {"a", "b", "c"}) world.receive(record_of(key));
    world.until([&] { return world.ledger().routed == 4; });
    first.answer(done());
    auto write = platform->next_write();
    write.done({{done(), failed(FailureClass::kPermanent), of_kind(OutcomeKind::kNotAttempted)}});
    world.until([&] { return world.ledger().dead == 1; });
    CHECK(world.ledger().delivered == 2);
    CHECK(world.ledger().pending == 1);
    auto letters = world.letters();
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].record->key == "b");
    CHECK(letters[0].row.failure.provider_code == "p1");
    world.pass(2s);
    auto again = platform->next_write();
    CHECK(again.keys() == Keys{"c"});
    again.answer(done());
    world.until([&] { return world.ledger().pending == 0; });
}

TEST_CASE("delivery: after an unknown outcome the record goes out again, whole",
          "[pipeline][delivery]") {
    World world{{policy(10)}};
    auto platform = world.destination();
    world.receive(record_of("a", 1));
    platform->next_write().answer(done());
    world.until([&] { return world.ledger().delivered == 1; });
    world.receive(record_of("a", 2));
    platform->next_write().answer(of_kind(OutcomeKind::kUnknown));
    world.until([&] {
        return world.ask([](store::State& state) {
            const std::optional<store::KeyMapRow> row = *state.key_map(1, store::lane_key("a"));
            return row.has_value() && row->is_unknown;
        });
    });
    world.receive(record_of("a", 1));  // what was there before: the hash alone would skip it
    world.pass(2s);
    auto write = platform->next_write();
    CHECK(write.batch.records[0].body == record_of("a", 2));
    write.answer(failed(FailureClass::kPermanent));
    write = platform->next_write();
    CHECK(write.batch.records[0].body == record_of("a", 1));
    write.answer(done());
    world.until([&] { return world.ledger().pending == 0; });
    world.receive(record_of("a", 1));
    world.until([&] { return world.ledger().unchanged == 1; });
    CHECK(world.ledger().balances());
}

TEST_CASE("delivery: a platform that limits its callers holds everything of the connection [C1]",
          "[pipeline][delivery][C1]") {
    auto patient = policy(1, 2);
    patient.retry_base = patient.retry_max = 1h;
    World world{{patient}};
    auto platform = world.destination();
    world.receive(record_of("a"));
    // In its own words, or in nobody's.
    platform->next_write().answer(
        failed(FailureClass::kRateLimited, GENERATE(std::int64_t{-1}, 0, 3'600'000)));
    world.until([&] {
        return world.ask([](store::State& state) { return *state.next_due(1, 0); }).has_value();
    });
    world.receive(record_of("b"));
    world.until([&] { return world.ledger().pending == 2 && world.route().pending == 0; });
    CHECK_FALSE(platform->has_write());
    world.stop();  // and it does not hold the end
}

TEST_CASE("delivery: a platform that only fails is left alone, by all its connections [C2]",
          "[pipeline][delivery][C2]") {
    auto patient = policy(1, 2);
    patient.retry_base = patient.retry_max = 1h;
    World world{{patient, patient}, "", true};
    auto platform = world.destination();
    for (int i = 0; i < 5; ++i) {
        world.receive(record_of("k" + std::to_string(i)));
        CHECK(world.pipeline->paused().empty());
        for (int connection : {1, 2}) {
            INFO(connection);
            platform->next_write().answer(i % 2 == 0 ? failed(FailureClass::kTransient)
                                                     : of_kind(OutcomeKind::kUnknown));
        }
    }
    world.until([&] { return world.pipeline->paused() == std::vector<std::string>{"c1", "c2"}; });
    world.receive(record_of("another"));
    world.until([&] { return world.ledger(2).pending == 6 && world.route().pending == 0; });
    CHECK_FALSE(platform->has_write());
    world.stop();  // and that does not hold the end
}

TEST_CASE("delivery: a probe of one record finds out that the platform is back [C2]",
          "[pipeline][delivery][C2]") {
    auto hasty = policy(10, 2);
    hasty.retry_base = 1ms;
    World world{{hasty}};
    auto platform = world.destination();
    for (int i = 0; i < 10; ++i) {
        world.receive(record_of("k" + std::to_string(i)));
        platform->next_write().answer(failed(FailureClass::kTransient));
    }
    world.until([&] { return !world.pipeline->paused().empty(); });
    world.pass(1s);  // nine at least are due again
    auto probe = platform->next_write();
    CHECK(probe.batch.records.size() == 1);
    probe.answer(failed(FailureClass::kTransient));
    probe = platform->next_write();
    CHECK(probe.batch.records.size() == 1);
    CHECK_FALSE(world.pipeline->paused().empty());
    CHECK_FALSE(platform->has_write());  // though there is a second slot
    probe.answer(done());
    world.pass(1s);  // whenever the last failures were noted, their records are due as well
    for (std::size_t arrived = 1; arrived < 10;) {
        auto write = platform->next_write();
        arrived += write.keys().size();
        write.answer(done());
    }
    CHECK(world.pipeline->paused().empty());
    world.until([&] { return world.ledger().delivered == 10; });
    CHECK(world.ledger().balances());
}

TEST_CASE("delivery: a platform that refuses records is not down [C2]",
          "[pipeline][delivery][C2]") {
    World world{{policy(1)}};
    auto platform = world.destination();
    for (int i = 0; i < 12; ++i) {
        world.receive(record_of("k" + std::to_string(i)));
        platform->next_write().answer(failed(FailureClass::kPermanent));
    }
    world.until([&] { return world.ledger().dead == 12; });
    CHECK(world.pipeline->paused().empty());
}

TEST_CASE("delivery: one route feeds two connections, each at its pace", "[pipeline][delivery]") {
    World world{{policy(10), policy(10)}};
    world.receive(record_of("a"));
    world.destination(1)->next_write().answer(done());
    auto slow = world.destination(2)->next_write();
    world.until([&] { return world.ledger(1).delivered == 1; });
    CHECK(world.ledger(2).pending == 1);
    slow.answer(failed(FailureClass::kPermanent));
    world.until([&] { return world.ledger(2).dead == 1; });
    CHECK(world.route().translated == 1);
    CHECK(world.ledger(1).balances());
    CHECK(world.ledger(2).balances());
}

TEST_CASE("delivery: what the stop keeps from going out is no attempt", "[pipeline][stop]") {
    World world{{policy(10)}};
    world.receive(record_of("a"));
    auto write = world.destination()->next_write();
    world.pipeline->stop();
    CHECK_FALSE(world.pipeline->is_idle());
    write.answer(of_kind(OutcomeKind::kNotAttempted));
    world.stop();
    world.start({policy(10)}, "");
    world.destination()->next_write().answer(failed(FailureClass::kPermanent));
    world.until([&] { return world.ledger().dead == 1; });
    CHECK(world.letters()[0].row.attempts == 1);
}

TEST_CASE("delivery: a result that comes with the stop is kept", "[pipeline][stop]") {
    World world{{policy(10)}};
    world.receive(record_of("a"));
    auto write = world.destination()->next_write();
    world.pipeline->stop();
    write.answer(done());
    world.stop();
    world.start({policy(10)}, "");
    CHECK(world.ledger().delivered == 1);
    CHECK(world.ledger().pending == 0);
}

TEST_CASE("delivery: a record that its sender waits for does not wait for a batch",
          "[pipeline][batch]") {
    World world{{policy(100, 4), policy(100, 4)}};
    world.source->is_holding = true;
    world.receive(record_of("never"));  // something is always on its way
    world.until([&] { return world.source->has_held(); });
    world.source->is_holding = false;
    world.receive(record_of("a"));
    world.until([&] { return world.ledger(1).routed == 1; });
    CHECK_FALSE(world.destination(1)->has_write());
    store::Position event = world.receive(record_of("b"), 1);
    auto write = world.destination(1)->next_write();
    CHECK(write.keys() == Keys{"a", "b"});
    CHECK_FALSE(world.destination(2)->has_write());  // nobody waits for this one
    plugin::Outcome outcome = done("dest");
    outcome.reply = R"({"n":1})";
    write.answer(outcome);
    auto row = [&] {
        return world.ask([&](store::State& state) { return state.outcome(event).value(); });
    };
    world.until([&] { return row()->is_complete(); });
    REQUIRE(row()->entries.size() == 1);
    CHECK(row()->entries[0].destination_key == "dest");
    CHECK(row()->entries[0].reply == outcome.reply);
}

TEST_CASE("delivery: ids that a connector mapped are kept with the results", "[pipeline][ids]") {
    World world{{policy(10)}};
    world.receive("{\"key\":\"a\"}");
    auto write = world.destination()->next_write();
    plugin::WriteResult result;
    result.outcomes.resize(1);
    result.outcomes[0].kind = plugin::OutcomeKind::kDone;
    result.ids = {{"lists", "a", "7"}};
    std::promise<void> kept;
    result.ids_kept = [&] { kept.set_value(); };
    write.done(std::move(result));
    REQUIRE(kept.get_future().wait_for(kPatience) == std::future_status::ready);
    std::promise<std::string> found;
    world.store->ask([&](store::State& state) {
        found.set_value(state.mapped_id(0, "lists", "a")->value_or(""));
    });
    CHECK(found.get_future().get() == "7");
}
