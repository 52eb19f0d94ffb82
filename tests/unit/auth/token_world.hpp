// Virtual time, a token server that rotates refresh tokens and notices when an old one comes again,
// and a place where the hub keeps them: what a token keeper lives in, in tests.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "auth/errc.hpp"
#include "auth/token_keeper.hpp"
#include "support/catch.hpp"
#include "support/fake_clock.hpp"

namespace syncline::auth::test {

using namespace std::chrono_literals;
using Time = TokenKeeper::Time;
using Got = Result<std::shared_ptr<const AccessToken>>;

// What happens when, in order.
class Agenda {
  public:
    syncline::test::FakeClock clock;

    void after(Time delay, std::function<void()> what) {
        tasks_.emplace(clock.monotonic() + delay, std::move(what));
    }
    void at(Time when, std::function<void()> what) { tasks_.emplace(when, std::move(what)); }

    void run_for(Time duration) {
        const Time end = clock.monotonic() + duration;
        while (!tasks_.empty() && tasks_.begin()->first <= end) {
            auto task = tasks_.extract(tasks_.begin());
            if (task.key() > clock.monotonic()) clock.advance(task.key() - clock.monotonic());
            task.mapped()();
        }
        clock.advance(end - clock.monotonic());
    }

  private:
    std::multimap<Time, std::function<void()>> tasks_;
};

class TokenServer {
  public:
    explicit TokenServer(Agenda& agenda) : agenda_(agenda) {}

    std::chrono::seconds life = 3600s;
    std::string refresh_token = "r0";  // the one that is valid
    bool is_revoked = false;
    int requests = 0;
    core::WallTime wall_skew = 0;  // against the hub's clock
    bool tells_life = true;

    TokenKeeper::Reply answer(const std::string& used) {
        if (is_revoked || used != refresh_token) {
            is_revoked = true;  // an old one came again: a thief, or a client that lost its answer
            return reply(400, R"({"error":"invalid_grant"})");
        }
        refresh_token = "r" + std::to_string(++issued_);
        const std::string access = "a" + std::to_string(issued_);
        ends_[access] = agenda_.clock.monotonic() + life;
        return reply(
            200, R"({"access_token":")" + access + R"(","refresh_token":")" + refresh_token + '"' +
                     (tells_life ? R"(,"expires_in":)" + std::to_string(life.count()) : "") + "}");
    }
    TokenKeeper::Reply reply(int status, const std::string& body) const {
        return {status, core::Secret{body}, agenda_.clock.wall_ns() + wall_skew};
    }
    bool accepts(const std::string& access) const {
        const auto found = ends_.find(access);
        return found != ends_.end() && agenda_.clock.monotonic() < found->second;
    }
    void withdraw(const std::string& access) { ends_.erase(access); }
    int issued() const { return issued_; }

  private:
    Agenda& agenda_;
    std::map<std::string, Time> ends_;
    int issued_ = 0;
};

// A keeper with ports that tests can bend.
class World {
  public:
    using Answer = std::function<Result<TokenKeeper::Reply>(const std::string& refresh_token)>;

    Agenda agenda;
    TokenServer server{agenda};
    std::string kept = "r0";  // the vault
    Answer answer = [this](const std::string& used) { return server.answer(used); };
    std::function<Result<core::Secret>(const std::string& fresh)> keep =
        [this](const std::string& fresh) -> Result<core::Secret> {
        kept = fresh;
        return core::Secret{fresh};
    };
    Time answer_time = 50ms, keep_time = 5ms;
    int open_requests = 0, most_open_requests = 0;
    core::WallTime request_time = 0;  // what the last one said that it was made
    std::uint64_t chance = 0;
    std::vector<TokenStanding> standings;
    std::unique_ptr<TokenKeeper> keeper;

    void start(bool has_refresh_token = true) {
        TokenKeeper::Options options;
        options.has_refresh_token = has_refresh_token;
        options.refresh_token = core::Secret{kept};
        options.clock = &agenda.clock;
        keeper = std::make_unique<TokenKeeper>(std::move(options), ports());
    }

    // Asks, and lets pass whatever it takes.
    Got get(Time patience = 30s) {
        std::optional<Got> got;
        keeper->get(agenda.clock.monotonic() + patience,
                    [&](Got result) { got = std::move(result); });
        return wait(got, patience);
    }
    Got renew(std::uint64_t generation, Time patience = 30s) {
        std::optional<Got> got;
        keeper->renew(generation, agenda.clock.monotonic() + patience,
                      [&](Got result) { got = std::move(result); });
        return wait(got, patience);
    }
    std::string value(Time patience = 30s) {
        const Got got = get(patience);
        return got.has_value() ? std::string{(*got)->value.reveal()} : "";
    }

  private:
    Got wait(const std::optional<Got>& got, Time patience) {
        for (Time waited = 0ms; !got && waited <= patience; waited += 10ms) agenda.run_for(10ms);
        REQUIRE(got.has_value());
        return *got;
    }

    TokenKeeper::Ports ports() {
        TokenKeeper::Ports made;
        made.make_request = [this](const core::Secret& used,
                                   core::WallTime now) -> Result<TokenRequest> {
            request_time = now;
            TokenRequest request;
            request.body = used;
            return request;
        };
        made.send = [this](TokenRequest request,
                           std::function<void(Result<TokenKeeper::Reply>)> done) {
            most_open_requests = std::max(most_open_requests, ++open_requests);
            ++server.requests;
            // The server does its work half-way, and the answer travels back.
            agenda.after(answer_time / 2, [this, used = std::string{request.body.reveal()},
                                           tell = std::move(done)] {
                auto reply = std::make_shared<Result<TokenKeeper::Reply>>(answer(used));
                agenda.after(answer_time / 2, [this, reply, tell] {
                    --open_requests;
                    tell(std::move(*reply));
                });
            });
        };
        made.keep = [this](core::Secret, core::Secret fresh,
                           std::function<void(Result<core::Secret>)> done) {
            agenda.after(keep_time, [this, text = std::string{fresh.reveal()},
                                     tell = std::move(done)] { tell(keep(text)); });
        };
        made.look = [this](std::function<void(Result<core::Secret>)> done) {
            agenda.after(keep_time, [this, tell = std::move(done)] { tell(core::Secret{kept}); });
        };
        made.set_timer = [this](std::optional<Time> when) {
            const std::uint64_t number = ++timers_;
            if (!when) return;
            agenda.at(*when, [this, number] {
                if (number == timers_) keeper->on_time();
            });
        };
        made.random = [this] { return chance; };
        made.on_standing = [this](TokenStanding standing, const std::optional<Error>&) {
            standings.push_back(standing);
        };
        return made;
    }

    std::uint64_t timers_ = 0;
};

}  // namespace syncline::auth::test
