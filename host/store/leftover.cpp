#include "store/leftover.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace syncline::store {
namespace {

constexpr std::size_t kCommitBytes = 8 * 1024 * 1024;

// Events that are lost in a gap of the journal, by what is known of them: their route.
Result<std::map<Position, RouteId>> lost_events(const Journal& journal, Position after) {
    std::vector<Position> received;
    std::map<Position, RouteId> lost;
    SYNCLINE_CHECK(journal.replay(after, [&](NumberedFact fact) -> Result<void> {
        if (std::holds_alternative<Received>(fact.fact)) received.push_back(fact.position);
        const auto* translated = std::get_if<Translated>(&fact.fact);
        if (translated != nullptr && translated->event > after &&
            !std::binary_search(received.begin(), received.end(), translated->event))
            lost.emplace(translated->event, translated->route);
        return {};
    }));
    return lost;
}

// A result without effect on a lane still tells what the destination has.
Result<void> remember_if_ignored(State& state, const Settled& result) {
    if (result.settlement != Settlement::kDelivered && result.settlement != Settlement::kUnchanged)
        return {};
    SYNCLINE_TRY(std::optional<KeyMapRow> known, state.key_map(result.connection, result.lane));
    if (known && known->last >= result.record) return {};
    return state.remember(result);
}

}  // namespace

Result<std::uint64_t> apply_leftover(const Journal& journal, State& state,
                                     const std::function<Result<void>()>& commit) {
    std::map<Position, RouteId> lost;
    if (!journal.damage().empty()) {
        SYNCLINE_TRY(lost, lost_events(journal, state.applied()));
    }
    std::uint64_t count = 0;
    SYNCLINE_CHECK(journal.replay(state.applied(), [&](NumberedFact fact) -> Result<void> {
        while (!lost.empty() && lost.begin()->first < fact.position) {
            Received event;
            event.route = lost.begin()->second;
            SYNCLINE_CHECK(state.apply(NumberedFact{lost.begin()->first, Fact{std::move(event)}}));
            lost.erase(lost.begin());
        }
        SYNCLINE_CHECK(state.apply(fact));
        if (const auto* result = std::get_if<Settled>(&fact.fact))
            SYNCLINE_CHECK(remember_if_ignored(state, *result));
        ++count;
        if (state.overlay().dirty_bytes() > kCommitBytes) SYNCLINE_CHECK(commit());
        return {};
    }));
    return count;
}

}  // namespace syncline::store
