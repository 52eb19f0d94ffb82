// What a token endpoint is asked (OAuth 2.0), on its way to the network: by the hub that renews
// tokens, and by the verb that gets the first one.
#pragma once

#include <chrono>

#include "auth/token.hpp"
#include "config/config.hpp"
#include "http_client/client.hpp"

namespace syncline::app {

inline constexpr std::chrono::milliseconds kEndpointPatience{15'000};

// The endpoint's host is the only one that these requests may go to. Errors:
// http_client.url_invalid. [io]
Result<http_client::PoolId> open_endpoint(http_client::Client& client,
                                          const auth::TokenEndpoint& endpoint);

// The client's assertion, fresh for each request; empty where none is wanted. [any]
Result<core::Secret> assertion_of(const config::OAuth2& oauth2, core::WallTime now);

// [any]
http_client::Request to_http(const auth::TokenRequest& request);

}  // namespace syncline::app
