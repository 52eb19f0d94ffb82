#include "app/outbound_auth.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "auth/url.hpp"
#include "core/hash.hpp"

namespace syncline::app {
namespace {

http_client::EgressPolicy scope_of(const std::vector<std::string>& named,
                                   const http_client::EgressPolicy& policy) {
    http_client::EgressPolicy scope = policy;
    if (!named.empty()) {
        scope.hosts = named;
        scope.literal_hosts = named;
    } else if (!policy.literal_hosts.empty()) {
        scope.hosts.clear();
    }
    return scope;
}

// 128 bits of chance from the system.
std::string fresh_nonce() {
    std::random_device device;
    std::string bytes;
    for (int i = 0; i < 4; ++i) {
        const std::uint32_t word = device();
        for (int shift = 0; shift < 32; shift += 8)
            bytes += static_cast<char>(word >> shift & 0xff);
    }
    return core::to_hex(bytes);
}

void set_header(std::vector<std::pair<std::string, std::string>>& headers, const std::string& name,
                std::string value) {
    std::erase_if(headers,
                  [&](const auto& header) { return auth::equal_names(header.first, name); });
    headers.emplace_back(name, std::move(value));
}

}  // namespace

OutboundAuth::OutboundAuth(config::AccountAuth auth, const http_client::EgressPolicy& policy,
                           const core::Clock& clock, std::shared_ptr<AccountTokens> tokens)
    : auth_(std::move(auth)),
      tokens_(std::move(tokens)),
      scope_(scope_of(auth_.hosts, policy)),
      clock_(&clock) {}

Result<void> OutboundAuth::add_to(plugin::HttpRequest& request) const {
    const auto* credential = std::get_if<auth::Credential>(&auth_.credential);
    if (credential == nullptr || !http_client::check_url(request.url, scope_)) return {};
    std::vector<auth::Header> headers;
    for (const auto& [name, value] : request.headers) headers.push_back({name, value});
    const auth::Request attempt{request.method, request.url, headers, request.body};
    SYNCLINE_TRY(const auth::Additions additions,
                 auth::authenticate(*credential, attempt, clock_->wall_ns(), fresh_nonce()));
    for (const auth::SecretHeader& added : additions.headers)
        set_header(request.headers, added.name, std::string{added.value.reveal()});
    request.url = auth::with_query(request.url, additions.query.reveal());
    return {};
}

AccountTokens* OutboundAuth::tokens_for(const std::string& url) const {
    return http_client::check_url(url, scope_) ? tokens_.get() : nullptr;
}

void OutboundAuth::add_token(http_client::Headers& headers, const auth::AccessToken& token) const {
    const auto& oauth2 = std::get<config::OAuth2>(auth_.credential);
    set_header(headers, oauth2.header, oauth2.prefix + std::string{token.value.reveal()});
}

}  // namespace syncline::app
