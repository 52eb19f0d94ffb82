// Reloads that somebody asked for, one after the other, and what became of them.
//
// Purpose: requests that come while one waits are that one. Concurrency: a thread of its own does
// the work; the functions are [any]. Limits: two wait, one of them a check; the last 32 results.
#pragma once

#include <atomic>
#include <boost/json/object.hpp>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "app/reload.hpp"
#include "core/metrics.hpp"

namespace syncline::app {

// What became of those that were no checks. [any]
struct ReloadCounters {
    core::Counter taken, refused;
};

class Reloads {
  public:
    // See Reload::run().
    using Work = std::function<void(bool is_check, const std::stop_token& stop,
                                    const std::function<void(Reloaded)>& tell)>;

    explicit Reloads(Work work);
    Reloads(const Reloads&) = delete;
    Reloads& operator=(const Reloads&) = delete;
    ~Reloads();  // waits for the thread

    // `by`: who asks, for the log. Returns the number of the reload, which begins after this.
    std::uint64_t ask(const char* by, bool is_check);
    // {"stage": "waiting" | "running" | "done" | "failed", ...}. Errors: `app.reload_unknown`.
    Result<boost::json::value> look(std::uint64_t number) const;

    const ReloadCounters& counters() const { return counters_; }

    void request_stop() { thread_.request_stop(); }
    bool is_over() const { return is_over_; }

  private:
    void run(const std::stop_token& stop);
    void finish(std::uint64_t number, const char* by, bool is_check, const Reloaded& reloaded);

    struct Wanted {
        std::uint64_t number;
        const char* by;
    };

    const Work work_;
    mutable std::mutex mutex_;
    std::condition_variable_any asked_;
    std::map<bool, Wanted> wanted_;  // by is_check
    std::uint64_t last_ = 0;
    std::map<std::uint64_t, boost::json::object> results_;  // by number
    ReloadCounters counters_;
    std::atomic<bool> is_over_{false};
    std::jthread thread_;
};

}  // namespace syncline::app
