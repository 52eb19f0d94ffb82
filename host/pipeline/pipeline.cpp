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

}  // namespace

Pipeline::Pipeline(Options options, store::Store& store, std::vector<RoutePlan> routes,
                   std::vector<ConnectionPlan> connections)
    : options_(options),
      store_(store),
      time_(std::make_shared<const GuardedTime>(*options.clock)),
      cpu_(std::make_shared<boost::asio::thread_pool>(std::max(1u, options.cpu_threads))) {
    for (RoutePlan& route : routes) {
        std::vector<Translator::Target> targets;
        for (const ConnectionPlan& connection : connections) {
            if (connection.route == route.id) targets.push_back(target_of(connection, connections));
        }
        store::RouteId id = route.id;
        translators_[id] =
            std::make_shared<Translator>(std::move(route), std::move(targets), store_, time_, cpu_);
    }
    std::map<const plugin::Instance*, std::shared_ptr<Platform>> platforms;
    for (ConnectionPlan& connection : connections) {
        std::shared_ptr<Platform>& platform = platforms[connection.destination.get()];
        if (!platform) platform = std::make_shared<Platform>(connection.policy);
        deliveries_.push_back(
            std::make_shared<Delivery>(std::move(connection), store_, platform, time_, cpu_));
    }
}

Pipeline::~Pipeline() {
    stop();
    join();
}

Result<std::optional<std::chrono::nanoseconds>> Pipeline::on_state(store::State& state) {
    if (is_stopping_) return std::optional<std::chrono::nanoseconds>{};
    for (auto& [id, translator] : translators_)
        if (!translator->is_sealed()) SYNCLINE_CHECK(translator->pump(state));
    std::optional<std::int64_t> next_due;
    for (auto& delivery : deliveries_) {
        if (delivery->plan().is_sealed) continue;
        bool is_quiet = state.pending_events(delivery->plan().route) == 0;
        SYNCLINE_TRY(std::optional<std::int64_t> due, delivery->pump(state, is_quiet));
        if (due) next_due = std::min(*due, next_due.value_or(*due));
    }
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

std::shared_ptr<Query> Pipeline::make_query(QueryPlan plan) {
    return std::make_shared<Query>(std::move(plan), cpu_);
}

void Pipeline::stop() {
    is_stopping_ = true;
    for (auto& delivery : deliveries_) delivery->stop();
}

void Pipeline::join() {
    cpu_->join();
}

std::vector<std::string> Pipeline::paused() const {
    std::vector<std::string> names;
    for (const auto& delivery : deliveries_) {
        if (delivery->is_paused()) names.push_back(delivery->plan().name);
    }
    return names;
}

bool Pipeline::is_idle() const {
    bool is_translating = std::any_of(translators_.begin(), translators_.end(),
                                      [](const auto& entry) { return !entry.second->is_idle(); });
    bool is_delivering = std::any_of(deliveries_.begin(), deliveries_.end(),
                                     [](const auto& delivery) { return !delivery->is_idle(); });
    return !is_translating && !is_delivering;
}

}  // namespace syncline::pipeline
