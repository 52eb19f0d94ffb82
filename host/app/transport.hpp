// The connectors' way out: plugin's transport on the hub's HTTP client, one pool of connections for
// each account.
// Concurrency: the transport is [any]; it makes its requests on [io].
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>

#include "app/outbound_auth.hpp"
#include "core/metrics.hpp"
#include "http_client/client.hpp"
#include "plugin/manifest.hpp"
#include "plugin/services.hpp"

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

// Requests from any thread, made on the io thread, with the account's credentials if it has some
// (nothing that comes back to the connector shows them). `client` must outlive the io_context's
// run; `pool` is the caller's, to be closed when the account is out of service.
std::shared_ptr<plugin::HttpTransport> make_transport(boost::asio::io_context& io,
                                                      http_client::Client& client,
                                                      http_client::PoolId pool,
                                                      std::optional<OutboundAuth> auth,
                                                      std::shared_ptr<OutboundMetrics> metrics);

}  // namespace syncline::app
