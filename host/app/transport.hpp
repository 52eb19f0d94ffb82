// The connectors' way out: plugin's transport on the hub's HTTP client, one pool of connections for
// each account.
// Concurrency: the transport is [any]; it makes its requests on [io].
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <memory>

#include "core/metrics.hpp"
#include "http_client/client.hpp"
#include "plugin/connector.hpp"

namespace syncline::app {

// What an account may reach: the manifest's grants, and the hosts of the URLs that the operator
// wrote into its settings. Errors: http_client.url_invalid.
Result<http_client::EgressPolicy> egress_policy(const plugin::Manifest& manifest,
                                                const boost::json::object& settings);

// The requests of one account. [any]
struct OutboundMetrics {
    std::array<core::Counter, 5> answers;  // by the first digit of the status
    core::Counter failures;                // no answer came
    core::Histogram duration{core::kShortTimes};
};

// Requests from any thread, made on the io thread. `client` and `metrics` must outlive the
// io_context's run.
std::shared_ptr<plugin::HttpTransport> make_transport(boost::asio::io_context& io,
                                                      http_client::Client& client,
                                                      http_client::EgressPolicy policy,
                                                      OutboundMetrics& metrics);

}  // namespace syncline::app
