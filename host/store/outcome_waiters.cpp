#include "store/outcome_waiters.hpp"

namespace syncline::store {
namespace {

template <class Index, class Key>
void drop(Index& index, const Key& key, std::uint64_t ticket) {
    auto at = index.find(key);
    if (at == index.end()) return;
    std::erase(at->second, ticket);
    if (at->second.empty()) index.erase(at);
}

}  // namespace

void OutcomeWaiters::add(OutcomeQuestion question) {
    std::uint64_t ticket = question.ticket;
    Waiter waiter;
    waiter.event = question.event;
    waiter.question = std::move(question);
    waiters_.emplace(ticket, std::move(waiter));
    fresh_.push_back(ticket);
}

void OutcomeWaiters::forget(std::uint64_t ticket) {
    auto at = waiters_.find(ticket);
    if (at == waiters_.end()) return;
    drop(by_event_, at->second.event.value, ticket);
    for (const std::string& lane : at->second.lanes) drop(by_lane_, lane, ticket);
    waiters_.erase(at);
}

Result<void> OutcomeWaiters::look(State& state) {
    OutcomeNews news = state.take_outcome_news();
    if (waiters_.empty()) {
        fresh_.clear();
        return {};
    }
    Tickets tickets = std::exchange(fresh_, {});
    for (Position event : news.events) {
        if (auto at = by_event_.find(event.value); at != by_event_.end())
            tickets.insert(tickets.end(), at->second.begin(), at->second.end());
    }
    for (const std::string& lane : news.lanes) {
        if (auto at = by_lane_.find(lane); at != by_lane_.end())
            tickets.insert(tickets.end(), at->second.begin(), at->second.end());
    }
    for (std::uint64_t ticket : tickets) SYNCLINE_CHECK(look_at(state, ticket));
    return {};
}

Result<void> OutcomeWaiters::look_at(State& state, std::uint64_t ticket) {
    auto at = waiters_.find(ticket);
    if (at == waiters_.end()) return {};  // was told, or has gone
    Waiter& waiter = at->second;
    if (state.applied() < waiter.question.event) {
        fresh_.push_back(ticket);
        return {};
    }
    if (!std::exchange(waiter.is_placed, true)) {
        const OutcomeQuestion& question = waiter.question;
        SYNCLINE_TRY(waiter.event,
                     state.event_of(question.route, question.message_id, question.event));
        by_event_[waiter.event.value].push_back(ticket);
    }
    SYNCLINE_TRY(std::optional<OutcomeTold> told, judge(state, waiter));
    if (!told) return {};
    auto tell = std::move(waiter.question.tell);
    forget(ticket);
    tell(*std::move(told));
    return {};
}

Result<std::optional<OutcomeTold>> OutcomeWaiters::judge(State& state, Waiter& waiter) {
    OutcomeTold told;
    told.event = waiter.event;
    SYNCLINE_TRY(auto row, state.outcome(waiter.event));
    if (!row) return std::optional{std::move(told)};
    if (row->is_complete()) {
        told.kind = OutcomeKind::kComplete;
        told.row = *std::move(row);
        return std::optional{std::move(told)};
    }
    const std::uint64_t ticket = waiter.question.ticket;
    for (const std::string& lane : waiter.lanes) drop(by_lane_, lane, ticket);
    SYNCLINE_TRY(waiter.lanes, state.open_lanes(waiter.event, *row));
    for (const std::string& lane : waiter.lanes) {
        by_lane_[lane].push_back(ticket);
        SYNCLINE_TRY(auto known, state.lane(lane));
        if (!known) continue;
        bool is_parked = known->waits_for != 0;
        if (!is_parked && known->due_ns <= waiter.question.deadline_ns) continue;
        told.kind = OutcomeKind::kHeld;
        told.due_ns = is_parked ? 0 : known->due_ns;
        return std::optional{std::move(told)};
    }
    return std::optional<OutcomeTold>{};
}

}  // namespace syncline::store
