// Dead letters whose record an operator corrects.
#include <map>

#include "samples.hpp"
#include "store/data_dir.hpp"
#include "store/errc.hpp"
#include "store/repair.hpp"

using namespace syncline;
using namespace syncline::store;

namespace {

const std::string kOriginal = to_deliver("k").body.text;
const std::string kMended = R"({"a":2,"b":3})";

Command edit(Position letter, std::string body = kMended) {
    return Command{CommandKind::kEditLetter, letter.value, false, 0,
                   Body::inline_text(std::move(body))};
}
Command replay(Position letter, bool is_forced = false) {
    return Command{CommandKind::kReplayLetter, letter.value, is_forced, 0};
}
Command discard(Position letter) {
    return Command{CommandKind::kDiscardLetter, letter.value, false, 0};
}

Body file(std::string name) {
    Body body;
    body.file = std::move(name);
    body.size = 1 << 20;
    return body;
}

// What the only head of the connection would send.
std::string body_out(StateUnderTest& test, ConnectionId connection = kCrm) {
    auto heads = test.take(connection);
    REQUIRE(heads.size() == 1);
    CHECK(heads[0].row->edits.empty());
    return heads[0].row->body.text;
}

// The body that the only letter's record was given; the one that it came with does not change.
std::optional<std::string> edited_body(StateUnderTest& test) {
    auto letters = test.letters();
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].record->body.text == kOriginal);
    const Edit* edit = edit_of(*letters[0].record, letters[0].row.owner);
    return edit == nullptr ? std::nullopt : std::optional{edit->body.text};
}

// Every row of every table.
std::map<std::string, std::string> dump(StateUnderTest& test) {
    test.commit();
    std::map<std::string, std::string> rows;
    for (std::size_t i = 0; i < kTableCount; ++i) {
        auto table = static_cast<Table>(i);
        std::string from(1, '\0');
        for (;;) {
            auto row = test.database->seek(table, from);
            REQUIRE(row.has_value());
            if (!*row) break;
            from = std::string{(*row)->key} + '\0';
            rows[name_of(table) + ("/" + std::string{(*row)->key})] = (*row)->value;
        }
    }
    return rows;
}

}  // namespace

TEST_CASE("editing: the next replay sends what the operator made of the record",
          "[store][state][letters]") {
    StateUnderTest test;
    Position event = test.event({"k"});
    Position letter = test.apply(settled(kCrm, "k", {event, 0}, Settlement::kDead));
    CHECK_FALSE(edited_body(test));
    test.apply(edit(letter));
    CHECK_FALSE(test.rejection);
    CHECK(edited_body(test) == kMended);
    CHECK(test.ledger().dead == 1);
    CHECK(test.ledger().balances());
    CHECK(test.take().empty());  // not before it is replayed
    test.restart();
    CHECK(edited_body(test) == kMended);

    test.apply(replay(letter));
    CHECK(body_out(test) == kMended);
    test.restart();
    CHECK(body_out(test) == kMended);
    test.apply(settled(kCrm, "k", {event, 0}, Settlement::kDelivered));
    CHECK(test.ledger().delivered == 1);
    CHECK(test.ledger().balances());
    CHECK(test.rows(Table::kRecord) == 0);
    CHECK(test.state->pending_bytes() == 0);
}

TEST_CASE("editing: of several edits the last holds, and counts as backlog",
          "[store][state][letters]") {
    StateUnderTest test;
    Position event = test.event({"k"});
    const std::uint64_t before = test.state->pending_bytes();
    Position letter = test.apply(settled(kCrm, "k", {event, 0}, Settlement::kDead));
    test.apply(edit(letter, R"({"a":"something longer"})"));
    CHECK(test.state->pending_bytes() == before + 24);
    test.apply(edit(letter));
    CHECK(test.state->pending_bytes() == before + kMended.size());
    CHECK(edited_body(test) == kMended);
    test.restart();
    CHECK(test.state->pending_bytes() == before + kMended.size());
    test.apply(replay(letter));
    CHECK(body_out(test) == kMended);
}

TEST_CASE("editing: a failed replay keeps the edited body, a discard drops it",
          "[store][state][letters]") {
    StateUnderTest test;
    Position event = test.event({"k"});
    Position letter = test.apply(settled(kCrm, "k", {event, 0}, Settlement::kDead));
    test.apply(edit(letter));
    test.apply(replay(letter));
    Position again = test.apply(settled(kCrm, "k", {event, 0}, Settlement::kDead));
    CHECK(edited_body(test) == kMended);
    SECTION("it is replayed as it stands") {
        test.apply(replay(again));
        CHECK(body_out(test) == kMended);
    }
    SECTION("it is edited further") {
        test.apply(edit(again, R"({"a":4})"));
        test.apply(replay(again));
        CHECK(body_out(test) == R"({"a":4})");
    }
    SECTION("it is given up") {
        test.apply(discard(again));
        CHECK(test.ledger().discarded == 1);
        CHECK(test.ledger().balances());
        CHECK(test.rows(Table::kRecord) == 0);
        CHECK(test.state->pending_bytes() == 0);
    }
}

TEST_CASE("editing: other connections get the record as it came", "[store][state][letters]") {
    StateUnderTest test;
    Position event = test.event({"k"}, {kCrm, kShop});
    Position letter = test.apply(settled(kCrm, "k", {event, 0}, Settlement::kDead));
    const std::uint64_t before = test.state->pending_bytes();
    test.apply(edit(letter));
    CHECK(body_out(test, kShop) == kOriginal);
    SECTION("when they are behind") {
        test.apply(replay(letter));
        CHECK(body_out(test) == kMended);
        test.apply(settled(kCrm, "k", {event, 0}, Settlement::kDelivered));
        CHECK(test.state->pending_bytes() == before);  // the edit is gone, the record is not
        test.restart();
        CHECK(body_out(test, kShop) == kOriginal);
    }
    SECTION("when they have a letter of their own") {
        Position other = test.apply(settled(kShop, "k", {event, 0}, Settlement::kDead));
        test.apply(edit(other, R"({"a":5})"));
        test.apply(discard(letter));
        test.apply(replay(other));
        CHECK(body_out(test, kShop) == R"({"a":5})");
        test.apply(settled(kShop, "k", {event, 0}, Settlement::kDelivered));
        CHECK(test.state->pending_bytes() == 0);
    }
}

TEST_CASE("editing: a letter keeps its place in the order of its key", "[store][state][letters]") {
    StateUnderTest test;
    Position event = test.event({"k", "k", "k", "k"});
    Position letter = test.apply(settled(kCrm, "k", {event, 0}, Settlement::kDead));
    test.apply(settled(kCrm, "k", {event, 1}, Settlement::kDelivered));
    test.apply(edit(letter));
    const bool is_forced = GENERATE(false, true);
    test.apply(replay(letter, is_forced));  // behind record 2, which is the head
    test.apply(settled(kCrm, "k", {event, 2}, Settlement::kDelivered));
    auto heads = test.take();
    REQUIRE(heads.size() == 1);
    CHECK(heads[0].record == RecordId{event, 0});
    CHECK(heads[0].row->body.text == kMended);
    CHECK(heads[0].is_forced == is_forced);
    CHECK(heads[0].key_map->last == RecordId{event, 2});  // newer: superseded unless forced
    test.apply(result_of(heads[0], is_forced ? Settlement::kDelivered : Settlement::kSuperseded));
    CHECK(test.state->key_map(kCrm, lane_key("k")).value()->last == RecordId{event, 2});
    heads = test.take();
    REQUIRE(heads.size() == 1);
    CHECK(heads[0].record == RecordId{event, 3});
    CHECK(heads[0].row->body.text == kOriginal);
}

TEST_CASE("editing: a replay that gives way to a newer record takes its edit along",
          "[store][state][letters][merging]") {
    StateUnderTest test;
    auto mergeable = [](std::vector<ConnectionId> targets) {
        TranslatedRecord record = to_deliver("k", std::move(targets));
        record.is_mergeable = true;
        return record;
    };
    Position older = test.event({"k"});
    Position first = test.apply(settled(kCrm, "k", {older, 0}, Settlement::kDead));
    Position event = test.apply(received());
    test.apply(Translated{kRoute, event, {mergeable({kCrm, kShop})}});
    Position letter = test.apply(settled(kCrm, "k", {event, 0}, Settlement::kDead));
    Position newest = test.apply(received());
    const std::uint64_t before = test.state->pending_bytes();
    test.apply(edit(letter));
    test.apply(replay(first));  // the head
    test.apply(replay(letter));
    CHECK(test.state->pending_bytes() == before + kMended.size());
    test.apply(Translated{kRoute, newest, {mergeable({kCrm})}});
    CHECK(test.ledger().superseded == 1);
    CHECK(test.ledger().balances());
    // The record stays for kShop; the event, two bytes of body, became a record.
    CHECK(test.state->pending_bytes() == before - 2 + kOriginal.size());
    auto heads = test.take(kShop);
    REQUIRE(heads.size() == 1);
    CHECK(heads[0].row->body.text == kOriginal);
    test.apply(result_of(heads[0], Settlement::kDelivered));
    test.apply(settled(kCrm, "k", {older, 0}, Settlement::kDelivered));
    test.apply(settled(kCrm, "k", {newest, 0}, Settlement::kDelivered));
    CHECK(test.state->pending_bytes() == 0);
}

TEST_CASE("editing: what has no body of its own can't be edited, and says what to do instead",
          "[store][state][letters]") {
    StateUnderTest test;
    Position letter;
    std::string advice;
    SECTION("a whole request") {
        Position event = test.apply(received());
        letter = test.apply(EventDied{kRoute, event, 9, {"permanent", "no", ""}});
        advice = "have the sender send a corrected one";
    }
    SECTION("a record that is fetched at its turn") {
        Position event = test.apply(received());
        TranslatedRecord record = to_deliver("k");
        record.operation = record::Operation::kFetch;
        record.body = {};
        test.apply(Translated{kRoute, event, {record}});
        letter = test.apply(settled(kCrm, "k", {event, 0}, Settlement::kDead));
        advice = "correct the record in its source";
    }
    SECTION("a deletion that names only its key") {
        Position event = test.apply(received());
        TranslatedRecord record = to_deliver("k");
        record.operation = record::Operation::kDelete;
        record.body = {};
        test.apply(Translated{kRoute, event, {record}});
        letter = test.apply(settled(kCrm, "k", {event, 0}, Settlement::kDead));
        advice = "replay the dead letter, or discard it";
    }
    const auto before = dump(test);
    Command command = edit(letter);
    command.body = file("1-7");
    test.apply(command);
    REQUIRE(test.rejection);
    CHECK(test.rejection->is(kNotEditable));
    CHECK(test.rejection->remedy().find(advice) != std::string::npos);
    auto letters = test.letters();
    REQUIRE(letters.size() == 1);
    CHECK(why_not_editable(letters[0])->is(kNotEditable));
    // Nothing is left of it.
    CHECK(test.state->take_dropped_bodies() == std::vector<std::string>{"1-7"});
    auto after = dump(test);
    after["meta/applied"] = before.at("meta/applied");
    CHECK(after == before);
}

TEST_CASE("editing: a letter that is gone takes no edit", "[store][state][letters]") {
    StateUnderTest test;
    Position event = test.event({"k"});
    Position letter = test.apply(settled(kCrm, "k", {event, 0}, Settlement::kDead));
    test.apply(replay(letter));
    Command command = edit(letter);
    command.body = file("1-7");
    test.apply(command);
    REQUIRE(test.rejection);
    CHECK(test.rejection->is(kNoSuchLetter));
    CHECK(test.state->take_dropped_bodies() == std::vector<std::string>{"1-7"});
    CHECK(body_out(test) == kOriginal);
}

TEST_CASE("editing: a deletion with a body may be edited and stays a deletion",
          "[store][state][letters]") {
    StateUnderTest test;
    Position event = test.apply(received());
    TranslatedRecord record = to_deliver("k");
    record.operation = record::Operation::kDelete;
    test.apply(Translated{kRoute, event, {record}});
    Position letter = test.apply(settled(kCrm, "k", {event, 0}, Settlement::kDead));
    test.apply(edit(letter));
    CHECK_FALSE(test.rejection);
    test.apply(replay(letter));
    auto heads = test.take();
    REQUIRE(heads.size() == 1);
    CHECK(heads[0].row->operation == record::Operation::kDelete);
    CHECK(heads[0].row->body.text == kMended);
}

TEST_CASE("editing: the file of a large body goes with the edit", "[store][state][letters]") {
    StateUnderTest test;
    Position event = test.event({"k"}, {kCrm, kShop});
    Position letter = test.apply(settled(kCrm, "k", {event, 0}, Settlement::kDead));
    Command command = edit(letter);
    command.body = file("1-1");
    test.apply(command);
    command.body = file("1-2");
    test.apply(command);
    CHECK(test.state->take_dropped_bodies() == std::vector<std::string>{"1-1"});
    test.restart();
    CHECK(test.state->body_files().value() == std::vector<std::string>{"1-2"});
    SECTION("when it is replaced by a small one") {
        test.apply(edit(letter));
    }
    SECTION("when it was delivered") {
        test.apply(replay(letter));
        test.apply(settled(kCrm, "k", {event, 0}, Settlement::kDelivered));
    }
    SECTION("when it is given up") {
        test.apply(discard(letter));
    }
    CHECK(test.state->take_dropped_bodies() == std::vector<std::string>{"1-2"});
    CHECK(test.state->body_files().value().empty());
}

TEST_CASE("editing: the same facts come to the same state, wherever a start lies between them",
          "[store][state][letters]") {
    // The facts of a letter's life, with starts before each of them and with none.
    auto live = [](StateUnderTest& test, std::size_t restart_before) {
        std::size_t step = 0;
        auto apply = [&](Fact fact) {
            if (step++ == restart_before) test.restart();
            return test.apply(std::move(fact));
        };
        Position event = test.event({"k", "k"}, {kCrm, kShop});
        Position letter = apply(settled(kCrm, "k", {event, 0}, Settlement::kDead));
        apply(edit(letter, R"({"a":9})"));
        apply(edit(letter));
        apply(replay(letter));
        apply(settled(kCrm, "k", {event, 1}, Settlement::kDelivered));
        letter = apply(settled(kCrm, "k", {event, 0}, Settlement::kDead));
        Position other = apply(settled(kShop, "k", {event, 0}, Settlement::kDead));
        apply(edit(other, R"({"c":1})"));
        apply(replay(letter, true));
        return step;
    };
    StateUnderTest straight;
    const std::size_t steps = live(straight, ~std::size_t{0});
    const auto expected = dump(straight);
    for (std::size_t killed = 0; killed < steps; ++killed) {
        INFO("a start before step " << killed);
        StateUnderTest test;
        live(test, killed);
        CHECK(dump(test) == expected);
    }
}

TEST_CASE("editing: a salvage keeps the edited body, also when the letter itself is lost",
          "[store][letters][salvage]") {
    StateUnderTest test;
    test.apply(Named{NameKind::kConnection, kCrm, true, "crm"});
    Position event = test.event({"k"});
    Position letter = test.apply(settled(kCrm, "k", {event, 0}, Settlement::kDead));
    Command command = edit(letter);
    command.body = file("1-1");
    test.apply(command);
    test.commit();
    const std::uint64_t pending_bytes = test.state->pending_bytes();
    RepairInput input;
    input.letters_from = Position::of(9, 1);
    const bool is_lost = GENERATE(false, true);
    if (is_lost) {
        input.is_damaged[static_cast<std::size_t>(Table::kLetter)] = true;
        auto transaction = test.database->begin_write();
        REQUIRE(transaction.has_value());
        REQUIRE(transaction->erase(Table::kLetter, Key{}.u64(letter.value)).has_value());
        REQUIRE(transaction->commit().has_value());
        test.database->renew();
    }
    test::TempDir folder;
    auto directory = DataDir::open(folder.path(), true);
    REQUIRE(directory.has_value());
    REQUIRE(repair(*test.database, *directory, input).has_value());
    test.reopen();

    auto letters = test.letters();
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].id == (is_lost ? input.letters_from : letter).value);
    REQUIRE(edit_of(*letters[0].record, kCrm) != nullptr);
    CHECK(edit_of(*letters[0].record, kCrm)->body.file == "1-1");
    CHECK(test.state->pending_bytes() == pending_bytes);
    CHECK(test.state->body_files().value() == std::vector<std::string>{"1-1"});
    test.apply(discard(Position{letters[0].id}));
    CHECK(test.state->pending_bytes() == 0);
    CHECK(test.state->body_files().value().empty());
}
