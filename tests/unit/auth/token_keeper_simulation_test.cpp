// Fifty workers, tokens of two seconds, a server that fails in a fifth of its answers: ten minutes
// of virtual time, with several seeds.
#include <random>

#include "token_world.hpp"

using namespace syncline;
using namespace syncline::auth;
using namespace syncline::auth::test;

namespace {

class Simulation {
  public:
    explicit Simulation(std::uint64_t seed) : chance_(seed) {
        world_.server.life = 2s;
        world_.answer = [this](const std::string& used) { return answer(used); };
        world_.keep = [this](const std::string& fresh) -> Result<core::Secret> {
            if (chance_() % 20 == 0) return Error{kTokenEndpointFailed, "the vault is locked"};
            world_.kept = fresh;
            return core::Secret{fresh};
        };
        world_.start();
    }

    void run() {
        for (int worker = 0; worker < 50; ++worker) ask();
        world_.agenda.run_for(10min);
        is_over_ = true;
        world_.agenda.run_for(2min);
    }

    World world_;
    int requests = 0, accepted = 0, refused = 0, refused_twice = 0, starved = 0;
    int with_replaced_token = 0, with_dead_token = 0, failed_answers = 0;

  private:
    // 500, none at all, or something else; the server has done nothing then.
    Result<TokenKeeper::Reply> answer(const std::string& used) {
        world_.answer_time = std::chrono::milliseconds{20 + chance_() % 100};
        world_.chance = chance_();
        if (chance_() % 5 != 0) return world_.server.answer(used);
        ++failed_answers;
        switch (chance_() % 3) {
            case 0:
                return world_.server.reply(500, "oh");
            case 1:
                return Error{kTokenEndpointFailed, "no answer in time"};
            default:
                return world_.server.reply(200, "<html>busy</html>");
        }
    }

    Time some(int min_ms, int max_ms) {
        return std::chrono::milliseconds{
            min_ms + static_cast<int>(chance_() % static_cast<std::uint64_t>(max_ms - min_ms))};
    }
    Time deadline() const { return world_.agenda.clock.monotonic() + 30s; }

    void ask() {
        if (is_over_) return;
        world_.keeper->get(deadline(), [this](Got got) { start(std::move(got), false); });
    }

    void start(Got got, bool is_repeat) {
        if (!got.has_value()) {
            ++starved;
            return world_.agenda.after(1s, [this] { ask(); });
        }
        const AccessToken& token = **got;
        if (token.generation < newest_) ++with_replaced_token;
        newest_ = std::max(newest_, token.generation);
        if (!world_.server.accepts(std::string{token.value.reveal()})) ++with_dead_token;
        ++requests;
        // What is withdrawn while the request travels gets a 401.
        if (chance_() % 500 == 0) world_.server.withdraw(std::string{token.value.reveal()});
        world_.agenda.after(some(5, 50),
                            [this, used = *got, is_repeat] { arrive(used, is_repeat); });
    }

    void arrive(const std::shared_ptr<const AccessToken>& token, bool is_repeat) {
        if (world_.server.accepts(std::string{token->value.reveal()})) {
            ++accepted;
        } else if (is_repeat) {
            ++refused_twice;
        } else {
            ++refused;
            return world_.keeper->renew(token->generation, deadline(),
                                        [this](Got got) { start(std::move(got), true); });
        }
        world_.agenda.after(some(10, 200), [this] { ask(); });
    }

    std::mt19937_64 chance_;
    std::uint64_t newest_ = 0;
    bool is_over_ = false;
};

}  // namespace

TEST_CASE("token keeper: fifty workers and tokens of two seconds lose no refresh token",
          "[auth][token][C14][C15][C16]") {
    const std::uint64_t seed = GENERATE(1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u);
    CAPTURE(seed);
    Simulation simulation{seed};
    simulation.run();
    World& world = simulation.world_;

    CHECK(world.most_open_requests == 1);
    CHECK(simulation.with_replaced_token == 0);
    CHECK_FALSE(world.server.is_revoked);
    CHECK(world.kept == world.server.refresh_token);
    CHECK_FALSE(world.value(60s).empty());
    CHECK(simulation.starved == 0);

    // It was a test.
    CHECK(simulation.failed_answers > 20);
    CHECK(simulation.refused > 50);
    CHECK(simulation.accepted > 100'000);
    CHECK(world.server.issued() > 250);
    // One request for each token that ended, and for each that was withdrawn.
    CHECK(world.server.requests < 1'000);
    CHECK(world.keeper->metrics().renewed.value() ==
          static_cast<std::uint64_t>(world.server.issued()));
}
