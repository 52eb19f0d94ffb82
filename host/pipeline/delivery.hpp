// One connection: heads of lanes -> filter, map, diff -> batches -> the destination -> results.
//
// Concurrency: pump() is [state]; decisions and batches live on the connection's strand of the cpu
// threads; outcomes arrive
//   on the destination's work thread and go back to the strand.
// Limits: records out (taken and not settled) are bounded by what the batches in flight and the one
// being filled hold. Batching: a batch goes out when it is full by records or bytes, when nothing
// more can come for it, or when its first record
//   has waited long enough; at once when a sender waits for a record of it. While every slot is
//   taken it fills up: the destination's pace makes the batches.
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "pipeline/decide.hpp"
#include "pipeline/guarded_time.hpp"
#include "pipeline/plan.hpp"
#include "store/store.hpp"

namespace syncline::pipeline {

class Delivery : public std::enable_shared_from_this<Delivery> {
  public:
    Delivery(ConnectionPlan plan, store::Store& store, std::shared_ptr<const GuardedTime> time,
             std::shared_ptr<boost::asio::thread_pool> cpu);

    const ConnectionPlan& plan() const { return plan_; }

    // Takes lanes that may go out. Returns when a waiting lane is due next. `is_upstream_quiet`:
    // nothing is on its way to this connection's lanes. [state]
    Result<std::optional<std::int64_t>> pump(store::State& state, bool is_upstream_quiet);

    // Takes nothing more; batches in flight end by themselves. [any]
    void stop();
    bool is_idle() const { return batches_out_ == 0; }  // [any]

  private:
    struct Prepared {
        store::LaneHead head;
        Send send;
    };

    // On the strand.
    void consider(std::vector<store::LaneHead> heads, bool is_quiet);
    void flush();
    bool must_wait() const;
    void send(std::vector<Prepared> batch);
    void finish(std::vector<Prepared> batch, plugin::WriteResult result);
    std::vector<Prepared> cut_batch();
    void wait_until(std::chrono::steady_clock::time_point when);

    void append(std::vector<store::Fact> facts);
    store::Settled settle_dead(const store::LaneHead& head, const Error& error) const;

    const ConnectionPlan plan_;
    store::Store& store_;
    const std::shared_ptr<const GuardedTime> time_;
    const std::shared_ptr<boost::asio::thread_pool>
        cpu_;  // outlives strand and timer, whoever holds this last
    boost::asio::strand<boost::asio::thread_pool::executor_type> strand_;
    std::atomic<bool> is_stopping_{false};
    std::atomic<std::size_t> batches_out_{0};

    // [state]
    std::size_t records_out_ = 0;
    bool was_quiet_ = true;

    // Strand.
    std::deque<Prepared> filling_;
    std::size_t filling_bytes_ = 0;
    std::size_t filling_awaited_ = 0;  // whose senders wait for the outcome
    std::chrono::steady_clock::time_point filling_since_;
    std::chrono::steady_clock::time_point paused_until_;  // the platform asked for it
    bool is_quiet_ = true;
    boost::asio::steady_timer timer_;
    std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace syncline::pipeline
