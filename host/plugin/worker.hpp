// A thread that runs code of a connector, one task after the other.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "plugin/busy_mark.hpp"
#include "plugin/deadlines.hpp"
#include "plugin/flight_recorder.hpp"

namespace syncline::plugin {

// Whatever has work open on a worker.
struct Resident {
    virtual ~Resident() = default;
    // The thread is stuck in the connector: completes everything that is open, on the caller's
    // thread.
    virtual void evict() = 0;
};

// Purpose: tasks run in the order in which they were posted; a thread that stays in one of them for
//   too long is given up.
// Lifecycle: start, then tasks, then close() once nobody has work open.
// Concurrency: [any].
class Worker : public std::enable_shared_from_this<Worker> {
  public:
    struct Options {
        std::string name;  // of the thread
        const core::Clock* clock = nullptr;
        std::shared_ptr<Deadlines> deadlines;        // shared: a stuck thread may outlive everybody
        std::shared_ptr<FlightRecorder> recorder{};  // null: nothing is noted
        FlightRecorder::Who who{};                   // runs on the thread
        std::chrono::milliseconds call_limit{};
        std::chrono::milliseconds cancel_grace{};
        // The thread is stuck; called once, on another thread, before the residents are evicted.
        std::function<void()> on_stuck;
    };

    static std::shared_ptr<Worker> start(Options options);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    bool is_own_thread() const;

    // False when the thread takes no more: it was closed, or is stuck.
    bool post(std::function<void()> task);

    // Posts a completion of the hub's, which runs in any case: on another thread when this one
    // takes no more.
    void complete(std::function<void()> completion);

    // Posts, and gives the thread up as stuck if it has not come to the task within the grace.
    void insist(std::function<void()> task);

    // How long one task may take, from now on.
    void set_call_limit(std::chrono::milliseconds limit) { call_limit_ = limit; }

    // Keeps a resident alive, and evicts it should the thread be stuck.
    void admit(std::shared_ptr<Resident> resident);
    void release(const Resident* resident);

    // Gives the thread up.
    void seize();

    // Takes nothing more, and ends when what was posted is done; also on its own thread.
    void finish();
    // It has ended by itself: close() does not wait.
    bool is_over() const { return is_over_; }

    // Ends the thread. One that is stuck is left behind. Not on the worker's thread.
    void close();

  private:
    explicit Worker(Options options)
        : options_(std::move(options)), call_limit_(options_.call_limit) {}

    void run();
    void watch();

    struct Task {
        std::function<void()> run;
        bool is_completion;  // runs none of the connector's code
    };
    const Options options_;
    std::atomic<std::chrono::milliseconds> call_limit_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Task> tasks_;
    std::vector<std::shared_ptr<Resident>> residents_;
    bool is_closing_ = false;
    bool is_seized_ = false;  // the thread is stuck in a call
    std::atomic<bool> is_over_{false};
    BusyMark busy_;
    std::atomic<std::thread::id> thread_id_{};
    std::thread thread_;
};

}  // namespace syncline::plugin
