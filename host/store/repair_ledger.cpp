#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "store/codec.hpp"
#include "store/repair_work.hpp"

namespace syncline::store {
namespace {

std::uint64_t count_of(const std::map<std::uint32_t, std::uint64_t>& counts, std::uint32_t id) {
    auto at = counts.find(id);
    return at == counts.end() ? 0 : at->second;
}

class Balance {
  public:
    Balance(RepairWork& work, const RepairTally& tally) : work_(work), tally_(tally) {}

    Result<void> run() {
        SYNCLINE_CHECK(balance());
        return name_the_nameless();
    }

  private:
    Result<void> balance() {
        std::map<RouteId, RouteLedger> routes;
        std::map<ConnectionId, ConnectionLedger> connections;
        SYNCLINE_CHECK(work_.each(
            Table::kLedger, "",
            [&](const std::string& key, const std::string& value) -> Result<void> {
                auto id =
                    static_cast<std::uint32_t>(read_big_endian(std::string_view{key}.substr(1)));
                if (key.front() == static_cast<char>(NameKind::kRoute)) {
                    SYNCLINE_TRY(routes[id], decode_row<RouteLedger>(value));
                } else {
                    SYNCLINE_TRY(connections[id], decode_row<ConnectionLedger>(value));
                }
                return {};
            }));
        for (const auto& [id, count] : tally_.pending_events) routes[id];
        for (const auto& [id, count] : tally_.event_letters) routes[id];
        for (const auto& [id, count] : tally_.pending_records) connections[id];
        for (const auto& [id, count] : tally_.parked_records) connections[id];
        for (const auto& [id, count] : tally_.record_letters) connections[id];
        for (auto& [id, ledger] : routes) {
            balance_route(id, ledger);
            work_.overlay.put(Table::kLedger, name_key(NameKind::kRoute, id), encode(ledger));
        }
        for (auto& [id, ledger] : connections) {
            balance_connection(id, ledger);
            work_.overlay.put(Table::kLedger, name_key(NameKind::kConnection, id), encode(ledger));
        }
        work_.result.records.lost = std::max(work_.result.records.lost, tally_.dropped);
        return {};
    }

    // What is lost goes on being counted as received: it is dead. What is there and was not
    // counted was received.
    void balance_route(RouteId id, RouteLedger& ledger) {
        ids_[0].insert(id);
        std::uint64_t found = count_of(tally_.pending_events, id);
        if (ledger.pending > found) {
            ledger.dead += ledger.pending - found;
            work_.result.events.lost += ledger.pending - found;
        }
        ledger.pending = found;
        ledger.dead = std::max(ledger.dead, count_of(tally_.event_letters, id));
        ledger.received =
            ledger.translated + ledger.handshake + ledger.duplicate + ledger.dead + ledger.pending;
        work_.result.events.kept += found;
    }

    void balance_connection(ConnectionId id, ConnectionLedger& ledger) {
        ids_[1].insert(id);
        const std::uint64_t pending = count_of(tally_.pending_records, id),
                            parked = count_of(tally_.parked_records, id);
        const std::uint64_t waiting = pending + parked,
                            letters = count_of(tally_.record_letters, id);
        const std::uint64_t waited = ledger.pending + ledger.parked;
        if (waited > waiting) work_.result.records.lost += waited - waiting;
        std::uint64_t counted = waited + ledger.dead;
        if (counted > waiting + letters) ledger.discarded += counted - waiting - letters;
        ledger.pending = pending;
        ledger.parked = parked;
        ledger.dead = letters;
        ledger.routed = ledger.delivered + ledger.unchanged + ledger.filtered + ledger.superseded +
                        ledger.discarded + ledger.dead + waiting - ledger.generated;
        work_.result.records.kept += waiting;
    }

    // A number without its name must not be given to another name: its records would go astray.
    Result<void> name_the_nameless() {
        if (!work_.is_damaged(Table::kName)) return {};
        for (NameKind kind : {NameKind::kRoute, NameKind::kConnection}) {
            std::size_t index = kind == NameKind::kRoute ? 0 : 1;
            const char* what = kind == NameKind::kRoute ? "route" : "connection";
            for (std::uint32_t id : ids_[index]) {
                if (work_.names[index].contains(id)) continue;
                std::string name = std::string{"lost-"} + what + "-" + std::to_string(id);
                Writer row;
                row.integer(std::uint8_t{0}).text(name);
                work_.overlay.put(Table::kName, name_key(kind, id), row.take());
                work_.result.notes.push_back(std::string{"the name of a "} + what +
                                             " is lost; what it holds is kept for a " + what +
                                             " that is called `" + name + "` in the configuration");
            }
        }
        return {};
    }

    RepairWork& work_;
    const RepairTally& tally_;
    std::set<std::uint32_t> ids_[2];
};

}  // namespace

Result<void> repair_ledger(RepairWork& work, const RepairTally& tally) {
    return Balance{work, tally}.run();
}

}  // namespace syncline::store
