#include "pipeline/pipeline.hpp"

#include <algorithm>

namespace syncline::pipeline {
namespace {

constexpr std::int64_t kTickEveryNs = 60'000'000'000;

Translator::Target target_of(const ConnectionPlan& plan,
                             const std::vector<ConnectionPlan>& connections) {
    Translator::Target target{plan.id, plan.source_stream, {}};
    for (const ConnectionPlan& other : connections) {
        bool is_sibling = other.source_account == plan.source_account &&
                          other.destination_account == plan.destination_account;
        if (is_sibling) target.siblings.try_emplace(other.source_stream, other.id);
    }
    return target;
}

template <class Value>
bool contains(const std::vector<std::shared_ptr<Value>>& all, const std::shared_ptr<Value>& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

std::shared_ptr<Delivery> find_delivery(const std::vector<std::shared_ptr<Delivery>>& deliveries,
                                        store::ConnectionId id) {
    const auto found =
        std::find_if(deliveries.begin(), deliveries.end(),
                     [&](const auto& delivery) { return delivery->plan().id == id; });
    return found == deliveries.end() ? nullptr : *found;
}

}  // namespace

Pipeline::Pipeline(Options options, store::Store& store, Plans plans)
    : options_(options),
      store_(store),
      time_(std::make_shared<const GuardedTime>(*options.clock)),
      cpu_(std::make_shared<boost::asio::thread_pool>(std::max(1u, options.cpu_threads))),
      parts_(std::make_shared<const Parts>(make_parts(std::move(plans), Parts{}))) {}

Pipeline::~Pipeline() {
    stop();
    join();
}

std::shared_ptr<const Pipeline::Parts> Pipeline::parts() const {
    const std::lock_guard lock{mutex_};
    return parts_;
}

// What does the same as before stays what it is.
Pipeline::Parts Pipeline::make_parts(Plans plans, const Parts& before) const {
    Parts next;
    for (RoutePlan& route : plans.routes) {
        route.suspects = options_.suspects;
        std::vector<Translator::Target> targets;
        for (const ConnectionPlan& connection : plans.connections) {
            if (connection.route == route.id || connection.sync_route == route.id)
                targets.push_back(target_of(connection, plans.connections));
        }
        std::shared_ptr<Translator>& translator = next.translators[route.id];
        const auto old = before.translators.find(route.id);
        const bool is_same = old != before.translators.end() && old->second->plan() == route &&
                             old->second->targets() == targets;
        translator = is_same ? old->second
                             : std::make_shared<Translator>(std::move(route), std::move(targets),
                                                            store_, time_, cpu_);
    }
    std::map<const plugin::Instance*, std::shared_ptr<Platform>> platforms;
    for (const ConnectionPlan& connection : plans.connections) {
        const auto old = find_delivery(before.deliveries, connection.id);
        if (old != nullptr && old->plan().revision == connection.revision)
            platforms[connection.destination.get()] = old->platform();
    }
    for (ConnectionPlan& connection : plans.connections) {
        connection.suspects = options_.suspects;
        if (connection.sync_route != 0) {
            const auto old = before.syncs.find(connection.name);
            const bool is_known = old != before.syncs.end();
            if (is_known) old->second->change(connection);
            next.syncs[connection.name] =
                is_known ? old->second : std::make_shared<Sync>(connection, store_, time_, cpu_);
        }
        const auto old = find_delivery(before.deliveries, connection.id);
        if (old != nullptr && old->plan().revision == connection.revision) {
            next.deliveries.push_back(old);
            continue;
        }
        std::shared_ptr<Platform>& platform = platforms[connection.destination.get()];
        if (!platform) platform = std::make_shared<Platform>(connection.policy);
        auto metrics = old ? old->shared_metrics() : std::make_shared<DeliveryMetrics>();
        next.deliveries.push_back(std::make_shared<Delivery>(
            std::move(connection), store_, platform, std::move(metrics), time_, cpu_));
    }
    return next;
}

void Pipeline::end_others(const Parts& before, const std::set<const plugin::Instance*>& ending,
                          Parts& next) const {
    next.ended_deliveries = before.ended_deliveries;
    next.ended_translators = before.ended_translators;
    for (const auto& delivery : before.deliveries) {
        if (contains(next.deliveries, delivery)) continue;
        delivery->retire();
        next.ended_deliveries.push_back(delivery);
    }
    for (const auto& [name, sync] : before.syncs)
        if (!next.syncs.contains(name)) sync->stop();
    std::vector<std::shared_ptr<Translator>> others = before.translators_of_gone;
    for (const auto& [id, translator] : before.translators) others.push_back(translator);
    for (const auto& translator : others) {
        const auto follower = next.translators.find(translator->plan().id);
        const bool is_followed = follower != next.translators.end();
        if (is_followed && follower->second == translator) continue;
        const bool is_over = is_followed || ending.contains(translator->plan().source.get());
        (is_over ? next.ended_translators : next.translators_of_gone).push_back(translator);
    }
}

void Pipeline::change(Plans plans, std::set<const plugin::Instance*> ending,
                      std::function<void()> done) {
    // On the state's thread nothing is being handed out meanwhile.
    auto put_in_force = [this, made = std::make_shared<Plans>(std::move(plans)),
                         gone = std::move(ending), tell = std::move(done)](store::State&) {
        const auto before = parts();
        auto next = std::make_shared<Parts>(make_parts(std::move(*made), *before));
        end_others(*before, gone, *next);
        {
            const std::lock_guard lock{mutex_};
            parts_ = std::move(next);
        }
        if (is_stopping_) stop();
        tell();
    };
    if (store_.ask(std::move(put_in_force))) store_.wake();
}

// Takes away what nothing is left of.
void Pipeline::forget_ended() {
    const auto now = parts();
    auto next = std::make_shared<Parts>(*now);
    const auto count = std::erase_if(next->ended_deliveries,
                                     [](const auto& delivery) { return delivery->is_over(); }) +
                       std::erase_if(next->ended_translators,
                                     [](const auto& translator) { return translator->is_idle(); });
    if (count == 0) return;
    const std::lock_guard lock{mutex_};
    parts_ = std::move(next);
}

// Of a route, nothing is handed to another translator before the old one has given its last
// (rule 2).
Result<void> Pipeline::pump_translators(const Parts& parts, store::State& state) {
    const auto is_preceded = [&](const std::shared_ptr<Translator>& translator) {
        return std::any_of(
            parts.ended_translators.begin(), parts.ended_translators.end(), [&](const auto& ended) {
                return ended->plan().id == translator->plan().id && !ended->is_idle();
            });
    };
    for (const auto& [id, translator] : parts.translators)
        if (!translator->plan().is_sealed && !is_preceded(translator))
            SYNCLINE_CHECK(translator->pump(state));
    for (const auto& translator : parts.translators_of_gone)
        if (!translator->plan().is_sealed && !is_preceded(translator))
            SYNCLINE_CHECK(translator->pump(state));
    return {};
}

Result<std::optional<std::chrono::nanoseconds>> Pipeline::on_state(store::State& state) {
    if (is_stopping_) return std::optional<std::chrono::nanoseconds>{};
    const auto parts = this->parts();
    SYNCLINE_CHECK(pump_translators(*parts, state));
    for (const auto& delivery : parts->ended_deliveries)
        SYNCLINE_CHECK(delivery->pump(state, true));
    std::optional<std::int64_t> next_due;
    for (const auto& delivery : parts->deliveries) {
        if (delivery->plan().is_sealed || delivery->is_waiting()) continue;
        const ConnectionPlan& plan = delivery->plan();
        bool is_quiet = state.pending_events(plan.route) == 0 &&
                        (plan.sync_route == 0 || state.pending_events(plan.sync_route) == 0);
        SYNCLINE_TRY(std::optional<std::int64_t> due, delivery->pump(state, is_quiet));
        if (due) next_due = std::min(*due, next_due.value_or(*due));
    }
    if (!parts->ended_deliveries.empty() || !parts->ended_translators.empty()) forget_ended();
    std::int64_t now_ns = time_->now_ns();
    if (now_ns >= next_tick_ns_) {
        next_tick_ns_ = now_ns + kTickEveryNs;
        store::Append append;
        append.facts.emplace_back(store::Ticked{now_ns});
        store_.append(std::move(append));
    }
    if (!next_due) return std::optional<std::chrono::nanoseconds>{};
    return std::optional{time_->to_monotonic(*next_due)};
}

bool Pipeline::is_left(const plugin::Instance& instance) const {
    const auto parts = this->parts();
    const auto translates = [&](const auto& translator) {
        return translator->plan().source.get() == &instance;
    };
    const auto delivers = [&](const auto& delivery) {
        return delivery->plan().source.get() == &instance ||
               delivery->plan().destination.get() == &instance;
    };
    return std::any_of(parts->ended_translators.begin(), parts->ended_translators.end(),
                       translates) ||
           std::any_of(parts->ended_deliveries.begin(), parts->ended_deliveries.end(), delivers);
}

std::shared_ptr<Query> Pipeline::make_query(QueryPlan plan) {
    return std::make_shared<Query>(std::move(plan), cpu_);
}

std::shared_ptr<Sync> Pipeline::sync(const std::string& connection) const {
    const auto parts = this->parts();
    const auto found = parts->syncs.find(connection);
    return found == parts->syncs.end() ? nullptr : found->second;
}

void Pipeline::stop() {
    is_stopping_ = true;
    const auto parts = this->parts();
    for (const auto& [name, sync] : parts->syncs) sync->stop();
    for (const auto& delivery : parts->deliveries) delivery->stop();
    for (const auto& delivery : parts->ended_deliveries) delivery->stop();
}

void Pipeline::join() {
    cpu_->join();
}

std::vector<std::string> Pipeline::paused() const {
    std::vector<std::string> names;
    for (const auto& delivery : deliveries()) {
        if (delivery->is_paused()) names.push_back(delivery->plan().name);
    }
    return names;
}

bool Pipeline::is_idle() const {
    const auto parts = this->parts();
    const auto is_delivered = [](const auto& delivery) { return delivery->is_idle(); };
    const auto is_translated = [](const auto& translator) { return translator->is_idle(); };
    return std::all_of(parts->translators.begin(), parts->translators.end(),
                       [](const auto& entry) { return entry.second->is_idle(); }) &&
           std::all_of(parts->translators_of_gone.begin(), parts->translators_of_gone.end(),
                       is_translated) &&
           std::all_of(parts->ended_translators.begin(), parts->ended_translators.end(),
                       is_translated) &&
           std::all_of(parts->deliveries.begin(), parts->deliveries.end(), is_delivered) &&
           std::all_of(parts->ended_deliveries.begin(), parts->ended_deliveries.end(),
                       is_delivered);
}

}  // namespace syncline::pipeline
