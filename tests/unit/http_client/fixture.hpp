// A client and the loop that drives it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "http_client/client.hpp"
#include "peer.hpp"
#include "support/catch.hpp"

namespace syncline::test {

using http_client::Client;
using http_client::ClientOptions;
using http_client::EgressPolicy;
using http_client::PoolId;
using http_client::Request;

inline std::shared_ptr<const EgressPolicy> policy_of(EgressPolicy policy) {
    return std::make_shared<const EgressPolicy>(std::move(policy));
}

inline std::shared_ptr<const EgressPolicy> loopback_policy() {
    EgressPolicy policy;
    policy.literal_hosts = {"127.0.0.1", "localhost"};
    policy.allow_plain_http = true;
    return policy_of(std::move(policy));
}

inline Request get(std::string url) {
    Request request;
    request.url = std::move(url);
    return request;
}

inline Request post(std::string url, std::string body) {
    Request request;
    request.method = "POST";
    request.url = std::move(url);
    request.body = std::move(body);
    return request;
}

// Runs the loop until the condition holds; a test that hangs fails.
inline void run_until(asio::io_context& io, const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    io.restart();
    while (!condition()) {
        io.run_one_for(std::chrono::seconds{1});
        if (std::chrono::steady_clock::now() > end)
            FAIL("the loop did not come to the expected state");
    }
}

struct Fixture {
    explicit Fixture(ClientOptions options = {})
        : client(std::make_unique<Client>(io, std::move(options))) {
        pool = client->open_pool(loopback_policy());
    }

    http_client::Result exchange(PoolId by, Request request) {
        std::optional<http_client::Result> result;
        client->send(by, std::move(request), [&](http_client::Result r) {
            REQUIRE_FALSE(result.has_value());
            result = std::move(r);
        });
        REQUIRE_FALSE(result.has_value());
        run_until(io, [&] { return result.has_value(); });
        REQUIRE((result->response == nullptr) != (result->failure == nullptr));
        return std::move(*result);
    }
    http_client::Result exchange(Request request) { return exchange(pool, std::move(request)); }

    asio::io_context io;
    std::unique_ptr<Client> client;
    PoolId pool = 0;
};

// The code of the failure, or the status as text, for one CHECK.
inline std::string outcome(const http_client::Result& result) {
    if (result.response) return std::to_string(result.response->status);
    return std::string{result.failure->error.code()};
}

}  // namespace syncline::test
