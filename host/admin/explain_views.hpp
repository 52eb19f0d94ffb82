// History and present as JSON. Field names are public contract.
// Concurrency: [any]; plain values.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <string>

#include "store/history.hpp"
#include "store/state.hpp"

namespace syncline::admin {

// Copies, for a thread that has no state.
struct Names {
    std::map<std::uint32_t, store::NameRow> routes, connections;

    static Names of(const store::State& state) {
        return {state.names(store::NameKind::kRoute), state.names(store::NameKind::kConnection)};
    }
    std::string route(store::RouteId id) const { return name_in(routes, id); }
    std::string connection(store::ConnectionId id) const { return name_in(connections, id); }

  private:
    static std::string name_in(const std::map<std::uint32_t, store::NameRow>& names,
                               std::uint32_t id) {
        auto at = names.find(id);
        return at == names.end() ? "#" + std::to_string(id) : at->second.name;
    }
};

// {"after", "ended_by"}: whole behind that position, and why it does not reach back further:
// `beginning`, `retention`, `limit`, `deadline`, `damage`.
boost::json::object history_view(const store::History& history);

// One object for each record and connection, oldest first, with what happened to it in order.
boost::json::array records_view(const store::History& history, const Names& names);

// What happened to the event itself: dead, replayed, discarded.
boost::json::array event_happened_view(const store::History& history);

boost::json::value key_map_view(const std::optional<store::KeyMapRow>& row,
                                const store::History& history);
boost::json::value lane_view(const std::optional<store::LaneRow>& row);

}  // namespace syncline::admin
