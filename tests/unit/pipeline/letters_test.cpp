#include <filesystem>

#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;
using plugin::FailureClass;

TEST_CASE("letters: a mended mapping delivers what is replayed", "[pipeline][letters]") {
    World world{{{}}, ".v + \"x\""};
    world.receive(record_of("a"));
    world.until([&] { return world.ledger().dead == 1; });
    store::Letter letter = world.letters()[0];
    CHECK(letter.row.failure.failure_class == "mapping");
    CHECK(letter.row.failure.provider_code == "pipeline.mapping_failed");
    CHECK_THAT(letter.row.failure.message, Catch::StartsWith("syncline.yaml:7:15: "));
    world.stop();

    world.start({{}}, ".v + 1");
    world.replay(letter.id);
    auto write = world.destination()->next_write();
    CHECK(write.batch.records[0].body == R"({"mapped":2})");
    write.answer(done());
    world.until([&] { return world.ledger().delivered == 1; });
    CHECK(world.letters().empty());
    CHECK(world.ledger().balances());
}

TEST_CASE("letters: keep the answer to the attempt they died of", "[pipeline][letters]") {
    World world;
    auto answered = [](plugin::Outcome outcome, const char* body) {
        auto answer = std::make_shared<const plugin::PlatformAnswer>(
            plugin::PlatformAnswer{"POST http://host/v1", 422, "application/json", body, 9000});
        return plugin::WriteResult{{std::move(outcome)}, std::move(answer)};
    };
    auto platform = world.destination();
    world.receive(record_of("a"));
    platform->next_write().done(answered(failed(FailureClass::kTransient), "busy"));
    world.until([&] { return world.pass(std::chrono::seconds{60}), platform->has_write(); });
    platform->next_write().done(answered(failed(FailureClass::kPermanent), "no such user"));
    world.until([&] { return world.ledger().dead == 1; });
    auto letter = world.letters().at(0);
    REQUIRE(letter.row.answer);
    CHECK(letter.row.answer->request == "POST http://host/v1");
    CHECK(letter.row.answer->status == 422);
    CHECK(letter.row.answer->content_type == "application/json");
    CHECK(letter.row.answer->body == "no such user");
    CHECK(letter.row.answer->body_bytes == 9000);

    // One without any.
    world.receive(record_of("b"));
    platform->next_write().answer(failed(FailureClass::kPermanent));
    world.until([&] { return world.ledger().dead == 2; });
    CHECK_FALSE(world.letters().at(1).row.answer);
}

TEST_CASE("letters: one that may have had its effect says so [C12]", "[pipeline][letters][C12]") {
    pipeline::DeliveryPolicy once;
    once.attempts_max = 1;
    World world{{once}};
    world.receive(record_of("a"));
    world.destination()->next_write().answer(of_kind(plugin::OutcomeKind::kUnknown));
    world.until([&] { return world.ledger().dead == 1; });
    REQUIRE(world.letters().size() == 1);
    CHECK(world.letters()[0].row.is_unknown);
    CHECK(world.letters()[0].row.failure.failure_class == "unknown");
    // The operator decides: replayed, it goes out whole, though the destination may have it.
    world.replay(world.letters()[0].id);
    auto again = world.destination()->next_write();
    CHECK(again.batch.records[0].body == record_of("a"));
    again.answer(done());
    world.until([&] { return world.ledger().delivered == 1; });
}

TEST_CASE("letters: text with NUL in it arrives whole [E10]", "[pipeline][letters][E10]") {
    World world;
    const std::string body = R"({"key":"a\u0000b","v":"c\u0000d"})";
    world.receive(body);
    auto write = world.destination()->next_write();
    CHECK(write.batch.records[0].key == std::string("a\0b", 3));
    CHECK(write.batch.records[0].body == body);
    write.answer(done());
    world.receive(R"({"key":"a","v":1})");  // another key than the one that begins like it
    write = world.destination()->next_write();
    CHECK_FALSE(write.batch.records[0].was_delivered);
    write.answer(done());
    world.until([&] { return world.ledger().delivered == 2; });
}

TEST_CASE("letters: an older one is superseded, unless it is forced", "[pipeline][letters]") {
    World world;
    auto platform = world.destination();
    for (int version : {1, 2}) {
        world.receive(record_of("a", version));
        platform->next_write().answer(version == 1 ? failed(FailureClass::kPermanent) : done());
    }
    world.until([&] { return world.ledger().delivered == 1; });
    world.replay(world.letters()[0].id);
    world.until([&] { return world.ledger().superseded == 1; });

    world.receive(record_of("b", 1));
    platform->next_write().answer(failed(FailureClass::kPermanent));
    world.until([&] { return world.ledger().dead == 1; });
    world.receive(record_of("b", 2));
    platform->next_write().answer(done());
    world.until([&] { return world.ledger().delivered == 2; });
    world.replay(world.letters()[0].id, true);
    auto write = platform->next_write();
    CHECK(write.batch.records[0].body == record_of("b", 1));
    write.answer(done());
    world.until([&] { return world.ledger().delivered == 3; });
    CHECK(world.ledger().balances());
}

TEST_CASE("letters: an event that can't be translated is kept and can be replayed",
          "[pipeline][letters]") {
    World world;
    world.source->translation_failure = FailureClass::kPermanent;
    world.receive(record_of("a"));
    world.until([&] { return world.route().dead == 1; });
    store::Letter letter = world.letters()[0];
    CHECK(letter.event->body.text == record_of("a"));
    world.source->translation_failure = FailureClass::kNone;
    world.replay(letter.id);
    world.destination()->next_write().answer(done());
    world.until([&] { return world.ledger().delivered == 1; });
    CHECK(world.route().translated == 1);
    CHECK(world.route().dead == 0);
    CHECK(world.route().balances());
}

TEST_CASE("letters: events that a stopped source gives back stay pending", "[pipeline][letters]") {
    World world;
    world.source->translation_failure = FailureClass::kCancelled;
    for (int i = 0; i < 3; ++i) world.receive(record_of("a", i));
    world.pipeline->stop();
    world.until([&] { return world.pipeline->is_idle(); });  // they do not hold the end
    world.until([&] { return world.route().pending == 3; });
    CHECK(world.letters().empty());
    world.stop();
    world.source->translation_failure = FailureClass::kNone;
    world.start({{}}, "");
    for (int i = 0; i < 3; ++i) {
        auto write = world.destination()->next_write();
        CHECK(write.batch.records[0].body == record_of("a", i));
        write.answer(done());
    }
    world.until([&] { return world.ledger().delivered == 3; });
}

TEST_CASE("letters: a large body that is gone is the reason of its event's letter",
          "[pipeline][letters]") {
    World world;
    std::string large = R"({"key":"a","text":")" + std::string(300'000, 'x') + "\"}";
    world.source->translation_failure = FailureClass::kCancelled;
    world.receive(large);
    world.stop();
    world.source->translation_failure = FailureClass::kNone;
    for (const auto& file : std::filesystem::directory_iterator{world.folder / "data/bodies"}) {
        std::filesystem::remove(file);
    }
    world.start({{}}, "");
    world.until([&] { return world.route().dead == 1; });
    CHECK_THAT(world.letters()[0].row.failure.message, Catch::Contains("store.body_missing"));
}

TEST_CASE("letters: a large record goes through a file and leaves none", "[pipeline][letters]") {
    World world;
    std::string large = R"({"key":"a","text":")" + std::string(300'000, 'x') + "\"}";
    world.receive(large);
    auto write = world.destination()->next_write();
    CHECK(write.batch.records[0].body == large);
    write.answer(done());
    world.until([&] { return world.ledger().delivered == 1; });
    world.stop();
    CHECK(std::filesystem::is_empty(world.folder / "data/bodies"));
}
