// The connections of one account: a multi handle of libcurl and its own epoll set.
//
// Purpose: lets libcurl wait for sockets and time in the io_context. libcurl's sockets go into an
// epoll set of ours, and
//   only that set's descriptor is known to Asio: so a socket that libcurl closes or reuses needs no
//   care, and a burst of events costs one hand-over.
// Lifecycle: shared only with its own handlers in the io_context, which hold weak pointers.
// Concurrency: [io]. libcurl's callbacks only note what they are told, and libcurl is never entered
// from within one;
//   finished transfers are reported after libcurl has returned.
// Limits: connections_per_pool_max exchanges at once; more wait in the order in which they came.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "http_client/client.hpp"
#include "http_client/libcurl.hpp"
#include "http_client/transfer.hpp"

namespace syncline::http_client {

class Pool : public std::enable_shared_from_this<Pool> {
  public:
    // Told of a transfer that ended by itself; may destroy it, must not call the pool.
    using Finished = std::function<void(Transfer&, http_client::Result)>;

    Pool(boost::asio::io_context& io, const ClientOptions& options,
         std::shared_ptr<const EgressPolicy> policy, Finished on_finished);
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;
    ~Pool();

    const EgressPolicy& policy() const { return *policy_; }

    // Begins to wait for events. Once, after construction.
    void open();

    // Starts the transfer or lets it wait. It must outlive finished or remove().
    void add(Transfer& transfer);

    // Forgets a transfer that has not finished; its connection is closed.
    void remove(Transfer& transfer);

    // Forgets those that wait, without a report, so that remove() starts no others.
    void drop_waiting() { waiting_.clear(); }

  private:
    struct MultiDeleter {
        void operator()(CURLM* multi) const { libcurl().multi_cleanup(multi); }
    };
    struct EasyDeleter {
        void operator()(CURL* easy) const { libcurl().easy_cleanup(easy); }
    };
    using Easy = std::unique_ptr<CURL, EasyDeleter>;

    void make_multi();
    void start_waiting();
    void start(Transfer& transfer);
    void release(Transfer& transfer);
    void wait_for_events();
    void on_events();
    void arm_timer();
    void kick();
    void on_time();
    void act(curl_socket_t socket, int events);
    void report_finished();

    static int on_socket(CURL* easy, curl_socket_t socket, int what, void* self, void* known);
    static int on_timer(CURLM* multi, long timeout_ms, void* self);

    boost::asio::io_context& io_;
    const ClientOptions& options_;
    const std::shared_ptr<const EgressPolicy> policy_;
    const Finished on_finished_;
    boost::asio::posix::stream_descriptor epoll_;
    boost::asio::steady_timer timer_;
    std::optional<std::chrono::steady_clock::time_point> deadline_;  // of libcurl
    std::optional<std::chrono::steady_clock::time_point> armed_;     // the timer's, never later
    bool is_kicked_ = false;
    std::unique_ptr<CURLM, MultiDeleter> multi_;  // from the first request on
    std::vector<Easy> free_easies_;  // never given to another pool: they remember TLS sessions
    std::deque<Transfer*> waiting_;
    std::size_t active_ = 0;
};

}  // namespace syncline::http_client
