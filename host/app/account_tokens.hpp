// The access tokens of one account (OAuth 2.0): its keeper, bound to the network and the vault.
//
// Purpose: asks the token endpoint, which is the only host that these requests may go to; keeps
//   refresh tokens in the vault, on a thread that may wait for a disk; tells what is with the
//   account. All connections of the account share it.
// Concurrency: [io] unless tagged otherwise; client, io_context and `vault_thread` must outlive the
//   last completion.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "app/refresh_tokens.hpp"
#include "auth/token_keeper.hpp"
#include "http_client/client.hpp"

namespace syncline::app {

class AccountTokens : public std::enable_shared_from_this<AccountTokens> {
  public:
    struct Surroundings {
        boost::asio::io_context& io;
        http_client::Client& client;
        boost::asio::thread_pool& vault_thread;  // of one thread: changes follow each other
        const config::Hub& hub;                  // outlives it
        const core::Clock& clock;
        std::function<void()> on_release;  // the account can be used again
    };
    struct State {
        auth::TokenStanding standing = auth::TokenStanding::kAuthorised;
        std::string why;  // unless it is authorised
    };

    // `refresh_token`: the one that counts, or why nobody can know. Errors:
    // http_client.url_invalid.
    static Result<std::shared_ptr<AccountTokens>> make(Surroundings around, std::string account,
                                                       config::OAuth2 oauth2,
                                                       Result<core::Secret> refresh_token);

    void get(std::chrono::nanoseconds patience, auth::TokenKeeper::Waiter done);
    void renew(std::uint64_t generation, std::chrono::nanoseconds patience,
               auth::TokenKeeper::Waiter done);

    // Reads the vault again and takes the account up. Errors, to the completion: those of the
    // vault; auth.authorisation_needed when it has no token of the account.
    void authorise(std::function<void(Result<void>)> done);

    // See auth::TokenKeeper.
    void stop() {
        is_resuming_ = false;
        keeper_->stop();
    }
    // After stop(): it goes on, with the refresh token that the vault has.
    void resume();
    // For good: what the endpoint has been asked is finished, and kept.
    void close();
    bool is_busy() const { return keeper_->is_busy(); }

    State state() const;                                                      // [any]
    bool is_waiting() const { return is_waiting_; }                           // for a person [any]
    const auth::TokenMetrics& metrics() const { return keeper_->metrics(); }  // [any]

  private:
    AccountTokens(Surroundings around, std::string account, config::OAuth2 oauth2);

    auth::TokenKeeper::Ports ports();
    Result<auth::TokenRequest> make_request(const core::Secret& refresh_token,
                                            core::WallTime now) const;
    void send(const auth::TokenRequest& request,
              std::function<void(Result<auth::TokenKeeper::Reply>)> done);
    void keep(core::Secret used, core::Secret fresh,
              std::function<void(Result<core::Secret>)> done);
    // The refresh token that counts, as the vault has it.
    void look(std::function<void(Result<core::Secret>)> done);
    void close_when_quiet();
    void set_timer(std::optional<std::chrono::nanoseconds> at);
    void note(auth::TokenStanding standing, const std::optional<Error>& why);

    const Surroundings around_;
    const KeptAccount account_;
    const config::OAuth2 oauth2_;
    http_client::PoolId pool_ = 0;
    boost::asio::steady_timer timer_;
    bool is_resuming_ = false, is_closing_ = false;
    std::unique_ptr<auth::TokenKeeper> keeper_;  // never null once made
    std::atomic<bool> is_waiting_{false};
    mutable std::mutex mutex_;
    State state_;  // under mutex_
};

}  // namespace syncline::app
