// Events of one route -> records, in the order in which they were received (rule 2).
#pragma once

#include <atomic>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "pipeline/guarded_time.hpp"
#include "pipeline/plan.hpp"
#include "store/store.hpp"

namespace syncline::pipeline {

// Concurrency: pump() is [state]; the rest runs on the route's strand and on the source's work
// thread, which keeps order. Limits: a window of events in flight, by count and bytes.
class Translator : public std::enable_shared_from_this<Translator> {
  public:
    // What of a translated record goes where.
    struct Target {
        store::ConnectionId connection;
        std::string stream;
        // By stream of the same source, the connections to the same destination.
        std::map<std::string, store::ConnectionId> siblings;

        bool operator==(const Target&) const = default;
    };

    Translator(RoutePlan plan, std::vector<Target> targets, store::Store& store,
               std::shared_ptr<const GuardedTime> time,
               std::shared_ptr<boost::asio::thread_pool> cpu);

    // Takes what fits the window. [state]
    Result<void> pump(store::State& state);

    const RoutePlan& plan() const { return plan_; }
    const std::vector<Target>& targets() const { return targets_; }

    // Nothing is on its way but what a stopped source has left. [any]
    bool is_idle() const { return events_out_ == events_left_; }

  private:
    using Requests = std::vector<std::shared_ptr<const plugin::WebhookRequest>>;

    void translate(std::vector<store::PendingEvent> events);
    void take_pages(std::vector<store::PendingEvent> events);
    void append(std::vector<store::Fact> facts);
    void finish(const std::vector<store::PendingEvent>& events,
                std::vector<plugin::Translation> translations);
    store::Fact fact_of(const store::PendingEvent& event, plugin::Translation translation);
    std::vector<store::Target> targets_of(const record::Record& record) const;
    store::Fact dead(const store::PendingEvent& event, const plugin::Failure& failure);
    void drop_bodies(const store::Translated& fact);

    const RoutePlan plan_;
    const std::vector<Target> targets_;
    std::set<std::string> mergeable_;  // streams; constant
    store::Store& store_;
    const std::shared_ptr<const GuardedTime> time_;
    const std::shared_ptr<boost::asio::thread_pool>
        cpu_;  // outlives strand and timer, whoever holds this last
    boost::asio::strand<boost::asio::thread_pool::executor_type> strand_;
    // Events taken and not settled; of these, the ones that a stopped source gave back. They stay
    // pending until the next start, and no more are taken than fit the window.
    std::atomic<std::size_t> events_out_{0}, events_left_{0};
};

}  // namespace syncline::pipeline
