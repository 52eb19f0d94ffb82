#include "store/fact.hpp"

#include "samples.hpp"
#include "store/errc.hpp"

using namespace syncline;
using namespace syncline::store;

namespace {

std::string encoded(const Fact& fact) {
    std::string bytes;
    encode(fact, bytes);
    return bytes;
}

std::vector<Fact> one_of_each() {
    Received full = received("{\"id\":7}", std::string(16, 'm'), 42);
    full.query = "a=b";
    full.headers = {{"content-type", "application/json"}, {"x", ""}};
    full.answering = kCrm;
    Body large;
    large.file = "3-9";
    large.size = 300'000;
    TranslatedRecord gone = to_deliver("k\xC3\xBC", {kCrm, kShop});
    gone.operation = record::Operation::kDelete;
    gone.occurred_ns = -5;
    gone.body = large;
    TranslatedRecord child = to_deliver("c", {});
    child.operation = record::Operation::kFetch;
    child.is_mergeable = true;
    child.parent_key = "p";
    child.targets = {{kCrm, 5}, {kShop, 0}};
    Settled result = settled(kShop, "k", RecordId{Position::of(2, 3), 4}, Settlement::kRetry, 9);
    result.is_unknown = true;
    result.at_ns = 1;
    result.due_ns = 2;
    result.destination_key = "d";
    result.row_hash = core::hash128("row", 1);
    result.field_hashes = "hashes";
    result.failure = {"TRANSIENT", "timed out", "504"};
    Settled dead = settled(kShop, "k", RecordId{Position::of(2, 3), 4}, Settlement::kDead, 9);
    dead.answer = answer();
    dead.reply = "{\"id\":1}";
    return {
        EpochBegan{7, "0.1.0"},
        Named{NameKind::kConnection, 3, false, "crm"},
        HandshakeAnswered{4},
        full,
        Translated{kRoute, Position::of(2, 3), {to_deliver("a"), gone, to_deliver("b", {}), child}},
        EventDied{kRoute, Position::of(1, 2), 5, {"PERMANENT", "no", ""}},
        result,
        dead,
        Command{CommandKind::kReplayLetter, 77, true, 6},
        Command{CommandKind::kEditLetter, 77, false, 6, Body::inline_text("{}")},
        Ticked{8},
        QueryAnswered{kRoute},
        IdsMapped{2, {{"lists", "a", "7"}, {"lists", "b", ""}}}};
}

}  // namespace

TEST_CASE("facts: every type survives writing and reading", "[store][fact]") {
    for (const Fact& fact : one_of_each()) {
        std::string bytes = encoded(fact);
        std::string_view rest = bytes;
        auto read = decode(rest);
        REQUIRE(read.has_value());
        CHECK(rest.empty());
        CHECK(read->index() == fact.index());
        CHECK(encoded(*read) == bytes);
    }
}

TEST_CASE("facts: several stand behind one another", "[store][fact]") {
    std::string bytes;
    for (const Fact& fact : one_of_each()) encode(fact, bytes);
    std::string_view rest = bytes;
    std::size_t count = 0;
    for (; !rest.empty(); ++count) REQUIRE(decode(rest).has_value());
    CHECK(count == one_of_each().size());
}

TEST_CASE("facts: the persisted bytes are what the first release wrote", "[store][fact]") {
    CHECK(core::to_hex(encoded(Ticked{0x0102030405060708})) == "0901080000000807060504030201");
    CHECK(core::to_hex(encoded(Named{NameKind::kConnection, 3, true, "crm"})) ==
          "02010d000000"
          "02"
          "03000000"
          "01"
          "03000000"
          "63726d");
    CHECK(core::to_hex(encoded(EventDied{1, Position{2}, 3, {"T", "m", ""}})) ==
          "060122000000"
          "01000000"
          "0200000000000000"
          "0300000000000000"
          "01000000"
          "54"
          "01000000"
          "6d"
          "00000000");
}

TEST_CASE("facts: a result may carry the platform's answer", "[store][fact]") {
    Settled dead = settled(1, "k", RecordId{Position{2}, 3}, Settlement::kDead);
    dead.answer = answer();
    std::string bytes = encoded(dead);
    std::string_view rest = bytes;
    auto read = decode(rest);
    REQUIRE(read.has_value());
    CHECK(std::get<Settled>(*read).answer->request == "POST http://host/v1");
    CHECK(std::get<Settled>(*read).answer->status == 422);
    CHECK(std::get<Settled>(*read).answer->content_type == "text/plain");
    CHECK(std::get<Settled>(*read).answer->body == "no such user");
    CHECK(std::get<Settled>(*read).answer->body_bytes == 12);
}

// What a version added stands at the end of the fact: without it and with a lower number, the bytes
// are those of an earlier version.
TEST_CASE("facts: what earlier versions wrote stays readable", "[store][fact]") {
    const auto as_before = [](const Fact& fact, std::uint8_t version, std::size_t bytes_less) {
        std::string old = encoded(fact);
        old.resize(old.size() - bytes_less);
        old[1] = static_cast<char>(version);
        const auto length = static_cast<std::uint32_t>(old.size() - 6);
        std::memcpy(old.data() + 2, &length, sizeof length);
        return old;
    };
    const auto reads = [](const std::string& bytes, const Fact& fact) {
        std::string_view rest = bytes;
        auto read = decode(rest);
        return read.has_value() && rest.empty() && encoded(*read) == encoded(fact);
    };
    Settled done = settled(1, "k", RecordId{Position{2}, 3}, Settlement::kDelivered);
    CHECK(reads(as_before(done, 2, 4 + 8), done));      // no reply, no as_of
    CHECK(reads(as_before(done, 1, 4 + 8 + 1), done));  // no answer of the platform
    Settled with_hashes = done;
    with_hashes.field_hashes = "without names";
    CHECK(reads(as_before(with_hashes, 2, 4 + 8), done));

    CHECK(reads(as_before(received("{}"), 1, 4), received("{}")));
    Command command{CommandKind::kReplayLetter, 5, false, 6};
    CHECK(reads(as_before(command, 1, 16), command));
    CHECK(core::to_hex(as_before(command, 1, 16)) ==
          "080112000000"
          "02"
          "0500000000000000"
          "00"
          "0600000000000000");

    // A record of version 1 ends with its targets: their count, and a number each.
    TranslatedRecord plain = to_deliver("k", {});
    Translated translated{kRoute, Position::of(1, 2), {plain}};
    std::string old = as_before(translated, 1, 1 + 4 + 4);  // is_mergeable, parent_key, targets
    old += std::string("\2\0\0\0\7\0\0\0\11\0\0\0", 12);
    old[2] = static_cast<char>(old.size() - 6);
    translated.records[0].targets = {{7, 0}, {9, 0}};
    CHECK(reads(old, translated));
}

TEST_CASE("facts: a newer version or an unknown type is refused by name", "[store][fact]") {
    std::string bytes = encoded(Ticked{1});
    std::string newer = bytes;
    newer[1] = 2;
    std::string_view rest = newer;
    auto read = decode(rest);
    REQUIRE(read.has_error());
    CHECK(read.error().is(kNewerFormat));
    CHECK(read.error().what().find("type 9 in version 2") != std::string::npos);
    std::string unknown = bytes;
    unknown[0] = 40;
    rest = unknown;
    read = decode(rest);
    REQUIRE(read.has_error());
    CHECK(read.error().is(kNewerFormat));
    CHECK(read.error().what().find("type 40") != std::string::npos);
}

TEST_CASE("facts: cut and scrambled bytes are an error, never a crash", "[store][fact]") {
    for (const Fact& fact : one_of_each()) {
        const std::string bytes = encoded(fact);
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            std::string_view rest = std::string_view{bytes}.substr(0, size);
            CHECK(decode(rest).has_error());
        }
        for (std::size_t at = 0; at < bytes.size(); ++at) {
            std::string damaged = bytes;
            damaged[at] = static_cast<char>(damaged[at] ^ 0xff);
            std::string_view rest = damaged;
            auto read = decode(rest);
            if (read.has_value()) CHECK(encoded(*read).size() == bytes.size());
        }
    }
}

TEST_CASE("facts: a settlement that does not exist is an error", "[store][fact]") {
    std::string bytes = encoded(settled(kCrm, "k", RecordId{}, static_cast<Settlement>(7)));
    std::string_view rest = bytes;
    auto read = decode(rest);
    REQUIRE(read.has_error());
    CHECK(read.error().is(kJournalDamaged));
}

TEST_CASE("lane keys: two keys never share a lane and every key fits", "[store][fact]") {
    CHECK(lane_key("k") == "=k");
    std::string common(1000, 'x');
    CHECK(lane_key(common + "a") != lane_key(common + "b"));
    CHECK(lane_key(common).size() == 241);
    CHECK(lane_key(std::string(240, 'x')).size() == 241);
    CHECK(lane_key(std::string(240, 'x')) != lane_key(std::string(241, 'x')));
}
