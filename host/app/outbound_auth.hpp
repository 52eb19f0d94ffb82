// An account's credentials on its connector's requests: added when the connector has let go of
// them.
#pragma once

#include <memory>

#include "app/account_tokens.hpp"
#include "config/config.hpp"
#include "core/clock.hpp"
#include "http_client/client.hpp"
#include "plugin/services.hpp"

namespace syncline::app {

// Immutable. The clock must outlive it. [any]
class OutboundAuth {
  public:
    // The credentials go to the hosts that `auth` names; if it names none, to those of the URLs
    // that the operator wrote into the settings; if there are none either, to those of the
    // manifest. By plain http they go only where the policy lets plain http go.
    // `tokens` with OAuth 2.0, and then alone.
    OutboundAuth(config::AccountAuth auth, const http_client::EgressPolicy& policy,
                 const core::Clock& clock, std::shared_ptr<AccountTokens> tokens = nullptr);

    // Signs the request for one attempt, unless it takes a token. A request to another host is left
    // as it is: whether it may go there is for the egress policy to say. Errors: those of
    // auth::authenticate().
    Result<void> add_to(plugin::HttpRequest& request) const;

    // Where a request to this URL gets its access token from; null when it needs none.
    AccountTokens* tokens_for(const std::string& url) const;
    // Puts the token into the headers, in the place of another one.
    void add_token(http_client::Headers& headers, const auth::AccessToken& token) const;

  private:
    config::AccountAuth auth_;
    std::shared_ptr<AccountTokens> tokens_;
    http_client::EgressPolicy scope_;
    const core::Clock* clock_;
};

}  // namespace syncline::app
