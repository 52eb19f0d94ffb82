// The way of a record from a durable event to a durable result; owns the invariants of delivery.
//
// Purpose: after every change of the state, gives translators and deliveries what they may work on.
// Lifecycle: construct, hand to Store::start() as the observer, stop(), let the instances complete
//   what they have, join(), then stop the store.
// Concurrency: on_state() is [state]; stop() and is_idle() are [any]. A pool of cpu threads runs
//   filters, mappings and differences; one connection's records are handled one after the other.
#pragma once

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/delivery.hpp"
#include "pipeline/query.hpp"
#include "pipeline/translator.hpp"
#include "store/store.hpp"

namespace syncline::pipeline {

class Pipeline final : public store::Store::Observer {
  public:
    struct Options {
        const core::Clock* clock = nullptr;
        unsigned cpu_threads = 1;
    };

    Pipeline(Options options, store::Store& store, std::vector<RoutePlan> routes,
             std::vector<ConnectionPlan> connections);
    ~Pipeline() override;

    Result<std::optional<std::chrono::nanoseconds>> on_state(store::State& state) override;

    // A reader of a destination, on the same cpu threads.
    std::shared_ptr<Query> make_query(QueryPlan plan);

    // Nothing new is taken; what is in flight ends by itself.
    void stop();
    // Unchanged while the pipeline lives; plans and metrics are [any].
    const std::vector<std::shared_ptr<Delivery>>& deliveries() const { return deliveries_; }
    // Names of connections whose platform fails, so that nothing goes out but probes. [any]
    std::vector<std::string> paused() const;
    // Nothing is in flight. [any]
    bool is_idle() const;
    // After stop(): appends what has come back and ends the cpu threads. What instances complete
    // later has no effect.
    void join();

  private:
    const Options options_;
    store::Store& store_;
    const std::shared_ptr<const GuardedTime> time_;
    const std::shared_ptr<boost::asio::thread_pool> cpu_;
    std::map<store::RouteId, std::shared_ptr<Translator>> translators_;
    std::vector<std::shared_ptr<Delivery>> deliveries_;
    std::atomic<bool> is_stopping_{false};
    std::int64_t next_tick_ns_ = 0;
};

}  // namespace syncline::pipeline
