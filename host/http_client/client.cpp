#include "http_client/client.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <deque>
#include <unordered_map>
#include <utility>

#include "core/assert.hpp"
#include "http_client/errc.hpp"
#include "http_client/headers.hpp"
#include "http_client/pool.hpp"
#include "http_client/transfer.hpp"

namespace syncline::http_client {
namespace asio = boost::asio;

// Owns the pools and all transfers. Results are queued and handed out from a handler of their own,
// so that a completion may do what it likes with the client, including its destruction.
class Client::Impl : public std::enable_shared_from_this<Client::Impl> {
  public:
    Impl(asio::io_context& io, ClientOptions options) : io_(io), options_(std::move(options)) {
        SYNCLINE_ASSERT(options_.connections_per_pool_max > 0);
    }

    PoolId open_pool(std::shared_ptr<const EgressPolicy> policy) {
        auto on_finished = [this](Transfer& transfer, http_client::Result result) {
            finish(transfer.id(), std::move(result));
        };
        auto pool =
            std::make_shared<Pool>(io_, options_, std::move(policy), std::move(on_finished));
        pool->open();
        pools_.emplace(++last_pool_, std::move(pool));
        return last_pool_;
    }

    void close_pool(PoolId id) {
        auto found = pools_.find(id);
        if (found == pools_.end()) return;
        found->second->drop_waiting();
        std::vector<RequestId> requests;
        for (const auto& [request, transfer] : transfers_) {
            if (transfer->pool() == id) requests.push_back(request);
        }
        std::sort(requests.begin(), requests.end());
        for (RequestId request : requests) cancel(request);
        pools_.erase(id);
    }

    RequestId send(PoolId pool, Request request, Completion done) {
        if (is_closing_) return 0;
        const RequestId id = ++last_request_;
        auto found = pools_.find(pool);
        if (found == pools_.end()) {
            refuse(std::move(done), Error(kCancelled, "the account's pool is closed"));
            return id;
        }
        auto head = check_head(request.method, request.headers);
        if (!head) {
            refuse(std::move(done), std::move(head).error());
            return id;
        }
        auto target = parse_target(request.url, found->second->policy());
        if (!target) {
            refuse(std::move(done), std::move(target).error());
            return id;
        }
        auto transfer = std::make_unique<Transfer>(id, pool, std::move(request), std::move(*target),
                                                   std::move(done));
        Transfer& added = *transfer;
        transfers_.emplace(id, std::move(transfer));
        found->second->add(added);
        return id;
    }

    void cancel(RequestId id) {
        auto found = transfers_.find(id);
        if (found == transfers_.end()) return;
        Transfer& transfer = *found->second;
        http_client::Result result = transfer.cancel();
        pools_.at(transfer.pool())->remove(transfer);
        finish(id, std::move(result));
    }

    void shut_down() {
        is_closing_ = true;
        while (!pools_.empty()) close_pool(pools_.begin()->first);
        while (!ready_.empty()) hand_out();
    }

  private:
    struct Ready {
        Completion done;
        http_client::Result result;
    };

    void finish(RequestId id, http_client::Result result) {
        auto node = transfers_.extract(id);
        make_ready(node.mapped()->take_completion(), std::move(result));
    }

    void refuse(Completion done, Error error) {
        make_ready(std::move(done), failed(std::move(error), false));
    }

    void make_ready(Completion done, http_client::Result result) {
        ready_.push_back(Ready{std::move(done), std::move(result)});
        if (is_delivery_posted_ || is_closing_) return;
        is_delivery_posted_ = true;
        asio::post(io_, [weak = weak_from_this()] {
            if (auto self = weak.lock()) self->deliver();
        });
    }

    // Hands out what is ready now: what completions add waits for the next turn of the loop.
    void deliver() {
        is_delivery_posted_ = false;
        for (std::size_t count = ready_.size(); count > 0 && !ready_.empty(); --count) hand_out();
    }

    void hand_out() {
        Ready ready = std::move(ready_.front());
        ready_.pop_front();
        ready.done(std::move(ready.result));
    }

    asio::io_context& io_;
    const ClientOptions options_;
    std::unordered_map<PoolId, std::shared_ptr<Pool>> pools_;  // shared with their handlers only
    std::unordered_map<RequestId, std::unique_ptr<Transfer>> transfers_;
    std::deque<Ready> ready_;
    PoolId last_pool_ = 0;
    RequestId last_request_ = 0;
    bool is_delivery_posted_ = false;
    bool is_closing_ = false;
};

Client::Client(asio::io_context& io, ClientOptions options)
    : impl_(std::make_shared<Impl>(io, std::move(options))) {}

Client::~Client() {
    const std::shared_ptr<Impl> impl = impl_;
    impl->shut_down();
}

PoolId Client::open_pool(std::shared_ptr<const EgressPolicy> policy) {
    return impl_->open_pool(std::move(policy));
}

void Client::close_pool(PoolId pool) {
    impl_->close_pool(pool);
}

RequestId Client::send(PoolId pool, Request request, Completion done) {
    return impl_->send(pool, std::move(request), std::move(done));
}

void Client::cancel(RequestId request) {
    impl_->cancel(request);
}

}  // namespace syncline::http_client
