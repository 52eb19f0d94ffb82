// Facts and helpers that the store's tests share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/database.hpp"
#include "store/fact.hpp"
#include "store/state.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

namespace syncline::store {

inline constexpr RouteId kRoute = 1;
inline constexpr ConnectionId kCrm = 11, kShop = 12;
inline constexpr std::uint64_t kSegment = 64 * 1024;

inline std::vector<std::string> keys_of(const std::vector<LaneHead>& heads) {
    std::vector<std::string> keys;
    for (const LaneHead& head : heads) keys.push_back(head.row->key);
    return keys;
}

// Changes one bit of a file.
inline void flip(const std::filesystem::path& file, std::uint64_t at) {
    std::fstream stream{file, std::ios::binary | std::ios::in | std::ios::out};
    stream.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(stream.get() ^ 1);
    stream.seekp(static_cast<std::streamoff>(at));
    stream.put(byte);
}

inline Received received(std::string text = "{}", std::string message_id = "",
                         std::int64_t at_ns = 1000) {
    Received fact;
    fact.route = kRoute;
    fact.received_ns = at_ns;
    fact.message_id = std::move(message_id);
    fact.method = "POST";
    fact.path = "/in";
    fact.body = Body::inline_text(std::move(text));
    return fact;
}

inline TranslatedRecord to_deliver(std::string key, std::vector<ConnectionId> targets = {kCrm}) {
    TranslatedRecord made;
    made.stream = "users";
    made.key = std::move(key);
    made.body = Body::inline_text("{\"a\":1}");
    for (ConnectionId target : targets) made.targets.push_back({target, 0});
    return made;
}

inline Settled settled(ConnectionId connection, const std::string& key, RecordId id, Settlement how,
                       std::uint32_t attempt = 1) {
    Settled fact;
    fact.connection = connection;
    fact.lane = lane_key(key);
    fact.record = id;
    fact.attempt = attempt;
    fact.settlement = how;
    return fact;
}

inline std::shared_ptr<const PlatformAnswer> answer() {
    return std::make_shared<const PlatformAnswer>(
        PlatformAnswer{"POST http://host/v1", 422, "text/plain", "no such user", 12});
}

inline Settled result_of(const LaneHead& head, Settlement how) {
    Settled fact;
    fact.connection = head.connection;
    fact.lane = head.lane;
    fact.record = head.record;
    fact.attempt = head.attempt;
    fact.settlement = how;
    return fact;
}

// A state over a database of its own, with positions counted for the caller.
class StateUnderTest {
  public:
    explicit StateUnderTest(std::uint64_t most_ids = kDedupIdsMax) : dedup_ids_max(most_ids) {
        open();
    }

    Position apply(Fact fact) {
        Result<Applied> applied = state->apply(NumberedFact{next_, std::move(fact)});
        REQUIRE(applied.has_value());
        rejection = applied->rejection;
        is_altered_repeat = applied->is_altered_repeat;
        return std::exchange(next_, next_.next());
    }

    // An event with one record per key, to these targets; its position.
    Position event(const std::vector<std::string>& keys,
                   std::vector<ConnectionId> targets = {kCrm}) {
        Position at = apply(received());
        Translated translated{kRoute, at, {}};
        for (const std::string& key : keys) translated.records.push_back(to_deliver(key, targets));
        apply(std::move(translated));
        return at;
    }

    std::vector<LaneHead> take(ConnectionId connection = kCrm, std::size_t count = 100,
                               std::int64_t now_ns = 0) {
        auto heads = state->take_lanes(connection, count, now_ns);
        REQUIRE(heads.has_value());
        return *std::move(heads);
    }

    std::vector<PendingEvent> events() {
        auto taken = state->take_events(kRoute, 1'000'000, ~std::size_t{0});
        REQUIRE(taken.has_value());
        return *std::move(taken);
    }

    std::vector<Letter> letters() {
        auto found = state->letters(0, 100'000);
        REQUIRE(found.has_value());
        return *std::move(found);
    }

    const ConnectionLedger& ledger(ConnectionId connection = kCrm) {
        return state->connection_ledgers().at(connection);
    }
    const RouteLedger& route() { return state->route_ledgers().at(kRoute); }

    void commit() {
        state->seal();
        auto layer = state->overlay().freeze();
        write(*layer);
        database->renew();
        state->overlay().thaw();
    }
    void write(const Overlay::Layer& layer) {
        auto transaction = database->begin_write();
        REQUIRE(transaction.has_value());
        for (std::size_t i = 0; i < kTableCount; ++i) {
            auto table = static_cast<Table>(i);
            layer[table].each([&](const std::string& key, const Change& change) {
                auto done = change.value ? transaction->put(table, key, *change.value)
                                         : transaction->erase(table, key);
                REQUIRE(done.has_value());
                return true;
            });
        }
        REQUIRE(transaction->commit().has_value());
    }

    // Commits, then reads everything back from the database, as a start does.
    void restart() {
        commit();
        open();
    }
    // The same without the commit.
    void reopen() { open(); }

    // Commits first: not every table can be searched in memory.
    std::size_t rows(Table table) {
        commit();
        std::size_t count = 0;
        std::string from(1, '\0');
        for (;; ++count) {
            auto row = database->seek(table, from);
            REQUIRE(row.has_value());
            if (!*row) return count;
            from = std::string{(*row)->key} + '\0';
        }
    }

    test::TempDir directory;
    std::unique_ptr<Database> database;
    std::unique_ptr<State> state;
    std::optional<Error> rejection;
    bool is_altered_repeat = false;
    const std::uint64_t dedup_ids_max;

  private:
    void open() {
        state.reset();
        database.reset();
        Database::Options options;
        options.directory = directory.path();
        options.map_bytes = std::uint64_t{1} << 30;
        auto opened = Database::open(options);
        REQUIRE(opened.has_value());
        database = *std::move(opened);
        state = std::make_unique<State>(*database, dedup_ids_max);
        REQUIRE(state->load().has_value());
    }

    Position next_ = Position::of(1, 1);
};

}  // namespace syncline::store
