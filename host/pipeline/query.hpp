// A question of a sender to a destination: request -> one record -> `when`, `map` -> what the
// destination holds under its key -> `answer_map`.
//
// Purpose: reads through, and stores nothing.
// Concurrency: ask() is [any]; expressions run on the cpu threads. Limits: the caller bounds how
// many are out (intake: kQueriesOutMax); reading ends with the plan's timeout.
#pragma once

#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/plan.hpp"

namespace syncline::pipeline {

struct QueryPlan {
    std::shared_ptr<plugin::Instance> source;
    ConnectionPlan connection;  // `map` makes the parameters
    std::chrono::milliseconds timeout{10'000};
    std::vector<std::pair<std::string, expr::Program>> answer_map;  // empty: as it is there
};

class Query : public std::enable_shared_from_this<Query> {
  public:
    using Done = std::function<void(plugin::FetchResult)>;

    Query(QueryPlan plan, std::shared_ptr<boost::asio::thread_pool> cpu);

    // Completes exactly once, on any thread, never from inside the call; not at all when the
    // pipeline has ended before. What `when` does not want is absent.
    void ask(plugin::WebhookRequest request, Done done);

  private:
    void fetch(plugin::Translation translation, const Done& done);
    plugin::FetchResult answer(plugin::FetchResult found) const;

    const QueryPlan plan_;
    const std::shared_ptr<boost::asio::thread_pool> cpu_;  // outlives the strand
    boost::asio::strand<boost::asio::thread_pool::executor_type> strand_;
};

}  // namespace syncline::pipeline
