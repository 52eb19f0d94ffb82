#include "app/transport.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <chrono>
#include <unordered_map>
#include <utility>

#include "auth/errc.hpp"
#include "http_client/errc.hpp"

namespace syncline::app {
namespace {

plugin::FailureClass class_of(const Error& error) {
    if (error.is(auth::kAuthorisationNeeded)) return plugin::FailureClass::kAuthExpired;
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

plugin::HttpReply failed(const Error& error) {
    plugin::HttpReply reply;
    reply.failure.failure_class = class_of(error);
    reply.failure.message = error.to_string();
    return reply;
}

plugin::HttpReply cancelled() {
    plugin::HttpReply reply;
    reply.failure.failure_class = plugin::FailureClass::kCancelled;
    reply.failure.message = "the request was cancelled before it was sent";
    return reply;
}

class Transport final : public plugin::HttpTransport,
                        public std::enable_shared_from_this<Transport> {
  public:
    Transport(boost::asio::io_context& io, http_client::Client& client, http_client::PoolId pool,
              std::optional<OutboundAuth> auth, std::shared_ptr<OutboundMetrics> metrics)
        : io_(io),
          client_(client),
          auth_(std::move(auth)),
          metrics_(std::move(metrics)),
          pool_(pool) {}

    std::uint64_t send(plugin::HttpRequest request,
                       std::function<void(plugin::HttpReply)> done) override {
        std::uint64_t id = ++last_id_;
        if (auth_) {
            // Here, on the caller's thread: digests of large bodies have no place on the io thread.
            if (auto added = auth_->add_to(request); !added) {
                boost::asio::post(
                    io_, [tell = std::move(done), reply = failed(added.error())] { tell(reply); });
                return id;
            }
        }
        Exchange exchange;
        exchange.tokens = auth_ ? auth_->tokens_for(request.url) : nullptr;
        exchange.until = SteadyClock::now() + request.timeout;
        exchange.request.method = std::move(request.method);
        exchange.request.url = std::move(request.url);
        exchange.request.headers = std::move(request.headers);
        exchange.request.body = std::move(request.body);
        exchange.done = std::move(done);
        boost::asio::post(io_,
                          [self = shared_from_this(), id, what = std::move(exchange)]() mutable {
                              self->begin(id, std::move(what));
                          });
        return id;
    }

    void cancel(std::uint64_t id) override {
        // Queued behind the beginning of the same request.
        boost::asio::post(io_, [self = shared_from_this(), id] {
            auto at = self->open_.find(id);
            if (at == self->open_.end()) return;
            if (at->second.running == 0) return self->end(id, cancelled());
            self->client_.cancel(at->second.running);
        });
    }

  private:
    using SteadyClock = std::chrono::steady_clock;

    struct Exchange {
        http_client::Request request;
        std::function<void(plugin::HttpReply)> done;
        SteadyClock::time_point until;
        AccountTokens* tokens = nullptr;                 // of auth_; null: it takes no token
        std::shared_ptr<const auth::AccessToken> token;  // that it was sent with
        bool is_repeat = false;                          // with another token
        http_client::RequestId running = 0;              // 0: it waits for a token
    };

    void begin(std::uint64_t id, Exchange given) {
        Exchange& exchange = open_.emplace(id, std::move(given)).first->second;
        if (exchange.tokens == nullptr) return start(id, exchange);
        exchange.tokens->get(left(exchange), token_for(id));
    }

    static SteadyClock::duration left(const Exchange& exchange) {
        return exchange.until - SteadyClock::now();
    }

    auth::TokenKeeper::Waiter token_for(std::uint64_t id) {
        // Weak: who waits for a token does not keep alive what gives it.
        return
            [weak = weak_from_this(), id](Result<std::shared_ptr<const auth::AccessToken>> token) {
                const auto self = weak.lock();
                if (self == nullptr) return;
                auto at = self->open_.find(id);
                if (at == self->open_.end()) return;  // it was cancelled
                if (token.has_error()) return self->end(id, failed(token.error()));
                at->second.token = *token;
                self->auth_->add_token(at->second.request.headers, **token);
                self->start(id, at->second);
            };
    }

    void start(std::uint64_t id, Exchange& exchange) {
        using std::chrono::milliseconds;
        const bool may_be_repeated = exchange.token != nullptr && !exchange.is_repeat;
        http_client::Request request =
            may_be_repeated ? exchange.request : std::move(exchange.request);
        request.timeout =
            std::max(milliseconds{1}, std::chrono::ceil<milliseconds>(left(exchange)));
        exchange.running = client_.send(pool_, std::move(request),
                                        [self = shared_from_this(), id,
                                         since = SteadyClock::now()](http_client::Result result) {
                                            self->count(result, SteadyClock::now() - since);
                                            self->finish(id, std::move(result));
                                        });
    }

    void finish(std::uint64_t id, http_client::Result result) {
        Exchange& exchange = open_.at(id);
        const bool is_refused = result.response && result.response->status == 401;
        if (!is_refused || exchange.token == nullptr || exchange.is_repeat)
            return end(id, to_reply(std::move(result)));
        // Once more with another token; whether that is refused as well is for the connector.
        exchange.is_repeat = true;
        exchange.running = 0;
        exchange.tokens->renew(exchange.token->generation, left(exchange), token_for(id));
    }

    void end(std::uint64_t id, plugin::HttpReply reply) {
        const auto over = open_.extract(id);
        over.mapped().done(std::move(reply));
    }

    void count(const http_client::Result& result, std::chrono::nanoseconds time) {
        metrics_->duration.observe(time);
        if (!result.response) return metrics_->failures.add();
        const int digit = std::clamp(result.response->status / 100, 1, 5);
        metrics_->answers[static_cast<std::size_t>(digit - 1)].add();
    }

    boost::asio::io_context& io_;
    http_client::Client& client_;
    const std::optional<OutboundAuth> auth_;
    const std::shared_ptr<OutboundMetrics> metrics_;
    const http_client::PoolId pool_;
    std::atomic<std::uint64_t> last_id_{0};
    std::unordered_map<std::uint64_t, Exchange> open_;  // [io]
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
        SYNCLINE_CHECK(http_client::grant(policy, std::string{setting->get_string()}));
    }
    return policy;
}

std::shared_ptr<plugin::HttpTransport> make_transport(boost::asio::io_context& io,
                                                      http_client::Client& client,
                                                      http_client::PoolId pool,
                                                      std::optional<OutboundAuth> auth,
                                                      std::shared_ptr<OutboundMetrics> metrics) {
    return std::make_shared<Transport>(io, client, pool, std::move(auth), std::move(metrics));
}

}  // namespace syncline::app
