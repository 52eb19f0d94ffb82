// GET /metrics: what the whole hub has counted, gathered on a thread of its own.
//
// Purpose: a scrape costs what there are rows, and reads the ledger from the state's thread; io
//   waits for none of that.
// Concurrency: start() is [io]; its answer comes on [io].
// Limits: one scrape at a time, 5 s for the state to answer.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <functional>
#include <string>

#include "admin/metrics_page.hpp"
#include "core/error.hpp"
#include "store/store.hpp"

namespace syncline::admin {

class Scrape {
  public:
    // Adds what other modules have counted; called on the scrape's thread.
    using Source = std::function<void(MetricsPage&)>;

    // `patience` is how long the state may take to answer.
    Scrape(boost::asio::io_context& io, store::Store& store, Source source,
           std::chrono::milliseconds patience = std::chrono::seconds{5});
    // Waits for a scrape that runs.
    ~Scrape();

    // Errors: admin.scrape_running, admin.scrape_late, admin.stopping.
    void start(std::function<void(Result<std::string>)> done);

  private:
    Result<std::string> gather();

    boost::asio::io_context& io_;
    store::Store& store_;
    const Source source_;
    const std::chrono::milliseconds patience_;
    bool is_running_ = false;  // [io]
    boost::asio::thread_pool thread_{1};
};

}  // namespace syncline::admin
