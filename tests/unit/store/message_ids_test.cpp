// Message ids: how long and how many of them are known, whatever was committed when.
#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/hash.hpp"
#include "samples.hpp"
#include "store/message_id.hpp"
#include "store/repair.hpp"

using namespace syncline;
using namespace syncline::store;

namespace {

constexpr std::int64_t kMinute = 60'000'000'000;

std::string id_of(int number) {
    return core::sha256(std::to_string(number)).substr(0, kMessageIdentityBytes);
}

class Ids : public StateUnderTest {
  public:
    using StateUnderTest::StateUnderTest;

    // Whether it was new.
    bool send(int number, std::int64_t at_ns = 0) {
        const std::uint64_t before = duplicates();
        apply(received("{}", id_of(number), at_ns));
        return duplicates() == before;
    }
    bool knows(int number) {
        auto first = state->first_with(kRoute, id_of(number));
        REQUIRE(first.has_value());
        return first->has_value();
    }
    // As an earlier version left them: each with a row that ends it.
    void remember_as_before(int number, std::uint32_t minute, Position at) {
        const Key key = dedup_key(kRoute, id_of(number));
        state->overlay().put(Table::kDedup, key, Key{}.u64(at.value).str());
        state->overlay().put(Table::kDedupExpiry, Key{}.u32(minute).raw(key), "");
    }
    void open_format(std::uint64_t number) {
        state->create(7);
        state->overlay().put(Table::kMeta, meta::kFormat, Key{}.u64(number).str());
        restart();
    }
    std::uint64_t duplicates() {
        auto ledger = state->route_ledgers().find(kRoute);
        return ledger == state->route_ledgers().end() ? 0 : ledger->second.duplicate;
    }
};

void repair_of(Ids& ids, bool is_damaged, std::int64_t now_ns) {
    test::TempDir folder;
    auto data_dir = DataDir::open(folder.path() / "data", true);
    REQUIRE(data_dir.has_value());
    RepairInput input;
    input.newest = ids.state->applied();
    input.letters_from = Position::of(2, 1);
    input.now_ns = now_ns;
    input.is_damaged[static_cast<std::size_t>(Table::kDedupExpiry)] = is_damaged;
    REQUIRE(repair(*ids.database, *data_dir, input).has_value());
    ids.database->renew();
    ids.reopen();
}

}  // namespace

TEST_CASE("message ids: all that came in a minute are forgotten with one row, their own go later",
          "[store][message_ids][F9]") {
    Ids ids;
    for (int i = 0; i < 30'000; ++i) ids.send(i);
    CHECK(ids.rows(Table::kDedup) == 30'000);
    CHECK(ids.rows(Table::kDedupExpiry) == 2);  // 20,000 are one, so that a bound can cut
    ids.apply(Ticked{kDedupWindowNs + 2 * kMinute});
    CHECK_FALSE(ids.knows(0));
    CHECK_FALSE(ids.knows(29'999));
    CHECK(ids.rows(Table::kDedupExpiry) == 0);
    CHECK(ids.rows(Table::kDedup) == 20'000);  // a tick does so much and no more
    for (int i = 30'000; i < 35'000; ++i) ids.send(i, kDedupWindowNs + 2 * kMinute);
    CHECK(ids.rows(Table::kDedup) == 5'000);  // the rest goes with those that come
    CHECK(ids.duplicates() == 0);
    CHECK_FALSE(ids.send(34'999));
}

TEST_CASE("message ids: no more than so many are known, and the oldest go first",
          "[store][message_ids][F9]") {
    Ids ids{1'000};
    for (int i = 0; i < 1'000; ++i) ids.send(i, i * kMinute);
    ids.restart();  // the count is not forgotten
    CHECK(ids.knows(0));
    for (int i = 1'000; i < 1'500; ++i) ids.send(i, i * kMinute);
    CHECK(ids.rows(Table::kDedupExpiry) == 1'000);
    CHECK(ids.knows(500));
    CHECK_FALSE(ids.knows(499));
    ids.restart();
    CHECK(ids.knows(500));
    CHECK_FALSE(ids.knows(499));
    ids.apply(Ticked{1'500 * kMinute});
    CHECK(ids.rows(Table::kDedup) == 1'000);
    CHECK_FALSE(ids.send(500, 1'500 * kMinute));
    CHECK(ids.send(499, 1'500 * kMinute));
}

TEST_CASE("message ids: one that comes anew is not taken for what it was before",
          "[store][message_ids][F9]") {
    Ids ids;
    constexpr int kMany = 15'000;
    constexpr std::int64_t kLater = kDedupWindowNs + 2 * kMinute;
    for (int i = 0; i < kMany; ++i) ids.send(i);
    ids.commit();
    ids.apply(Ticked{kLater});
    ids.commit();
    std::vector<int> left;  // forgotten, and their rows are still there
    for (int i = 0; i < kMany && left.size() < 20; ++i) {
        auto row = ids.database->get(Table::kDedup, dedup_key(kRoute, id_of(i)));
        REQUIRE(row.has_value());
        if (*row) left.push_back(i);
    }
    REQUIRE(left.size() == 20);
    for (int i : left) {
        CHECK_FALSE(ids.knows(i));
        CHECK(ids.send(i, kLater));
    }
    SECTION("and is committed before the old row would go") {
        ids.restart();
    }
    SECTION("and is in memory when the old row would go") {
        CHECK(ids.knows(left[0]));
    }
    ids.apply(Ticked{kLater});
    ids.apply(Ticked{kLater});
    CHECK(ids.rows(Table::kDedup) == 20);
    ids.restart();
    for (int i : left) CHECK_FALSE(ids.send(i, kLater));
}

TEST_CASE("message ids: a clock that goes back shortens nobody's window", "[store][message_ids]") {
    Ids ids;
    ids.send(1, 10 * kMinute);
    ids.send(2, 9 * kMinute);  // took a little longer: goes with those around it
    ids.send(3, 5 * kMinute);
    ids.send(4, 10 * kMinute);
    CHECK(ids.rows(Table::kDedupExpiry) == 3);
    ids.apply(Ticked{kDedupWindowNs + 6 * kMinute});
    CHECK(ids.knows(1));
    CHECK(ids.knows(2));
    CHECK_FALSE(ids.knows(3));
    CHECK(ids.knows(4));
    ids.restart();
    CHECK(ids.knows(2));
    CHECK_FALSE(ids.knows(3));
    ids.apply(Ticked{kDedupWindowNs + 11 * kMinute});
    CHECK_FALSE(ids.knows(1));
    CHECK(ids.rows(Table::kDedup) == 0);
}

TEST_CASE("message ids: what is known depends on facts, not on commits and crashes",
          "[store][message_ids][model]") {
    for (std::uint32_t seed = 1; seed <= 8; ++seed) {
        INFO("seed " << seed);
        std::mt19937 random{seed};
        Ids ids;
        std::map<int, std::uint32_t> known;  // with the minute
        std::vector<NumberedFact> uncommitted;
        Position next = Position::of(1, 1);
        std::int64_t now_ns = 0;
        auto apply = [&](Fact fact) {
            uncommitted.push_back({next, fact});
            next = next.next();
            REQUIRE(ids.state->apply(uncommitted.back()).has_value());
        };
        std::uint64_t repeats = 0;
        for (int step = 0; step < 4'000; ++step) {
            const auto what = random() % 100;
            if (what < 2) {
                ids.commit();
                uncommitted.clear();
            } else if (what < 4) {
                ids.reopen();
                for (const NumberedFact& fact : uncommitted)
                    REQUIRE(ids.state->apply(fact).has_value());
            } else if (what < 20) {
                now_ns += static_cast<std::int64_t>(random() % 1'000) * kMinute;
                apply(Ticked{now_ns});
                const std::uint32_t oldest =
                    now_ns < kDedupWindowNs ? 0 : minute_of(now_ns - kDedupWindowNs);
                std::erase_if(known, [&](const auto& id) { return id.second < oldest; });
            } else {
                const int number = static_cast<int>(random() % 500);
                const bool is_new = known.emplace(number, minute_of(now_ns)).second;
                const std::uint64_t before = ids.duplicates();
                apply(received("{}", id_of(number), now_ns));
                REQUIRE((ids.duplicates() == before) == is_new);
                repeats += is_new ? 0 : 1;
            }
        }
        CHECK(repeats > 100);
        for (int i = 0; i < 500; ++i) REQUIRE(ids.knows(i) == known.contains(i));
        for (int round = 0; round < 2; ++round) {
            ids.commit();
            apply(Ticked{now_ns});  // to the end of the table, and from its beginning
        }
        CHECK(ids.rows(Table::kDedup) == known.size());
    }
}

TEST_CASE("message ids: those of an earlier version stay known for their window",
          "[store][message_ids]") {
    Ids ids;
    std::vector<Position> at;
    for (int i = 0; i < 4; ++i) at.push_back(ids.apply(received()));
    for (int i = 0; i < 4; ++i)
        ids.remember_as_before(i, static_cast<std::uint32_t>(10 * i),
                               at[static_cast<std::size_t>(i)]);
    ids.open_format(2);
    CHECK(ids.state->first_with(kRoute, id_of(2)).value() == at[2]);
    CHECK_FALSE(ids.send(3, 35 * kMinute));
    CHECK(ids.send(4, 35 * kMinute));
    ids.apply(Ticked{kDedupWindowNs + 15 * kMinute});
    CHECK_FALSE(ids.knows(1));
    CHECK(ids.knows(2));
    CHECK(ids.rows(Table::kDedup) == 3);
    CHECK(ids.send(1, kDedupWindowNs + 15 * kMinute));  // anew
    ids.restart();
    CHECK(ids.knows(1));
    CHECK(ids.knows(3));
    CHECK(ids.knows(4));
    ids.apply(Ticked{kDedupWindowNs + 31 * kMinute});
    CHECK_FALSE(ids.knows(3));
    CHECK(ids.knows(1));
    CHECK(ids.knows(4));
    ids.apply(Ticked{kDedupWindowNs + 36 * kMinute});
    CHECK_FALSE(ids.knows(4));
    CHECK(ids.rows(Table::kDedup) == 1);
    CHECK(ids.rows(Table::kDedupExpiry) == 1);
}

TEST_CASE("message ids: the bound takes an earlier version's one by one, oldest first",
          "[store][message_ids][F9]") {
    Ids ids{3};
    for (int i = 0; i < 3; ++i)
        ids.remember_as_before(i, static_cast<std::uint32_t>(i), ids.apply(received()));
    ids.open_format(2);
    CHECK(ids.send(3, 10 * kMinute));
    CHECK_FALSE(ids.knows(0));
    CHECK(ids.knows(1));
    CHECK(ids.knows(2));
    ids.restart();
    CHECK(ids.send(4, 10 * kMinute));
    CHECK_FALSE(ids.knows(1));
    CHECK(ids.knows(2));
    CHECK(ids.knows(3));
}

TEST_CASE("message ids: what a lost row said of them is a whole window from now",
          "[store][message_ids][salvage]") {
    Ids ids;
    ids.send(1, 0);
    ids.send(2, 10 * kMinute);
    ids.send(3, 20 * kMinute);
    ids.commit();
    SECTION("when rows may be lost") {
        auto row = ids.state->overlay().seek(Table::kDedupExpiry, Key{}.u32(10), "");
        REQUIRE((row.has_value() && row->has_value()));
        ids.state->overlay().erase(Table::kDedupExpiry, (*row)->key);
        ids.restart();
        CHECK_FALSE(ids.knows(2));
        repair_of(ids, true, 60 * kMinute);
        CHECK(ids.knows(1));
        CHECK(ids.knows(2));
        ids.apply(Ticked{kDedupWindowNs + 59 * kMinute});
        CHECK_FALSE(ids.knows(1));
        CHECK(ids.knows(2));
        CHECK_FALSE(ids.knows(3));
        ids.apply(Ticked{kDedupWindowNs + 61 * kMinute});
        CHECK_FALSE(ids.knows(2));
    }
    SECTION("when none is, nothing comes back") {
        ids.apply(Ticked{kDedupWindowNs + 5 * kMinute});
        repair_of(ids, false, kDedupWindowNs + 5 * kMinute);
        CHECK(ids.knows(1));  // the tick was not committed
        ids.apply(Ticked{kDedupWindowNs + 15 * kMinute});
        ids.restart();
        repair_of(ids, false, kDedupWindowNs + 15 * kMinute);
        CHECK_FALSE(ids.knows(1));
        CHECK_FALSE(ids.knows(2));
        CHECK(ids.knows(3));
    }
    SECTION("an earlier version's have none, and are known as well") {
        ids.remember_as_before(4, 30, Position::of(1, 2));
        for (;;) {
            auto row = ids.state->overlay().seek(Table::kDedupExpiry, std::string(1, '\0'), "");
            REQUIRE((row.has_value() && row->has_value()));
            if ((*row)->key.size() > 12) break;
            ids.state->overlay().erase(Table::kDedupExpiry, (*row)->key);
        }
        ids.commit();
        repair_of(ids, false, 60 * kMinute);
        for (int i = 1; i <= 4; ++i) CHECK(ids.knows(i));
        ids.apply(Ticked{kDedupWindowNs + 31 * kMinute});
        CHECK_FALSE(ids.knows(4));
        CHECK(ids.knows(3));
    }
}
