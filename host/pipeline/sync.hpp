// A run of one connection: its source is read page after page, from the beginning to the end.
//
// Purpose: each page becomes an event of the connection's own route, durable in one step with the
//   cursor of the next page. So a run that was cut off, by whatever, goes on behind the last page
//   that is durable, and repeats none of them.
// Lifecycle: begin(), which is refused while a run is under way; a run ends by itself, or with
//   stop(). A run that failed, and one that a hub took along when it died, is gone on with by the
//   next begin().
// Concurrency: begin(), progress(), change() and stop() are [any]; the rest is on a strand of the
// cpu threads. Limits: one page at a time, and none while more than 10,000 records of the
// connection wait, or
//   while the store is busy. A page that fails is repeated as a delivery is: `attempts_max` times,
//   with its backoff. A cursor that the platform does not know any more begins the run anew, three
//   times at most.
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>

#include "pipeline/guarded_time.hpp"
#include "pipeline/plan.hpp"
#include "store/store.hpp"

namespace syncline::pipeline {

class Sync : public std::enable_shared_from_this<Sync> {
  public:
    enum class Stage { kIdle, kRunning, kDone, kFailed };
    struct Progress {
        Stage stage = Stage::kIdle;
        // Of the run, with what it had before it was cut off.
        std::uint64_t pages = 0, records = 0;
        std::uint32_t restarts = 0;  // from the beginning, because a cursor was not known any more
        bool is_continued = false;   // it began behind the pages of one that was cut off
        std::string waits_for;       // why it stands still now; empty: it does not
        std::string failure;         // kFailed
    };

    Sync(const ConnectionPlan& plan, store::Store& store, std::shared_ptr<const GuardedTime> time,
         std::shared_ptr<boost::asio::thread_pool> cpu);

    // Errors: `pipeline.sync_running`.
    Result<void> begin();
    Progress progress() const;
    // Another plan of the connection: what is read from now on is read by it.
    void change(const ConnectionPlan& plan);
    // Nothing more is read. A page that is on its way is given up.
    void stop();

  private:
    // Where and how pages are read.
    struct Reading {
        explicit Reading(const ConnectionPlan& plan);

        std::string stream;
        std::uint32_t records_max;
        std::shared_ptr<plugin::Instance> source;
        DeliveryPolicy policy;
    };
    // What is durable of a run.
    struct Row {
        std::string cursor;
        std::uint64_t pages = 0, records = 0;
        std::uint32_t restarts = 0;
    };

    // On the strand.
    void load();
    void go_on(Result<std::optional<std::string>> found);
    void look_for_room();
    void read();
    void take(plugin::ReadResult result);
    void keep(Row next, std::vector<store::Fact> facts, bool is_end);
    void fail_page(const plugin::Failure& failure);
    void fail(std::string why);
    void wait(std::chrono::nanoseconds time, std::string why, void (Sync::*then)());

    Result<store::Fact> event_of(const std::vector<record::Record>& records);
    store::Fact row_fact(const std::optional<Row>& row) const;
    void report(Stage stage, std::string waits_for, std::string failure);

    const store::ConnectionId connection_;
    const std::string name_;
    const store::RouteId route_;
    store::Store& store_;
    const std::shared_ptr<const GuardedTime> time_;
    const std::shared_ptr<boost::asio::thread_pool>
        cpu_;  // outlives strand and timer, whoever holds this last
    boost::asio::strand<boost::asio::thread_pool::executor_type> strand_;
    std::atomic<bool> is_stopping_{false};

    // Strand.
    Reading reading_;
    Row row_;
    std::uint32_t attempts_ = 0;  // with the page
    boost::asio::steady_timer timer_;
    std::mt19937_64 random_{std::random_device{}()};

    mutable std::mutex mutex_;
    Progress progress_;
};

}  // namespace syncline::pipeline
