// One thread that calls back when a time has come: it must stay able to do so while connectors'
// threads are stuck.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "core/clock.hpp"

namespace syncline::plugin {

// Concurrency: [any]. Callbacks run on the thread of this object, one at a time, and don't block.
class Deadlines {
  public:
    using Id = std::pair<core::nanoseconds, std::uint64_t>;

    explicit Deadlines(const core::Clock& clock);
    Deadlines(const Deadlines&) = delete;
    Deadlines& operator=(const Deadlines&) = delete;
    ~Deadlines() { stop(); }

    // Calls once, as soon as `delay` has passed. Nothing, and no call, once this was stopped.
    std::optional<Id> call_after(core::nanoseconds delay, std::function<void()> callback);

    // After this the callback does not begin; it may still be running.
    void cancel(const Id& id);

    // Ends the thread; what has not been called is dropped. Not from a callback.
    void stop();

  private:
    void run();

    const core::Clock& clock_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<Id, std::function<void()>> pending_;
    std::uint64_t next_ = 1;
    bool is_stopped_ = false;
    std::thread thread_;
};

}  // namespace syncline::plugin
