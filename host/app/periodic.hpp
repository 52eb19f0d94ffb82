// The work that connectors do at times of their own: one of these for each account that has some.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "plugin/instance.hpp"
#include "schedule/backoff.hpp"

namespace syncline::app {

// When an account's work is next due, kept over restarts. Concurrency: both are called on [io] and
// complete once, on any thread.
struct DueTime {
    virtual ~DueTime() = default;
    virtual void get(std::function<void(Result<std::optional<std::int64_t>>)> done) = 0;
    virtual void put(std::int64_t due_ns, std::function<void()> done) = 0;
};

// Purpose: asks the connector when its work is due, remembers what it says, never twice at once.
//   What fails is tried again, 1 s to 15 minutes later or as the platform asks. A wall clock that
//   jumps is noticed within a minute.
// Lifecycle: start(), once, then stop(); a turn that is open at stop() ends with its instance.
// Concurrency: [io].
// Limits: one turn at a time, of at most 5 minutes.
class Periodic : public std::enable_shared_from_this<Periodic> {
  public:
    struct Options {
        std::string account;  // for logs
        std::shared_ptr<plugin::Instance> instance;
        std::shared_ptr<DueTime> due;
        const core::Clock* clock = nullptr;
        // Runs it after a time, or as soon as possible, on [io].
        std::function<void(std::chrono::milliseconds, std::function<void()>)> after{};
        std::function<void(std::function<void()>)> post{};
        std::function<std::uint64_t()> random{};
        schedule::Backoff backoff{std::chrono::seconds{1}, std::chrono::minutes{15}};
    };
    static constexpr std::chrono::minutes kTurnLimit{5};

    explicit Periodic(Options options) : options_(std::move(options)) {}

    void start();
    void stop() {
        is_stopped_ = true;
        options_.instance.reset();  // a timer may keep this object alive
    }

  private:
    void wait_until(std::int64_t at_ns);
    void work();
    void end(const plugin::WorkResult& result);
    std::int64_t now_ns() const { return options_.clock->wall_ns(); }

    Options options_;
    std::optional<std::int64_t> due_ns_;  // none: the first turn, which is due at once
    std::uint32_t failures_ = 0;          // in a row
    bool is_stopped_ = false;
};

}  // namespace syncline::app
