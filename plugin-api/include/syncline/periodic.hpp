// The capability "periodic": work of the connector's own, at times that it names.
//
//     Task<std::int64_t> work(std::int64_t) override {
//         const Response response = co_await http::post(url_ + "/subscriptions/renew", "");
//         if (!response.is_success()) throw response.refusal("Acme");
//         co_return now_ns() + 3600 * kSecondNs;  // again in an hour, over restarts as well
//     }
//
// What it throws is the failure of this turn, which the host repeats, with backoff.
#ifndef SYNCLINE_PERIODIC_HPP
#define SYNCLINE_PERIODIC_HPP

#include <cstdint>

#include "syncline/ask.hpp"
#include "syncline/periodic.h"

namespace syncline {

inline constexpr std::int64_t kSecondNs = 1'000'000'000;

// Implement it next to Connector. Turns of one account never overlap.
class PeriodicWorker {
  public:
    // One turn. `due_ns`: when it was due; SYNCLINE_NO_TIME for the first one of an account.
    // Returns when the next one is due, nanoseconds since 1970 UTC; SYNCLINE_NO_TIME: at the next
    // start of the hub.
    virtual Task<std::int64_t> work(std::int64_t due_ns) = 0;

  protected:
    ~PeriodicWorker() = default;
};

class BlockingPeriodicWorker {
  public:
    virtual std::int64_t work(std::int64_t due_ns) = 0;

  protected:
    ~BlockingPeriodicWorker() = default;
};

// ---- Implementation --------------------------------------------------------------------------

namespace detail {

// One turn, from its beginning to its end.
inline Root run_work(TaskGroup&, Runtime& runtime, syncline_periodic_handle operation,
                     PeriodicWorker& worker, std::int64_t due_ns) {
    Status status;
    std::int64_t next_due_ns = SYNCLINE_NO_TIME;
    try {
        next_due_ns = co_await worker.work(due_ns);
    } catch (...) {
        status = current_failure();
    }
    runtime.work_outcome(operation, next_due_ns, status);
    runtime.end_work(operation);
}

}  // namespace detail
}  // namespace syncline

#endif
