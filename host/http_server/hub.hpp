// What the connections of one server share: the handler, the limits, the counters and one timer for
// all deadlines.
//
// Purpose: a timer per connection and request would cost more than parsing it; deadlines are
//   seconds, so one look at all connections four times a second is enough.
// Concurrency: [io].
// Lifetime: shared by the server and its connections, which a late responder may keep alive.
#pragma once

#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "http_server/response.hpp"
#include "http_server/server.hpp"
#include "http_server/tls.hpp"

namespace syncline::http_server {

using SteadyClock = std::chrono::steady_clock;
using IoExecutor = boost::asio::io_context::executor_type;
using SteadyTimer =
    boost::asio::basic_waitable_timer<SteadyClock, boost::asio::wait_traits<SteadyClock>,
                                      IoExecutor>;

class Hub final : public std::enable_shared_from_this<Hub> {
  public:
    // A connection as the hub sees it.
    struct Member {
        virtual ~Member() = default;
        virtual void check_deadline(SteadyClock::time_point now) = 0;
        virtual void on_stop() = 0;  // answer what is in flight, then close
        virtual void abandon() = 0;  // close at once
    };
    using Members = std::list<std::weak_ptr<Member>>;

    // `tls` is null for plain HTTP.
    Hub(boost::asio::io_context& io, Handler& handler, const Limits& limits,
        std::unique_ptr<TlsKeeper> tls);

    boost::asio::io_context& io() { return io_; }
    Handler& handler() { return handler_; }
    const Limits& limits() const { return limits_; }
    TlsKeeper* tls() { return tls_.get(); }
    bool is_stopping() const { return is_stopping_; }
    std::string_view date() { return date_.now(); }
    Counters counters() const { return {open_, accepted_.value(), refused_.value()}; }  // [any]
    void count_refused() { refused_.add(); }
    Tally& unclaimed() { return unclaimed_; }
    const Tally& unclaimed() const { return unclaimed_; }

    // Whether one more connection from there is within the limits.
    bool has_room(const std::string& peer) const;

    Members::iterator add(const std::shared_ptr<Member>& member, const std::string& peer);
    void remove(Members::iterator at, const std::string& peer);

    void stop();
    // Closes all connections; the handler is not called any more.
    void abandon();

  private:
    void arm_sweep();
    void sweep();

    boost::asio::io_context& io_;
    Handler& handler_;
    const Limits limits_;
    const std::unique_ptr<TlsKeeper> tls_;
    std::chrono::milliseconds sweep_interval_;
    std::atomic<std::uint64_t> open_{0};
    core::Counter accepted_, refused_;
    Tally unclaimed_;
    DateCache date_;
    Members members_;
    std::unordered_map<std::string, std::size_t> per_peer_;
    std::optional<SteadyTimer> sweep_timer_;  // none after abandon(): the io_context may go first
    bool is_sweep_armed_ = false;
    bool is_stopping_ = false;
};

}  // namespace syncline::http_server
