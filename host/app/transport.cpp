#include "app/transport.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <chrono>
#include <unordered_map>
#include <utility>

#include "http_client/errc.hpp"

namespace syncline::app {
namespace {

plugin::FailureClass class_of(const Error& error) {
    if (error.is(http_client::kCancelled)) return plugin::FailureClass::kCancelled;
    switch (error.error_class()) {
        case core::ErrorClass::kConfig:
        case core::ErrorClass::kEnvironment:
            return plugin::FailureClass::kConfig;
        case core::ErrorClass::kPermanent:
            return plugin::FailureClass::kPermanent;
        case core::ErrorClass::kBug:
            return plugin::FailureClass::kHostBug;
        case core::ErrorClass::kTransient:
            return plugin::FailureClass::kTransient;
    }
    return plugin::FailureClass::kTransient;
}

plugin::HttpReply to_reply(http_client::Result result) {
    plugin::HttpReply reply;
    if (result.response) {
        reply.has_response = true;
        reply.status = result.response->status;
        reply.headers = std::move(result.response->headers);
        reply.body = std::move(result.response->body);
        reply.may_have_been_processed = true;
        return reply;
    }
    reply.failure.failure_class = class_of(result.failure->error);
    reply.failure.message = result.failure->error.to_string();
    reply.may_have_been_processed = result.failure->request_may_have_been_processed;
    return reply;
}

class Transport final : public plugin::HttpTransport,
                        public std::enable_shared_from_this<Transport> {
  public:
    Transport(boost::asio::io_context& io, http_client::Client& client,
              http_client::EgressPolicy policy, OutboundMetrics& metrics)
        : io_(io),
          client_(client),
          metrics_(metrics),
          pool_(client.open_pool(
              std::make_shared<const http_client::EgressPolicy>(std::move(policy)))) {}

    std::uint64_t send(plugin::HttpRequest request,
                       std::function<void(plugin::HttpReply)> done) override {
        std::uint64_t id = ++last_id_;
        http_client::Request outgoing;
        outgoing.method = std::move(request.method);
        outgoing.url = std::move(request.url);
        outgoing.headers = std::move(request.headers);
        outgoing.body = std::move(request.body);
        outgoing.timeout = request.timeout;
        boost::asio::post(io_, [self = shared_from_this(), id, what = std::move(outgoing),
                                tell = std::move(done)]() mutable {
            self->start(id, std::move(what), std::move(tell));
        });
        return id;
    }

    void cancel(std::uint64_t id) override {
        // Queued behind the start of the same request.
        boost::asio::post(io_, [self = shared_from_this(), id] {
            auto at = self->running_.find(id);
            if (at != self->running_.end()) self->client_.cancel(at->second);
        });
    }

  private:
    void start(std::uint64_t id, http_client::Request request,
               std::function<void(plugin::HttpReply)> done) {
        http_client::RequestId started =
            client_.send(pool_, std::move(request),
                         [self = shared_from_this(), id, since = std::chrono::steady_clock::now(),
                          tell = std::move(done)](http_client::Result result) {
                             self->running_.erase(id);
                             self->count(result, std::chrono::steady_clock::now() - since);
                             tell(to_reply(std::move(result)));
                         });
        running_.emplace(id, started);
    }

    void count(const http_client::Result& result, std::chrono::nanoseconds time) {
        metrics_.duration.observe(time);
        if (!result.response) return metrics_.failures.add();
        const int digit = std::clamp(result.response->status / 100, 1, 5);
        metrics_.answers[static_cast<std::size_t>(digit - 1)].add();
    }

    boost::asio::io_context& io_;
    http_client::Client& client_;
    OutboundMetrics& metrics_;
    const http_client::PoolId pool_;
    std::atomic<std::uint64_t> last_id_{0};
    std::unordered_map<std::uint64_t, http_client::RequestId> running_;  // [io]
};

}  // namespace

Result<http_client::EgressPolicy> egress_policy(const plugin::Manifest& manifest,
                                                const boost::json::object& settings) {
    http_client::EgressPolicy policy;
    for (const plugin::HostGrant& grant : manifest.allowed_hosts) {
        if (!grant.host.empty()) policy.hosts.push_back(grant.host);
        if (grant.from_setting.empty()) continue;
        const boost::json::value* setting = settings.if_contains(grant.from_setting);
        if (setting == nullptr || !setting->is_string()) continue;
        SYNCLINE_TRY(std::string host, http_client::host_of(std::string{setting->get_string()}));
        policy.literal_hosts.push_back(std::move(host));
    }
    return policy;
}

std::shared_ptr<plugin::HttpTransport> make_transport(boost::asio::io_context& io,
                                                      http_client::Client& client,
                                                      http_client::EgressPolicy policy,
                                                      OutboundMetrics& metrics) {
    return std::make_shared<Transport>(io, client, std::move(policy), metrics);
}

}  // namespace syncline::app
