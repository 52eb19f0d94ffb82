#include "auth/token_keeper.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "auth/errc.hpp"
#include "core/fault.hpp"

namespace syncline::auth {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kPause{1};  // between two requests to the endpoint
constexpr schedule::Backoff kKeepBackoff{milliseconds{100}, milliseconds{10'000}};
constexpr core::WallTime kSkewMax = core::nanoseconds{std::chrono::hours{24}}.count();
constexpr core::WallTime kSkewNoticed = core::nanoseconds{seconds{30}}.count();

// 75 to 80 % of a life: many hubs do not come back in the same moment.
core::nanoseconds renewal_after(seconds life, std::uint64_t random) {
    constexpr std::int64_t kLatest = 8000, kSpread = 500;
    const auto share = kLatest - static_cast<std::int64_t>(random % (kSpread + 1));
    return core::nanoseconds{life} / 10'000 * share;
}

}  // namespace

std::string_view to_string(TokenStanding standing) {
    switch (standing) {
        case TokenStanding::kAuthorised:
            return "authorised";
        case TokenStanding::kFailing:
            return "failing";
        case TokenStanding::kNeedsAuthorisation:
            return "needs_authorisation";
    }
    return "";
}

TokenKeeper::TokenKeeper(Options options, Ports ports)
    : options_(std::move(options)),
      ports_(std::move(ports)),
      refresh_token_(options_.refresh_token) {
    if (options_.has_refresh_token && refresh_token_.empty()) {
        trouble_ = Error{kAuthorisationNeeded, "the account has no refresh token yet"};
        standing_ = TokenStanding::kNeedsAuthorisation;
    }
}

void TokenKeeper::want(std::uint64_t newer_than, Time deadline, Waiter done) {
    if (waiting_.size() >= kWaitersMax)
        return done(Error{kTokenEndpointFailed, "too many requests wait for a token"});
    refused_generation_ = std::max(refused_generation_, newer_than);
    waiting_.push_back({newer_than, deadline, std::move(done)});
    go();
}

Result<void> TokenKeeper::authorise(core::Secret refresh_token) {
    if (options_.has_refresh_token) {
        if (refresh_token.empty())
            return Error{kAuthorisationNeeded, "there is no refresh token of the account"};
        const bool is_other = !refresh_token_.equals(refresh_token.reveal());
        const bool is_asking = phase_ == Phase::kAsking || phase_ == Phase::kLooking;
        if (is_asking && is_other) {
            replacement_ = std::move(refresh_token);
        } else if (phase_ == Phase::kIdle && is_other) {
            refresh_token_ = std::move(refresh_token);
            current_ = {};
        }
        // While one is being kept, keep() says which one counts.
    }
    failures_ = 0;
    not_before_ = options_.clock->monotonic();
    stand(TokenStanding::kAuthorised, std::nullopt);
    go();
    return {};
}

// What waiters do inside their completions comes after what is under way.
void TokenKeeper::go() {
    must_step_again_ = true;
    if (std::exchange(is_stepping_, true)) return;
    while (std::exchange(must_step_again_, false)) step();
    is_stepping_ = false;
    ports_.set_timer(next_time(options_.clock->monotonic()));
}

void TokenKeeper::step() {
    const Time now = options_.clock->monotonic();
    std::vector<std::pair<Waiter, Result<std::shared_ptr<const AccessToken>>>> answered;
    std::erase_if(waiting_, [&](Waiting& waiting) {
        auto answer = answer_for(waiting, now);
        if (!answer) return false;
        if (answer->has_value()) current_.is_used = true;
        answered.emplace_back(std::move(waiting.done), std::move(*answer));
        return true;
    });
    if (const auto at = ask_at(now); at && *at <= now) ask();
    if (phase_ == Phase::kKeepingLater && keep_again_at_ <= now) keep();
    for (auto& [done, answer] : answered) done(std::move(answer));
}

// Nothing: it waits on.
std::optional<Result<std::shared_ptr<const AccessToken>>> TokenKeeper::answer_for(
    const Waiting& waiting, Time now) const {
    using Answer = Result<std::shared_ptr<const AccessToken>>;
    if (standing_ == TokenStanding::kNeedsAuthorisation)
        return Answer{Error{kAuthorisationNeeded, trouble_->what()}};
    if (serves(waiting, now)) return Answer{current_.token};
    // What only a person can correct is not worth the wait, but is tried again now and then.
    const bool is_hopeless = trouble_ && trouble_->error_class() == core::ErrorClass::kConfig;
    if (is_hopeless && phase_ == Phase::kIdle && now < not_before_) return Answer{*trouble_};
    if (now < waiting.deadline) return std::nullopt;
    if (trouble_) return Answer{*trouble_};
    return Answer{Error{kTokenEndpointFailed, "no token came in time"}};
}

// A token that the platform refused still serves those who have not heard of it, but not while a
// new one is on its way.
bool TokenKeeper::serves(const Waiting& waiting, Time now) const {
    if (current_.token == nullptr || now >= current_.ends) return false;
    const std::uint64_t generation = current_.token->generation;
    const bool is_being_replaced = phase_ != Phase::kIdle && refused_generation_ == generation;
    return generation > waiting.newer_than && !is_being_replaced;
}

// When the endpoint has to be asked, as things stand.
std::optional<TokenKeeper::Time> TokenKeeper::ask_at(Time now) const {
    const bool may_ask = phase_ == Phase::kIdle && !is_stopped_;
    if (!may_ask || standing_ == TokenStanding::kNeedsAuthorisation) return std::nullopt;
    const bool is_wanted = std::any_of(waiting_.begin(), waiting_.end(),
                                       [&](const auto& waiting) { return !serves(waiting, now); });
    if (is_wanted) return std::max(now, not_before_);
    if (current_.is_used && now < current_.ends) return std::max(current_.renew_at, not_before_);
    return std::nullopt;
}

std::optional<TokenKeeper::Time> TokenKeeper::next_time(Time now) const {
    std::optional<Time> next = ask_at(now);
    const auto include = [&](Time time) { next = std::min(time, next.value_or(time)); };
    if (phase_ == Phase::kKeepingLater) include(keep_again_at_);
    for (const Waiting& waiting : waiting_) include(waiting.deadline);
    return next;
}

void TokenKeeper::ask() {
    phase_ = Phase::kAsking;
    asked_at_ = options_.clock->monotonic();
    auto request = ports_.make_request(refresh_token_, options_.clock->wall_ns() + skew_);
    if (!request.has_value()) return fail(std::move(request).error());
    core::fail_point("token.before-request");
    ports_.send(std::move(*request), [this](Result<Reply> reply) { take(std::move(reply)); });
}

void TokenKeeper::take(Result<Reply> reply) {
    if (replacement_) {  // the answer is about an authorisation that is over
        begin_with(*std::exchange(replacement_, std::nullopt));
    } else if (reply.has_value()) {
        take(*reply);
    } else {
        fail(std::move(reply).error());
    }
    go();
}

void TokenKeeper::take(const Reply& reply) {
    const bool was_off = learn_time(reply);
    Result<Token> token = read_token_response(options_.endpoint, reply.status, reply.body.reveal());
    if (token.has_value()) {
        is_repeat_ = false;
        fresh_ = std::move(*token);
        const bool is_rotated = options_.has_refresh_token && !fresh_->refresh_token.empty() &&
                                !refresh_token_.equals(fresh_->refresh_token.reveal());
        return is_rotated ? keep() : adopt();
    }
    const bool is_refused =
        token.error().is(kGrantRefused) || token.error().is(kTokenRequestRefused);
    if (is_refused && was_off && !std::exchange(is_repeat_, true)) return ask();
    is_repeat_ = false;
    // Nobody can authorise what the hub asks for in its own name.
    const bool is_over = token.error().is(kGrantRefused) && options_.has_refresh_token;
    is_over ? look(std::move(token).error()) : fail(std::move(token).error());
}

void TokenKeeper::begin_with(core::Secret refresh_token) {
    refresh_token_ = std::move(refresh_token);
    current_ = {};
    is_repeat_ = false;
    phase_ = Phase::kIdle;
}

// A person may have authorised the account without the hub being told.
void TokenKeeper::look(Error why) {
    phase_ = Phase::kLooking;
    ports_.look([this, refused = std::move(why)](Result<core::Secret> now_kept) {
        looked(std::move(now_kept), refused);
    });
}

void TokenKeeper::looked(Result<core::Secret> now_kept, Error why) {
    const bool is_other =
        now_kept.has_value() && !now_kept->empty() && !refresh_token_.equals(now_kept->reveal());
    if (replacement_) {
        begin_with(*std::exchange(replacement_, std::nullopt));
    } else if (is_other) {
        begin_with(std::move(*now_kept));
        not_before_ = asked_at_ + kPause;
    } else {
        metrics_.refused.add();
        park(std::move(why));
    }
    go();
}

// Was the request made with another time than the server's?
bool TokenKeeper::learn_time(const Reply& reply) {
    if (!reply.date) return false;
    const core::WallTime skew = *reply.date - options_.clock->wall_ns();
    if (skew > kSkewMax || skew < -kSkewMax) return false;
    const core::WallTime change = skew - std::exchange(skew_, skew);
    return change > kSkewNoticed || change < -kSkewNoticed;
}

void TokenKeeper::keep() {
    phase_ = Phase::kKeeping;
    core::fail_point("token.before-keep");
    ports_.keep(refresh_token_, fresh_->refresh_token,
                [this](Result<core::Secret> now_kept) { kept(std::move(now_kept)); });
}

void TokenKeeper::kept(Result<core::Secret> now_kept) {
    if (!now_kept.has_value()) {
        const auto delay = schedule::delay_after(kKeepBackoff, ++keep_failures_, ports_.random());
        keep_again_at_ = options_.clock->monotonic() + delay;
        phase_ = Phase::kKeepingLater;
        stand(TokenStanding::kFailing, std::move(now_kept).error());
        return go();
    }
    core::fail_point("token.kept");
    keep_failures_ = 0;
    if (fresh_->refresh_token.equals(now_kept->reveal())) {
        refresh_token_ = std::move(*now_kept);
        adopt();
    } else {
        fresh_.reset();
        const bool is_gone = now_kept->empty();  // somebody has taken it away
        begin_with(std::move(*now_kept));
        if (is_gone) park(Error{kAuthorisationNeeded, "the account's refresh token was removed"});
    }
    go();
}

void TokenKeeper::adopt() {
    metrics_.renewed.add();
    const auto token = std::make_shared<const AccessToken>(
        AccessToken{std::move(fresh_->access_token), ++last_generation_});
    current_ = {token, asked_at_ + fresh_->life,
                asked_at_ + renewal_after(fresh_->life, ports_.random()), false};
    fresh_.reset();
    failures_ = 0;
    not_before_ = asked_at_ + kPause;
    phase_ = Phase::kIdle;
    stand(TokenStanding::kAuthorised, std::nullopt);
}

void TokenKeeper::fail(Error why) {
    metrics_.failed.add();
    not_before_ = options_.clock->monotonic() +
                  schedule::delay_after(options_.backoff, ++failures_, ports_.random());
    phase_ = Phase::kIdle;
    stand(TokenStanding::kFailing, std::move(why));
    must_step_again_ = true;
}

void TokenKeeper::park(Error why) {
    current_ = {};
    phase_ = Phase::kIdle;
    stand(TokenStanding::kNeedsAuthorisation, std::move(why));
}

void TokenKeeper::stand(TokenStanding standing, std::optional<Error> why) {
    trouble_ = std::move(why);
    if (std::exchange(standing_, standing) != standing) ports_.on_standing(standing, trouble_);
}

}  // namespace syncline::auth
