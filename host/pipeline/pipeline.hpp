// The way of a record from a durable event to a durable result; owns the invariants of delivery.
//
// Purpose: after every change of the state, gives translators and deliveries what they may work on.
// Lifecycle: construct, hand to Store::start() as the observer, change() as often as there is
//   another configuration, stop(), let the instances complete what they have, join(), then stop the
//   store.
// Concurrency: on_state() is [state]; all else is [any]. A pool of cpu threads runs filters,
//   mappings and differences; one connection's records are handled one after the other.
#pragma once

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "pipeline/delivery.hpp"
#include "pipeline/query.hpp"
#include "pipeline/sync.hpp"
#include "pipeline/translator.hpp"
#include "store/store.hpp"

namespace syncline::pipeline {

class Pipeline final : public store::Store::Observer {
  public:
    struct Options {
        const core::Clock* clock = nullptr;
        unsigned cpu_threads = 1;
        std::shared_ptr<Suspects> suspects{};  // null: all messages are above suspicion
    };

    Pipeline(Options options, store::Store& store, Plans plans);
    ~Pipeline() override;

    Result<std::optional<std::chrono::nanoseconds>> on_state(store::State& state) override;

    // Works by other plans from now on. What is the same in them is not touched. Of a connection
    // whose plan is another one, what is out ends by the old plan, and what waits in its lanes goes
    // by the new one; of one that is gone, it stays in its lanes. The events of a route that is
    // gone are still translated, unless its source is one of `ending`: then they stay. `done` is
    // called when the plans are in force [state], and not at all when the store stops before.
    void change(Plans plans, std::set<const plugin::Instance*> ending, std::function<void()> done);

    // Whether something is under way on the instance by plans that are no more; only that can end.
    bool is_left(const plugin::Instance& instance) const;

    // A reader of a destination, on the same cpu threads.
    std::shared_ptr<Query> make_query(QueryPlan plan);

    // Runs of the connection, whose source can be read page by page; null when it can't.
    std::shared_ptr<Sync> sync(const std::string& connection) const;

    // Nothing new is taken; what is in flight ends by itself.
    void stop();
    // Those of the plans that are in force.
    std::vector<std::shared_ptr<Delivery>> deliveries() const { return parts()->deliveries; }
    // Names of connections whose platform fails, so that nothing goes out but probes.
    std::vector<std::string> paused() const;
    // Nothing is in flight.
    bool is_idle() const;
    // After stop(): appends what has come back and ends the cpu threads. What instances complete
    // later has no effect.
    void join();

  private:
    // What works by some plans; replaced as a whole.
    struct Parts {
        std::map<store::RouteId, std::shared_ptr<Translator>> translators;
        std::vector<std::shared_ptr<Delivery>> deliveries;
        std::map<std::string, std::shared_ptr<Sync>> syncs;

        // By plans that are no more. Translators of routes that are gone stay as long as their
        // source; others, and deliveries, until nothing is left of them.
        std::vector<std::shared_ptr<Translator>> translators_of_gone, ended_translators;
        std::vector<std::shared_ptr<Delivery>> ended_deliveries;
    };

    std::shared_ptr<const Parts> parts() const;
    Parts make_parts(Plans plans, const Parts& before) const;
    void end_others(const Parts& before, const std::set<const plugin::Instance*>& ending,
                    Parts& next) const;
    void forget_ended();
    Result<void> pump_translators(const Parts& parts, store::State& state);

    const Options options_;
    store::Store& store_;
    const std::shared_ptr<const GuardedTime> time_;
    const std::shared_ptr<boost::asio::thread_pool> cpu_;
    mutable std::mutex mutex_;
    std::shared_ptr<const Parts> parts_;  // under mutex_; changed on [state] alone
    std::atomic<bool> is_stopping_{false};
    std::int64_t next_tick_ns_ = 0;
};

}  // namespace syncline::pipeline
