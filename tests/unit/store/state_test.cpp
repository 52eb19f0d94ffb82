#include "store/state.hpp"

#include "samples.hpp"
#include "store/errc.hpp"
#include "store/message_id.hpp"

using namespace syncline;
using namespace syncline::store;

TEST_CASE("lanes: heads come in received order, one of each key", "[store][state]") {
    StateUnderTest test;
    Position first = test.event({"b", "a", "b"});
    Position second = test.event({"a", "c"});
    auto heads = test.take();
    REQUIRE(heads.size() == 3);
    CHECK(heads[0].record == RecordId{first, 0});
    CHECK(heads[1].record == RecordId{first, 1});
    CHECK(heads[2].record == RecordId{second, 1});
    CHECK(heads[0].lane == lane_key("b"));
    CHECK(test.take().empty());
    test.apply(result_of(heads[0], Settlement::kDelivered));
    heads = test.take();
    REQUIRE(heads.size() == 1);
    CHECK(heads[0].record == RecordId{first, 2});
    CHECK(heads[0].row->key == "b");
    CHECK(heads[0].row->received_ns == 1000);
}

TEST_CASE("lanes: order is by when an event was received, not by when it was translated",
          "[store][state]") {
    StateUnderTest test;
    Position first = test.apply(received());
    Position second = test.apply(received());
    test.apply(Translated{kRoute, second, {to_deliver("x")}});
    test.apply(Translated{kRoute, first, {to_deliver("y")}});
    auto heads = test.take();
    REQUIRE(heads.size() == 2);
    CHECK(heads[0].record.event == first);
    // A head that became ready before the place where the search stands is found as well.
    Position third = test.apply(received());
    Position fourth = test.apply(received());
    test.apply(Translated{kRoute, fourth, {to_deliver("u")}});
    CHECK(test.take().size() == 1);
    test.apply(Translated{kRoute, third, {to_deliver("v")}});
    CHECK(test.state->has_ready(kCrm, 0).value());
    heads = test.take();
    REQUIRE(heads.size() == 1);
    CHECK(heads[0].record.event == third);
    CHECK(!test.state->has_ready(kCrm, 0).value());
}

TEST_CASE("lanes: a failing key waits alone, until its time", "[store][state][A21]") {
    StateUnderTest test;
    test.event({"poison", "good"});
    test.event({"poison", "good"});
    auto heads = test.take();
    Settled retry = result_of(heads[0], Settlement::kRetry);
    retry.due_ns = 5000;
    test.apply(retry);
    test.apply(result_of(heads[1], Settlement::kDelivered));
    heads = test.take(kCrm, 100, 4999);
    REQUIRE(heads.size() == 1);
    CHECK(heads[0].row->key == "good");
    CHECK(test.state->next_due(kCrm, 4999).value() == 5000);
    heads = test.take(kCrm, 100, 5000);
    REQUIRE(heads.size() == 1);
    CHECK(heads[0].row->key == "poison");
    CHECK(heads[0].attempt == 2);
    test.apply(result_of(heads[0], Settlement::kDead));
    heads = test.take(kCrm, 100, 5000);
    REQUIRE(heads.size() == 1);  // the next of the key moves up
    CHECK(heads[0].attempt == 1);
}

TEST_CASE("retries: one that is due already, or earlier than one that was taken, is not forgotten",
          "[store][state]") {
    StateUnderTest test;
    test.event({"a", "b", "c"});
    auto heads = test.take();
    for (std::size_t i = 0; i < 3; ++i) {
        Settled retry = result_of(heads[i], Settlement::kRetry);
        retry.due_ns = 100 + static_cast<std::int64_t>(i);
        test.apply(retry);
    }
    heads = test.take(kCrm, 100, 1000);
    REQUIRE(heads.size() == 3);
    Settled retry = result_of(heads[2], Settlement::kRetry);
    retry.due_ns = 0;  // at once
    test.apply(retry);
    CHECK(test.state->has_ready(kCrm, 1000).value());
    heads = test.take(kCrm, 100, 1000);
    REQUIRE(heads.size() == 1);
    CHECK(heads[0].attempt == 3);
}

TEST_CASE("results: a late result of an older attempt changes nothing", "[store][state]") {
    StateUnderTest test;
    Position event = test.event({"k", "k"});
    auto heads = test.take();
    Settled retry = result_of(heads[0], Settlement::kRetry);
    retry.due_ns = 10;
    test.apply(retry);
    test.apply(settled(kCrm, "k", RecordId{event, 0}, Settlement::kDelivered, 1));
    CHECK(test.ledger().delivered == 0);
    heads = test.take(kCrm, 1, 10);
    REQUIRE(heads.size() == 1);
    test.apply(result_of(heads[0], Settlement::kDelivered));
    test.apply(result_of(heads[0], Settlement::kDelivered));
    test.apply(settled(kCrm, "nobody", RecordId{event, 0}, Settlement::kDelivered));
    CHECK(test.ledger().delivered == 1);
    CHECK(test.ledger().pending == 1);
    CHECK(test.ledger().balances());
}

TEST_CASE("key map: keeps the last position and the destination's key", "[store][state]") {
    StateUnderTest test;
    Position event = test.event({"k", "k", "k"});
    Settled result = settled(kCrm, "k", RecordId{event, 0}, Settlement::kDelivered);
    result.destination_key = "d-1";
    result.field_hashes = "f1";
    test.apply(result);
    result = settled(kCrm, "k", RecordId{event, 1}, Settlement::kDelivered);
    result.field_hashes = "f2";
    test.apply(result);
    auto row = test.state->key_map(kCrm, lane_key("k")).value();
    REQUIRE(row);
    CHECK(row->last == RecordId{event, 1});
    CHECK(row->destination_key == "d-1");
    CHECK(row->field_hashes == "f2");
    CHECK(!row->is_unknown);
    test.apply(settled(kCrm, "k", RecordId{event, 2}, Settlement::kFiltered));
    test.restart();
    row = test.state->key_map(kCrm, lane_key("k")).value();
    REQUIRE(row);
    CHECK(row->last == RecordId{event, 1});  // also when the lane is empty
    CHECK(test.rows(Table::kLane) == 0);
}

TEST_CASE("key map: an unknown outcome is flagged until something is delivered", "[store][state]") {
    StateUnderTest test;
    Position event = test.event({"k"});
    Settled retry = settled(kCrm, "k", RecordId{event, 0}, Settlement::kRetry);
    retry.is_unknown = true;
    retry.due_ns = 1;
    test.apply(retry);
    CHECK(test.state->key_map(kCrm, lane_key("k")).value()->is_unknown);
    Settled certain = settled(kCrm, "k", RecordId{event, 0}, Settlement::kRetry, 2);
    certain.due_ns = 2;
    test.apply(certain);
    CHECK(test.state->key_map(kCrm, lane_key("k")).value()->is_unknown);
    test.apply(settled(kCrm, "k", RecordId{event, 0}, Settlement::kDelivered, 3));
    CHECK(!test.state->key_map(kCrm, lane_key("k")).value()->is_unknown);
}

TEST_CASE("targets: a record is stored once however many connections get it", "[store][state]") {
    StateUnderTest test;
    Position event = test.event({"k"}, {kCrm, kShop, kCrm});
    CHECK(test.rows(Table::kRecord) == 1);
    CHECK(test.ledger(kCrm).pending == 1);
    test.apply(settled(kCrm, "k", RecordId{event, 0}, Settlement::kDelivered));
    CHECK(test.rows(Table::kRecord) == 1);
    test.apply(settled(kShop, "k", RecordId{event, 0}, Settlement::kUnchanged));
    CHECK(test.rows(Table::kRecord) == 0);
    CHECK(test.state->pending_bytes() == 0);
    test.apply(Translated{kRoute, test.apply(received()), {to_deliver("nobody", {})}});
    CHECK(test.rows(Table::kRecord) == 0);
    CHECK(test.route().translated == 2);
    CHECK(test.route().balances());
}

TEST_CASE("duplicates: an id is known for a window of ticks, per route", "[store][state]") {
    StateUnderTest test;
    std::string id(16, 'i');
    test.apply(received("{}", id, 0));
    test.apply(received("{}", id, 5));
    CHECK(test.route().duplicate == 1);
    Received elsewhere = received("{}", id, 5);
    elsewhere.route = 2;
    test.apply(elsewhere);
    CHECK(test.state->route_ledgers().at(2).duplicate == 0);
    test.apply(received());
    test.apply(received());
    CHECK(test.route().duplicate == 1);  // without an id nothing is a duplicate
    test.apply(Ticked{kDedupWindowNs});
    test.restart();
    test.apply(received("{}", id, 6));
    CHECK(test.route().duplicate == 2);
    test.apply(Ticked{kDedupWindowNs + 61'000'000'000});
    test.apply(Ticked{5});  // time does not go back
    CHECK(test.rows(Table::kDedup) == 0);
    CHECK(test.rows(Table::kDedupExpiry) == 0);
    test.apply(received("{}", id, kDedupWindowNs));
    CHECK(test.route().duplicate == 2);
    CHECK(test.route().balances());
}

TEST_CASE("duplicates: another body under an id that is known is a repeat, and is noticed [F4]",
          "[store][state][F4]") {
    StateUnderTest test;
    auto send = [&](std::string_view id, std::string_view body) {
        test.apply(received(std::string{body}, message_id(id, body, 7)));
        return test.is_altered_repeat;
    };
    CHECK_FALSE(send("m1", "{}"));
    CHECK_FALSE(send("m1", "{}"));
    CHECK(send("m1", "{ }"));
    test.restart();
    CHECK(send("m1", "{ }"));  // what came first is what counts
    CHECK_FALSE(send("m1", "{}"));
    CHECK_FALSE(send("m2", "{ }"));
    CHECK(test.route().duplicate == 4);
    REQUIRE(test.events().size() == 2);
    // An earlier version wrote no more than the id: nothing is known of its body.
    const std::string old = message_id("m3", "", 7).substr(0, kMessageIdentityBytes);
    test.apply(received("{}", old));
    CHECK_FALSE(send("m3", "{}"));
    test.apply(received("{}", std::string{identity_of(message_id("m1", "", 7))}));
    CHECK_FALSE(test.is_altered_repeat);
    CHECK(test.route().duplicate == 6);
    CHECK(test.route().balances());
}

TEST_CASE("letters: a dead record is listed, discarded, or replayed in its order",
          "[store][state]") {
    StateUnderTest test;
    Position event = test.event({"k", "k"});
    Settled dead = settled(kCrm, "k", RecordId{event, 0}, Settlement::kDead);
    dead.failure = {"PERMANENT", "no such thing", "404"};
    Position letter = test.apply(dead);
    auto letters = test.letters();
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].id == letter.value);
    CHECK(letters[0].row.failure.provider_code == "404");
    REQUIRE(letters[0].record);
    CHECK(letters[0].record->key == "k");
    CHECK(test.ledger().dead == 1);

    test.apply(Command{CommandKind::kReplayLetter, letter.value, true, 0});
    CHECK(!test.rejection);
    CHECK(test.letters().empty());
    CHECK(test.ledger().dead == 0);
    CHECK(test.ledger().pending == 2);
    test.apply(settled(kCrm, "k", RecordId{event, 1}, Settlement::kDelivered));
    auto heads = test.take();
    REQUIRE(heads.size() == 1);
    CHECK(heads[0].record == RecordId{event, 0});
    CHECK(heads[0].is_forced);

    Position again = test.apply(result_of(heads[0], Settlement::kDead));
    test.apply(Command{CommandKind::kDiscardLetter, again.value, false, 0});
    CHECK(test.ledger().discarded == 1);
    CHECK(test.ledger().balances());
    CHECK(test.rows(Table::kRecord) == 0);
    test.apply(Command{CommandKind::kDiscardLetter, again.value, false, 0});
    REQUIRE(test.rejection);
    CHECK(test.rejection->is(kNoSuchLetter));
}

TEST_CASE("letters: keep what the platform answered, and count it as backlog", "[store][state]") {
    StateUnderTest test;
    Position event = test.event({"k"});
    std::uint64_t before = test.state->pending_bytes();
    Settled dead = settled(kCrm, "k", RecordId{event, 0}, Settlement::kDead);
    dead.answer = answer();
    Position letter = test.apply(dead);
    CHECK(test.state->pending_bytes() == before + size_of(answer()));
    test.restart();
    auto letters = test.letters();
    REQUIRE(letters.size() == 1);
    REQUIRE(letters[0].row.answer);
    CHECK(letters[0].row.answer->request == "POST http://host/v1");
    CHECK(letters[0].row.answer->status == 422);
    CHECK(letters[0].row.answer->content_type == "text/plain");
    CHECK(letters[0].row.answer->body == "no such user");
    CHECK(letters[0].row.answer->body_bytes == 12);

    test.apply(Command{CommandKind::kReplayLetter, letter.value, false, 0});
    CHECK(test.state->pending_bytes() == before);
    letter = test.apply(settled(kCrm, "k", RecordId{event, 0}, Settlement::kDead));
    CHECK_FALSE(test.letters().at(0).row.answer);
    test.apply(Command{CommandKind::kDiscardLetter, letter.value, false, 0});
    CHECK(test.state->pending_bytes() == 0);
}

TEST_CASE("letters: one that an earlier version wrote stays readable", "[store][rows]") {
    LetterRow row;
    row.lane = "k";
    row.failure = {"PERMANENT", "no", "404"};
    row.event = "e";
    const std::string now = encode(row);
    std::string old = now.substr(0, now.size() - 1);  // version 2 added the answer, at the end
    old.front() = 1;
    auto read = decode_row<LetterRow>(old);
    REQUIRE(read.has_value());
    CHECK_FALSE(read->answer);
    CHECK(read->event == "e");
    CHECK(encode(*read) == now);
    std::string newer = now;
    ++newer.front();
    CHECK(decode_row<LetterRow>(newer).error().is(kNewerFormat));
}

TEST_CASE("rows: what earlier versions wrote stays readable", "[store][rows]") {
    const auto as_before = [](std::string row, std::size_t bytes_less, char version = 1) {
        row.resize(row.size() - bytes_less);
        row.front() = version;
        return row;
    };
    RecordRow record;
    record.key = "k";
    CHECK(encode(*decode_row<RecordRow>(as_before(encode(record), 1 + 4 + 4 + 4 + 4))) ==
          encode(record));
    CHECK(encode(*decode_row<RecordRow>(as_before(encode(record), 4, 2))) == encode(record));
    LaneRow lane;
    lane.count = 3;
    CHECK(encode(*decode_row<LaneRow>(as_before(encode(lane), 12 + 4))) == encode(lane));
    RouteLedger route;
    route.received = 5;
    CHECK(encode(*decode_row<RouteLedger>(as_before(encode(route), 8))) == encode(route));
    ConnectionLedger connection;
    connection.pending = 5;
    CHECK(encode(*decode_row<ConnectionLedger>(as_before(encode(connection), 8))) ==
          encode(connection));
    KeyMapRow known;
    known.field_hashes = "without names";
    known.destination_key = "d";
    auto read = decode_row<KeyMapRow>(as_before(encode(known), 0));
    REQUIRE(read.has_value());
    CHECK(read->destination_key == "d");
    CHECK(read->field_hashes.empty());
}

TEST_CASE("letters: an older record that is replayed behind others goes before younger ones",
          "[store][state]") {
    StateUnderTest test;
    Position event = test.event({"k", "k", "k", "k"});
    Position letter = test.apply(settled(kCrm, "k", RecordId{event, 0}, Settlement::kDead));
    test.apply(settled(kCrm, "k", RecordId{event, 1}, Settlement::kDelivered));
    test.apply(Command{CommandKind::kReplayLetter, letter.value, false,
                       0});  // behind record 2, which is the head
    test.apply(settled(kCrm, "k", RecordId{event, 2}, Settlement::kDelivered));
    auto heads = test.take();
    REQUIRE(heads.size() == 1);
    CHECK(heads[0].record == RecordId{event, 0});
    CHECK(heads[0].key_map->last == RecordId{event, 2});
    test.apply(result_of(heads[0], Settlement::kSuperseded));
    heads = test.take();
    REQUIRE(heads.size() == 1);
    CHECK(heads[0].record == RecordId{event, 3});
}

TEST_CASE("letters: a dead event is replayed as an event", "[store][state]") {
    StateUnderTest test;
    Position event = test.apply(received("{\"x\":1}"));
    test.apply(received());
    CHECK(test.events().size() == 2);
    Position letter = test.apply(EventDied{kRoute, event, 9, {"MAPPING", "no", ""}});
    CHECK(test.route().dead == 1);
    REQUIRE(test.letters().size() == 1);
    CHECK(test.letters()[0].event->body.text == "{\"x\":1}");
    CHECK(test.events().empty());
    test.apply(Command{CommandKind::kReplayLetter, letter.value, false, 0});
    CHECK(test.route().dead == 0);
    CHECK(test.route().pending == 2);
    auto events = test.events();
    REQUIRE(events.size() == 1);
    CHECK(events[0].position == event);
    letter = test.apply(EventDied{kRoute, event, 9, {"MAPPING", "no", ""}});
    test.apply(Command{CommandKind::kDiscardLetter, letter.value, false, 0});
    CHECK(test.letters().empty());
    CHECK(test.route().balances());
}

TEST_CASE("bodies: a file goes with its last reference, and not before", "[store][state]") {
    StateUnderTest test;
    Body large;
    large.file = "1-1";
    large.size = 1 << 20;
    Received event = received();
    event.body = large;
    Position at = test.apply(event);
    CHECK(test.state->body_files().value() == std::vector<std::string>{"1-1"});
    Translated translated{kRoute, at, {to_deliver("a"), to_deliver("b", {})}};
    translated.records[0].body = large;  // the event's own file
    translated.records[1].body = large;
    test.apply(translated);
    CHECK(test.state->take_dropped_bodies().empty());
    Position letter = test.apply(settled(kCrm, "a", RecordId{at, 0}, Settlement::kDead));
    test.restart();
    CHECK(test.state->body_files().value().size() == 1);
    test.apply(Command{CommandKind::kDiscardLetter, letter.value, false, 0});
    CHECK(test.state->take_dropped_bodies() == std::vector<std::string>{"1-1"});
    CHECK(test.state->body_files().value().empty());
}

TEST_CASE("bodies: the file of a fact without effect goes as well", "[store][state]") {
    StateUnderTest test;
    std::string id(16, 'i');
    Position at = test.apply(received("{}", id));
    Received repeat = received("{}", id);
    repeat.body.file = "1-2";
    test.apply(repeat);
    CHECK(test.state->take_dropped_bodies() == std::vector<std::string>{"1-2"});
    test.apply(Translated{kRoute, at, {}});
    Translated late{kRoute, at, {to_deliver("a")}};
    late.records[0].body.file = "1-3";
    test.apply(late);
    CHECK(test.state->take_dropped_bodies() == std::vector<std::string>{"1-3"});
}

TEST_CASE("parked: the lanes of a connection that is gone stay, and go on when it is back",
          "[store][state]") {
    StateUnderTest test;
    test.apply(Named{NameKind::kConnection, kCrm, true, "crm"});
    test.event({"a", "b"});
    test.apply(Named{NameKind::kConnection, kCrm, false, "crm"});
    test.restart();
    CHECK(!test.state->names(NameKind::kConnection).at(kCrm).is_present);
    CHECK(test.ledger().pending == 2);
    test.apply(Named{NameKind::kConnection, kCrm, true, "crm-2"});
    CHECK(test.state->names(NameKind::kConnection).at(kCrm).name == "crm-2");
    CHECK(test.take().size() == 2);
}

TEST_CASE("restart: what was in flight is pending again", "[store][state]") {
    StateUnderTest test;
    test.event({"a"});
    test.apply(received());
    CHECK(test.take().size() == 1);
    CHECK(test.events().size() == 1);
    std::uint64_t pending = test.state->pending_bytes();
    test.restart();
    CHECK(test.take().size() == 1);
    CHECK(test.events().size() == 1);
    CHECK(test.state->pending_bytes() == pending);
}

TEST_CASE("format: a state of a newer syncline is refused by name", "[store][state]") {
    StateUnderTest test;
    test.state->create(1);
    test.state->overlay().put(Table::kMeta, "format", std::string(7, '\0') + '\4');
    auto loaded = test.state->load();
    REQUIRE(loaded.has_error());
    CHECK(loaded.error().is(kNewerFormat));
}
