#include "app/token_exchange.hpp"

#include <memory>
#include <utility>

#include "core/hash.hpp"
#include "secret/cipher.hpp"

namespace syncline::app {

Result<http_client::PoolId> open_endpoint(http_client::Client& client,
                                          const auth::TokenEndpoint& endpoint) {
    http_client::EgressPolicy policy;
    SYNCLINE_CHECK(http_client::grant(policy, endpoint.url));
    return client.open_pool(std::make_shared<const http_client::EgressPolicy>(std::move(policy)));
}

Result<core::Secret> assertion_of(const config::OAuth2& oauth2, core::WallTime now) {
    if (!oauth2.assertion) return core::Secret{};
    return auth::make_assertion(oauth2.assertion->options, oauth2.assertion->key, now,
                                core::to_hex(secret::random_bytes(16)));
}

http_client::Request to_http(const auth::TokenRequest& request) {
    http_client::Request outgoing;
    outgoing.method = request.method;
    outgoing.url = request.url.reveal();
    for (const auth::SecretHeader& header : request.headers)
        outgoing.headers.emplace_back(header.name, header.value.reveal());
    outgoing.body = request.body.reveal();
    outgoing.timeout = kEndpointPatience;
    outgoing.response_bytes_max = auth::kTokenAnswerBytesMax;
    return outgoing;
}

}  // namespace syncline::app
