// The access token of one account, kept fresh: a state machine that asks a token endpoint once for
// everyone who wants a token.
//
// Purpose: one request to the endpoint at a time, however many wait for its answer. A token is
// renewed after 80 % of its life while it still serves. A refresh token that the endpoint gave is
// kept before the access token beside it is used, so that a crash never loses one that was in use.
// Lifecycle: get(), renew() and authorise() ask; on_time() is called when the timer says so. What
//   the ports complete must find it alive.
// Concurrency: none of its own: one thread at a time. Completions of waiters come from inside any
//   call, and may call again. Metrics are [any].
// Limits: kWaitersMax wait at a time, each until its deadline; to the endpoint goes one request a
//   second at most, but for one repeat after its clock has become known.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "auth/token.hpp"
#include "core/clock.hpp"
#include "core/metrics.hpp"
#include "schedule/backoff.hpp"

namespace syncline::auth {

struct AccessToken {
    core::Secret value;
    std::uint64_t generation;  // grows with each token of the account
};

enum class TokenStanding {
    kAuthorised,          // as far as is known
    kFailing,             // the endpoint was asked in vain and is asked again by itself
    kNeedsAuthorisation,  // it is not asked again before authorise()
};
std::string_view to_string(TokenStanding standing);

struct TokenMetrics {
    core::Counter renewed, failed, refused;  // by the endpoint's answers
};

class TokenKeeper {
  public:
    using Time = std::chrono::nanoseconds;  // of core::Clock::monotonic()
    using Waiter = std::function<void(Result<std::shared_ptr<const AccessToken>>)>;

    static constexpr std::size_t kWaitersMax = 4096;

    struct Reply {
        int status = 0;
        core::Secret body;
        std::optional<core::WallTime> date;  // what the server's clock says
    };

    // What it needs of the world. No completion comes from inside the call; each comes once.
    struct Ports {
        // `now` is the endpoint's own time, as far as it is known.
        std::function<Result<TokenRequest>(const core::Secret& refresh_token, core::WallTime now)>
            make_request;
        std::function<void(TokenRequest, std::function<void(Result<Reply>)>)> send;
        // Makes `fresh` durable in the place of `used`, and says which refresh token is kept now:
        // another than `fresh` if somebody has stored one meanwhile, which then counts.
        std::function<void(core::Secret used, core::Secret fresh,
                           std::function<void(Result<core::Secret>)>)>
            keep;
        // The refresh token that is kept now. With a grant that needs one.
        std::function<void(std::function<void(Result<core::Secret>)>)> look;
        // on_time() is wanted then, not again before; nothing: not at all.
        std::function<void(std::optional<Time>)> set_timer;
        std::function<std::uint64_t()> random;  // uniform over 64 bits
        // The standing is another one now; `why` unless it is kAuthorised.
        std::function<void(TokenStanding, const std::optional<Error>& why)> on_standing;
    };

    struct Options {
        TokenEndpoint endpoint;
        bool has_refresh_token =
            false;  // of the grant: one is needed, and those that come are kept
        core::Secret refresh_token;
        const core::Clock* clock = nullptr;
        schedule::Backoff backoff{std::chrono::seconds{1}, std::chrono::seconds{60}};
    };

    // With a grant that needs a refresh token and has none, it begins in kNeedsAuthorisation.
    TokenKeeper(Options options, Ports ports);
    TokenKeeper(const TokenKeeper&) = delete;
    TokenKeeper& operator=(const TokenKeeper&) = delete;

    // A token that is valid now. Errors: kAuthorisationNeeded; kTokenRequestRefused and others of
    // make_request(); past the deadline, why there is none.
    void get(Time deadline, Waiter done) { want(0, deadline, std::move(done)); }
    // The platform refused the token of this generation: one that is newer, which is fetched unless
    // it is there.
    void renew(std::uint64_t generation, Time deadline, Waiter done) {
        want(generation, deadline, std::move(done));
    }

    // A person has authorised the account anew, or says that it is worth another try. Errors:
    // kAuthorisationNeeded without a refresh token where one is needed.
    Result<void> authorise(core::Secret refresh_token);
    // Nobody can find out what the account's refresh token is.
    void withhold(Error why) { park(std::move(why)); }

    void on_time() { go(); }

    // Asks the endpoint nothing more; what it has been asked is finished. Who waits, waits on.
    void stop() { is_stopped_ = true; }
    void resume() {
        is_stopped_ = false;
        go();
    }
    // An answer is on its way, or is not kept yet: who ends now may lose a refresh token.
    bool is_busy() const { return phase_ != Phase::kIdle; }

    TokenStanding standing() const { return standing_; }
    const std::optional<Error>& trouble() const { return trouble_; }
    const TokenMetrics& metrics() const { return metrics_; }

  private:
    enum class Phase { kIdle, kAsking, kLooking, kKeeping, kKeepingLater };
    struct Waiting {
        std::uint64_t newer_than;
        Time deadline;
        Waiter done;
    };
    struct Current {
        std::shared_ptr<const AccessToken> token;
        Time ends{}, renew_at{};
        bool is_used = false;
    };

    void want(std::uint64_t newer_than, Time deadline, Waiter done);
    void go();
    void step();
    std::optional<Result<std::shared_ptr<const AccessToken>>> answer_for(const Waiting& waiting,
                                                                         Time now) const;
    bool serves(const Waiting& waiting, Time now) const;
    std::optional<Time> ask_at(Time now) const;
    std::optional<Time> next_time(Time now) const;
    void ask();
    void take(Result<Reply> reply);
    void take(const Reply& reply);
    bool learn_time(const Reply& reply);
    void begin_with(core::Secret refresh_token);
    void look(Error why);
    void looked(Result<core::Secret> now_kept, Error why);
    void keep();
    void kept(Result<core::Secret> now_kept);
    void adopt();
    void fail(Error why);
    void park(Error why);
    void stand(TokenStanding standing, std::optional<Error> why);

    const Options options_;
    const Ports ports_;
    TokenMetrics metrics_;

    core::Secret refresh_token_;
    std::optional<core::Secret> replacement_;  // came while the endpoint or the vault was asked
    Current current_;
    std::optional<Token> fresh_;  // not kept yet
    std::deque<Waiting> waiting_;
    std::uint64_t last_generation_ = 0;
    std::uint64_t refused_generation_ = 0;  // by the platform

    Phase phase_ = Phase::kIdle;
    Time asked_at_{};
    Time not_before_{};     // of the next request
    Time keep_again_at_{};  // in kKeepingLater
    std::uint32_t failures_ = 0, keep_failures_ = 0;
    core::WallTime skew_ = 0;  // the endpoint's clock against ours
    bool is_repeat_ = false;   // of a request that was refused because of its time
    bool is_stopped_ = false;
    bool is_stepping_ = false, must_step_again_ = false;

    TokenStanding standing_ = TokenStanding::kAuthorised;
    std::optional<Error> trouble_;
};

}  // namespace syncline::auth
