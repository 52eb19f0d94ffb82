// One connection: heads of lanes -> filter, map, diff -> batches -> the destination -> results.
//
// Concurrency: pump() is [state]; decisions and batches live on the connection's strand of the cpu
// threads; outcomes arrive on the destination's work thread and go back to the strand.
// Ordered batches: of a destination that takes them, several records of one key may be in a batch,
// as a chain. Each counts as delivered in the decision on the next; what follows one that was not
// delivered is given back to its lane (rule 4).
// Limits: records out (taken and not settled) are bounded by what the batches in flight and the one
// being filled hold. Those whose outcome is being made durable make room for as many others as may
// be in flight, or the journal would set the pace that is the destination's to set.
// Batching: a batch goes out when it is full by records or bytes, when nothing more can come for
// it, or when its first record has waited long enough; at once when a sender waits for a record of
// it. While every slot is taken it fills up: the destination's pace makes the batches.
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "pipeline/decide.hpp"
#include "pipeline/delivery_metrics.hpp"
#include "pipeline/fetching.hpp"
#include "pipeline/guarded_time.hpp"
#include "pipeline/plan.hpp"
#include "pipeline/platform.hpp"
#include "store/store.hpp"

namespace syncline::pipeline {

class Delivery : public std::enable_shared_from_this<Delivery> {
  public:
    // `metrics`: of the connection, whatever its plans.
    Delivery(ConnectionPlan plan, store::Store& store, std::shared_ptr<Platform> platform,
             std::shared_ptr<DeliveryMetrics> metrics, std::shared_ptr<const GuardedTime> time,
             std::shared_ptr<boost::asio::thread_pool> cpu);

    const ConnectionPlan& plan() const { return plan_; }
    const DeliveryMetrics& metrics() const { return *metrics_; }  // [any]
    const std::shared_ptr<DeliveryMetrics>& shared_metrics() const { return metrics_; }
    const std::shared_ptr<Platform>& platform() const { return platform_; }

    // Takes lanes that may go out. Returns when a waiting lane is due next. `is_upstream_quiet`:
    // nothing is on its way to this connection's lanes. [state]
    Result<std::optional<std::int64_t>> pump(store::State& state, bool is_upstream_quiet);

    // Takes nothing more; batches in flight end by themselves. [any]
    void stop();
    // The plan is no more: what is out ends by itself, what has not gone out goes back to its lane,
    // for another plan, in pump(). [state]
    void retire();
    // After retire(): nothing is left. [state]
    bool is_over() const { return records_out_ == 0 && lanes_over_.empty() && is_idle(); }
    bool is_idle() const { return batches_out_ == 0 && fetches_out_ == 0; }  // [any]
    // Nothing goes out but probes: the platform fails. [any]
    bool is_paused() const { return platform_->is_paused(); }
    // Not to be pumped: an account needs a person first. [any]
    bool is_waiting() const { return plan_.is_waiting && plan_.is_waiting(); }

  private:
    struct Prepared {
        store::LaneHead head;
        Send send;
        std::size_t left = 0;  // records behind it in its chain that are given back with it
    };
    // What comes of records that were taken.
    struct Results {
        std::vector<store::Fact> facts;
        std::size_t left = 0;                // records without a fact, which go back to their lanes
        std::vector<std::string> lanes;      // whose chain is over
        std::vector<plugin::IdMapping> ids;  // that the connector put
        std::function<void()> ids_kept;
        std::vector<plugin::Subject> set_aside;
    };
    // The chain that is being looked at.
    struct Chain {
        bool is_sending = false;                  // one of it is in the batch that is being filled
        bool is_cut = false;                      // nothing more of it goes into a batch
        std::optional<store::KeyMapRow> key_map;  // what the destination will have
    };

    // On the strand.
    void consider(std::vector<store::LaneHead> heads, bool is_quiet);
    void consider(store::LaneHead head, Chain& chain, Results& results);
    Decision decide_on(const store::LaneHead& head) const;
    void fetch();
    void take_fetched(std::vector<store::LaneHead> heads, std::vector<plugin::FetchResult> results);
    void flush();
    bool must_wait() const;
    void send(std::vector<Prepared> batch, bool is_probe);
    void finish(std::vector<Prepared> batch, bool is_probe, plugin::WriteResult result);
    void finish_lane(std::span<const Prepared> lane, std::span<const plugin::Outcome> outcomes,
                     const std::shared_ptr<const store::PlatformAnswer>& answer, Results& results);
    void report(bool is_probe, const plugin::WriteResult& result);
    std::vector<Prepared> cut_batch(std::size_t records_max);
    void wait_until(std::chrono::steady_clock::time_point when);

    void append(Results results);
    void give_back(std::size_t count, std::vector<std::string> lanes);
    void take_back(std::vector<store::LaneHead> heads);
    Result<void> give_back_rest(store::State& state);
    store::Settled settle_dead(const store::LaneHead& head, store::FailureNote why);

    const ConnectionPlan plan_;
    std::size_t lane_max_ = 1;  // records of one lane that are taken at once; constant
    store::Store& store_;
    const std::shared_ptr<Platform> platform_;
    const std::shared_ptr<const GuardedTime> time_;
    const std::shared_ptr<boost::asio::thread_pool>
        cpu_;  // outlives strand and timer, whoever holds this last
    boost::asio::strand<boost::asio::thread_pool::executor_type> strand_;
    const std::shared_ptr<DeliveryMetrics> metrics_;
    std::atomic<bool> is_stopping_{false}, is_retired_{false};
    std::atomic<std::size_t> batches_out_{0}, fetches_out_{0};
    std::atomic<std::size_t> records_answered_{0};  // of records_out_: on their way to the journal
    std::atomic<bool> is_full_{false};              // no room for more, as pump() saw it

    // [state]
    std::size_t records_out_ = 0;          // taken and not settled
    std::vector<std::string> lanes_over_;  // chains to give back
    std::size_t records_back_ = 0;         // of a plan that is no more: to be given back at last
    std::vector<std::string> lanes_back_;  // the same
    bool was_quiet_ = true;

    // Strand.
    std::deque<Prepared> filling_;
    std::size_t filling_bytes_ = 0;
    std::size_t filling_awaited_ = 0;  // whose senders wait for the outcome
    std::chrono::steady_clock::time_point filling_since_;
    std::chrono::steady_clock::time_point paused_until_;  // the platform asked for it
    bool is_quiet_ = true;
    boost::asio::steady_timer timer_;
    Fetching fetching_;
    boost::asio::steady_timer fetch_timer_;
    std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace syncline::pipeline
