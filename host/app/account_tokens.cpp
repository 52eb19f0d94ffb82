#include "app/account_tokens.hpp"

#include <boost/asio/post.hpp>
#include <random>
#include <utility>

#include "app/token_exchange.hpp"
#include "core/http_date.hpp"
#include "core/log.hpp"

namespace syncline::app {
namespace {

using auth::TokenStanding;

Result<auth::TokenKeeper::Reply> to_token_reply(http_client::Result result) {
    if (!result.response) return result.failure->error;
    auth::TokenKeeper::Reply reply;
    reply.status = result.response->status;
    reply.body = core::Secret::take(result.response->body);
    for (const auto& [name, value] : result.response->headers)
        if (name == "date") reply.date = core::parse_http_date(value);
    return reply;
}

}  // namespace

AccountTokens::AccountTokens(Surroundings around, std::string account, config::OAuth2 oauth2)
    : around_(std::move(around)),
      account_{std::move(account), oauth2.refresh_token},
      oauth2_(std::move(oauth2)),
      timer_(around_.io) {}

Result<std::shared_ptr<AccountTokens>> AccountTokens::make(Surroundings around, std::string account,
                                                           config::OAuth2 oauth2,
                                                           Result<core::Secret> refresh_token) {
    auto made = std::shared_ptr<AccountTokens>(
        new AccountTokens{std::move(around), std::move(account), std::move(oauth2)});
    SYNCLINE_TRY(made->pool_, open_endpoint(made->around_.client, made->oauth2_.endpoint));
    auth::TokenKeeper::Options options;
    options.endpoint = made->oauth2_.endpoint;
    options.has_refresh_token = config::keeps_refresh_token(made->oauth2_);
    if (refresh_token.has_value()) options.refresh_token = *refresh_token;
    options.clock = &made->around_.clock;
    made->keeper_ = std::make_unique<auth::TokenKeeper>(std::move(options), made->ports());
    if (refresh_token.has_error()) made->keeper_->withhold(refresh_token.error());
    if (made->keeper_->standing() != TokenStanding::kAuthorised)
        made->note(made->keeper_->standing(), made->keeper_->trouble());
    return made;
}

void AccountTokens::close() {
    stop();
    is_closing_ = true;
    keeper_->on_time();  // from now on its timer holds it as well
    close_when_quiet();
}

void AccountTokens::close_when_quiet() {
    if (is_closing_ && !is_busy()) around_.client.close_pool(pool_);
}

void AccountTokens::resume() {
    if (!config::keeps_refresh_token(oauth2_)) return keeper_->resume();
    is_resuming_ = true;
    look([self = shared_from_this()](Result<core::Secret> token) {
        if (!std::exchange(self->is_resuming_, false)) return;  // it was stopped again
        const Result<void> taken =
            token.has_value() ? self->keeper_->authorise(*token) : Result<void>{token.error()};
        if (!taken.has_value() && !self->is_busy()) self->keeper_->withhold(taken.error());
        self->keeper_->resume();
    });
}

void AccountTokens::get(std::chrono::nanoseconds patience, auth::TokenKeeper::Waiter done) {
    keeper_->get(around_.clock.monotonic() + patience, std::move(done));
}

void AccountTokens::renew(std::uint64_t generation, std::chrono::nanoseconds patience,
                          auth::TokenKeeper::Waiter done) {
    keeper_->renew(generation, around_.clock.monotonic() + patience, std::move(done));
}

void AccountTokens::authorise(std::function<void(Result<void>)> done) {
    if (!config::keeps_refresh_token(oauth2_)) return done(keeper_->authorise(core::Secret{}));
    look([self = shared_from_this(), tell = std::move(done)](Result<core::Secret> token) {
        tell(token.has_value() ? self->keeper_->authorise(*token) : Result<void>{token.error()});
    });
}

void AccountTokens::look(std::function<void(Result<core::Secret>)> done) {
    auto read = [self = shared_from_this(), tell = std::move(done)] {
        const auto token = [&]() -> Result<core::Secret> {
            SYNCLINE_TRY(const secret::Vault vault,
                         open_vault(self->around_.hub, secret::Vault::Access::kRead));
            return refresh_token_of(vault, self->account_);
        };
        boost::asio::post(self->around_.io, [self, tell, kept = token()] {
            tell(kept);
            self->close_when_quiet();
        });
    };
    boost::asio::post(around_.vault_thread, std::move(read));
}

AccountTokens::State AccountTokens::state() const {
    const std::lock_guard lock{mutex_};
    return state_;
}

auth::TokenKeeper::Ports AccountTokens::ports() {
    auth::TokenKeeper::Ports ports;
    // The keeper is part of this object; what comes later holds it (see send(), keep(), look()).
    ports.make_request = [this](const core::Secret& refresh_token, core::WallTime now) {
        return make_request(refresh_token, now);
    };
    ports.send = [this](const auth::TokenRequest& request, auto done) {
        send(request, std::move(done));
    };
    ports.keep = [this](core::Secret used, core::Secret fresh, auto done) {
        keep(std::move(used), std::move(fresh), std::move(done));
    };
    ports.look = [this](auto done) { look(std::move(done)); };
    ports.set_timer = [this](std::optional<std::chrono::nanoseconds> at) { set_timer(at); };
    ports.random = [random = std::mt19937_64{std::random_device{}()}]() mutable {
        return random();
    };
    ports.on_standing = [this](TokenStanding standing, const std::optional<Error>& why) {
        note(standing, why);
    };
    return ports;
}

Result<auth::TokenRequest> AccountTokens::make_request(const core::Secret& refresh_token,
                                                       core::WallTime now) const {
    SYNCLINE_TRY(core::Secret assertion, assertion_of(oauth2_, now));
    if (oauth2_.grant == config::OAuth2Grant::kJwtBearer)
        return auth::make_token_request(oauth2_.endpoint,
                                        auth::AssertionGrant{std::move(assertion)});
    if (config::keeps_refresh_token(oauth2_))
        return auth::make_token_request(oauth2_.endpoint, auth::RefreshGrant{refresh_token},
                                        assertion);
    return auth::make_token_request(oauth2_.endpoint, auth::ClientCredentialsGrant{}, assertion);
}

void AccountTokens::send(const auth::TokenRequest& request,
                         std::function<void(Result<auth::TokenKeeper::Reply>)> done) {
    around_.client.send(
        pool_, to_http(request),
        [self = shared_from_this(), tell = std::move(done)](http_client::Result result) {
            tell(to_token_reply(std::move(result)));
            self->close_when_quiet();
        });
}

void AccountTokens::keep(core::Secret used, core::Secret fresh,
                         std::function<void(Result<core::Secret>)> done) {
    auto write = [self = shared_from_this(), before = std::move(used), after = std::move(fresh),
                  tell = std::move(done)] {
        auto kept = replace_refresh_token(self->around_.hub, self->account_, before, after,
                                          self->around_.clock);
        boost::asio::post(self->around_.io, [self, tell, kept] {
            tell(kept);
            self->close_when_quiet();
        });
    };
    boost::asio::post(around_.vault_thread, std::move(write));
}

void AccountTokens::set_timer(std::optional<std::chrono::nanoseconds> at) {
    if (!at) return void(timer_.cancel());
    timer_.expires_after(*at - around_.clock.monotonic());
    // Who is closed lives until a refresh token that came is kept, and no longer.
    const auto held = is_closing_ && is_busy() ? shared_from_this() : nullptr;
    timer_.async_wait([weak = weak_from_this(), held](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (!error && self != nullptr) self->keeper_->on_time();
    });
}

void AccountTokens::note(TokenStanding standing, const std::optional<Error>& why) {
    const std::string text = why ? why->to_string() : "";
    {
        const std::lock_guard lock{mutex_};
        state_ = {standing, text};
    }
    const bool was_waiting = is_waiting_.exchange(standing == TokenStanding::kNeedsAuthorisation);
    switch (standing) {
        case TokenStanding::kAuthorised:
            core::log_info("auth", "the account is authorised again", {{"account", account_.name}});
            break;
        case TokenStanding::kFailing:
            core::log_warning("auth", "no access token can be had; it is tried again",
                              {{"account", account_.name}, {"error", text}});
            break;
        case TokenStanding::kNeedsAuthorisation:
            core::log_warning("auth", "the account needs to be authorised anew; all of it waits",
                              {{"account", account_.name}, {"error", text}});
            break;
    }
    if (was_waiting && !is_waiting_) around_.on_release();
}

}  // namespace syncline::app
