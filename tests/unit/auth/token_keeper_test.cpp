#include "auth/token_keeper.hpp"

#include "token_world.hpp"

using namespace syncline;
using namespace syncline::auth;
using namespace syncline::auth::test;

TEST_CASE("token keeper: many who want a token cause one request", "[auth][token][C14]") {
    World world;
    world.start();
    int served = 0;
    for (int i = 0; i < 50; ++i)
        world.keeper->get(world.agenda.clock.monotonic() + 10s, [&](Got got) {
            REQUIRE(got.has_value());
            CHECK((*got)->value.reveal() == "a1");
            ++served;
        });
    world.agenda.run_for(1s);
    CHECK(served == 50);
    CHECK(world.server.requests == 1);
}

TEST_CASE("token keeper: those whose token was refused share one new one", "[auth][token][C14]") {
    World world;
    world.start();
    const std::uint64_t generation = (*world.get())->generation;
    world.agenda.run_for(10s);
    int served = 0;
    for (int i = 0; i < 50; ++i)
        world.keeper->renew(generation, world.agenda.clock.monotonic() + 10s, [&](Got got) {
            REQUIRE(got.has_value());
            CHECK((*got)->value.reveal() == "a2");
            ++served;
        });
    // Who asks meanwhile waits for it as well.
    world.keeper->get(world.agenda.clock.monotonic() + 10s, [&](Got got) {
        REQUIRE(got.has_value());
        CHECK((*got)->value.reveal() == "a2");
        ++served;
    });
    world.agenda.run_for(1s);
    CHECK(served == 51);
    CHECK(world.server.requests == 2);
    // A late one that was sent with the old token.
    CHECK((*world.renew(generation))->value.reveal() == "a2");
    CHECK(world.server.requests == 2);
}

TEST_CASE("token keeper: a token is renewed at 80 % of its life while it serves",
          "[auth][token][C17]") {
    World world;
    world.server.life = 1000s;
    world.start();
    REQUIRE(world.value() == "a1");
    world.agenda.run_for(799s);
    CHECK(world.server.requests == 1);
    world.answer_time = 10s;
    world.agenda.run_for(2s);
    CHECK(world.server.requests == 2);
    CHECK(world.value(0s) == "a1");
    world.agenda.run_for(20s);
    CHECK(world.value(0s) == "a2");
}

TEST_CASE("token keeper: what nobody has used is not renewed", "[auth][token][C14]") {
    World world;
    world.server.life = 1000s;
    world.start();
    world.keeper->get(world.agenda.clock.monotonic() + 1s, [](Got) {});
    REQUIRE(world.value() == "a1");
    world.agenda.run_for(900s);
    CHECK(world.server.requests == 2);
    world.agenda.run_for(10'000s);
    CHECK(world.server.requests == 2);
}

TEST_CASE("token keeper: chance makes a renewal sooner, by a twentieth of the life at most",
          "[auth][token][C17]") {
    World world;
    world.server.life = 1000s;
    world.chance = 500;
    world.start();
    REQUIRE(world.value() == "a1");
    world.agenda.run_for(749s);
    CHECK(world.server.requests == 1);
    world.agenda.run_for(2s);
    CHECK(world.server.requests == 2);
}

TEST_CASE("token keeper: nobody uses a token before what came with it is kept",
          "[auth][token][C15]") {
    World world;
    world.server.life = 100s;
    world.start();
    REQUIRE(world.value() == "a1");
    REQUIRE(world.kept == "r1");
    int tries = 0;
    world.keep = [&](const std::string&) -> Result<core::Secret> {
        ++tries;
        return Error{kTokenEndpointFailed, "the disk is full"};
    };
    world.agenda.run_for(95s);
    CHECK(world.server.requests == 2);  // the token that is there is not asked for again
    CHECK(tries > 3);
    CHECK(world.value(0s) == "a1");
    CHECK(world.keeper->standing() == TokenStanding::kFailing);
    world.agenda.run_for(10s);
    CHECK(world.get(1s).has_error());  // its life is over
    CHECK(world.kept == "r1");

    world.keep = [&](const std::string& fresh) -> Result<core::Secret> {
        world.kept = fresh;
        return core::Secret{fresh};
    };
    CHECK(world.value(60s) == "a2");
    CHECK(world.kept == "r2");
    CHECK(world.keeper->standing() == TokenStanding::kAuthorised);
    CHECK_FALSE(world.server.is_revoked);
}

TEST_CASE("token keeper: a refused grant ends the requests until a person helps",
          "[auth][token][C15]") {
    World world;
    world.start();
    world.server.refresh_token = "another";
    CHECK(world.get().error().is(kAuthorisationNeeded));
    CHECK(world.keeper->standing() == TokenStanding::kNeedsAuthorisation);
    const int before = world.server.requests;
    CHECK(before == 1);
    for (int i = 0; i < 10; ++i) CHECK(world.get().error().is(kAuthorisationNeeded));
    world.agenda.run_for(24h);
    CHECK(world.server.requests == before);
    CHECK(world.standings == std::vector{TokenStanding::kNeedsAuthorisation});

    CHECK(world.keeper->authorise(core::Secret{}).error().is(kAuthorisationNeeded));
    CHECK(world.keeper->standing() == TokenStanding::kNeedsAuthorisation);
    world.server.is_revoked = false;
    REQUIRE(world.keeper->authorise(core::Secret{"another"}).has_value());
    CHECK(world.value() == "a1");
}

TEST_CASE("token keeper: without a refresh token the account needs authorisation from the start",
          "[auth][token][C15]") {
    World world;
    world.kept = "";
    world.start();
    CHECK(world.keeper->standing() == TokenStanding::kNeedsAuthorisation);
    CHECK(world.get().error().is(kAuthorisationNeeded));
    CHECK(world.server.requests == 0);
}

TEST_CASE("token keeper: an authorisation wins over an answer that is under way",
          "[auth][token][C15]") {
    World world;
    world.start();
    std::optional<Got> got;
    world.keeper->get(world.agenda.clock.monotonic() + 30s, [&](Got result) { got = result; });
    SECTION("the endpoint is being asked") {
        world.answer = [&](const std::string& used) -> Result<TokenKeeper::Reply> {
            if (used == "r0") return world.server.reply(400, R"({"error":"invalid_grant"})");
            return world.server.reply(200, R"({"access_token":"mine","expires_in":60})");
        };
        REQUIRE(world.keeper->authorise(core::Secret{"login"}).has_value());
    }
    SECTION("its answer is being kept, and the vault has another one meanwhile") {
        world.keep = [&](const std::string&) -> Result<core::Secret> {
            return core::Secret{"login"};
        };
        world.agenda.run_for(40ms);
        CHECK(world.open_requests == 1);
        world.answer = [&](const std::string& used) -> Result<TokenKeeper::Reply> {
            if (used == "r0") return world.server.answer(used);
            return world.server.reply(200, R"({"access_token":"mine","expires_in":60})");
        };
    }
    world.agenda.run_for(10s);
    REQUIRE(got.has_value());
    REQUIRE(got->has_value());
    CHECK((**got)->value.reveal() == "mine");
    CHECK(world.keeper->standing() == TokenStanding::kAuthorised);
}

TEST_CASE("token keeper: the same authorisation again disturbs nothing", "[auth][token][C15]") {
    World world;
    world.start();
    std::optional<Got> got;
    world.keeper->get(world.agenda.clock.monotonic() + 30s, [&](Got result) { got = result; });
    REQUIRE(world.keeper->authorise(core::Secret{"r0"}).has_value());
    world.agenda.run_for(10s);
    REQUIRE(got->has_value());
    CHECK((**got)->value.reveal() == "a1");
    CHECK(world.server.requests == 1);
    CHECK(world.kept == "r1");
}

TEST_CASE("token keeper: while the endpoint fails, the old token serves until its end",
          "[auth][token][C16]") {
    World world;
    world.server.life = 1000s;
    world.start();
    REQUIRE(world.value() == "a1");
    const auto failure = GENERATE(0, 1, 2);
    world.answer = [&](const std::string&) -> Result<TokenKeeper::Reply> {
        if (failure == 0) return Error{kTokenEndpointFailed, "no answer in time"};
        if (failure == 1) return world.server.reply(500, R"({"error":"server_error"})");
        return world.server.reply(200, "garbage");
    };
    world.agenda.run_for(990s);
    CHECK(world.value(0s) == "a1");
    CHECK(world.server.requests > 3);
    CHECK(world.server.requests < 15);  // in 190 s, with backoff
    CHECK(world.keeper->standing() == TokenStanding::kFailing);
    world.agenda.run_for(10s);
    const Got late = world.get(100ms);
    REQUIRE(late.has_error());
    CHECK(late.error().is(kTokenEndpointFailed));
    world.answer = [&](const std::string& used) { return world.server.answer(used); };
    CHECK(world.value(120s) == "a2");
    CHECK(world.standings == std::vector{TokenStanding::kFailing, TokenStanding::kAuthorised});
}

TEST_CASE("token keeper: what only a person can correct is told at once and tried now and then",
          "[auth][token][C16]") {
    World world;
    world.start();
    world.answer = [&](const std::string&) -> Result<TokenKeeper::Reply> {
        return world.server.reply(401, R"({"error":"invalid_client"})");
    };
    CHECK(world.get().error().is(kTokenRequestRefused));
    const Time before = world.agenda.clock.monotonic();
    CHECK(world.get().error().is(kTokenRequestRefused));
    CHECK(world.agenda.clock.monotonic() - before <= 20ms);
    CHECK(world.server.requests == 1);
    world.agenda.run_for(2min);
    world.get();
    CHECK(world.server.requests == 2);
    CHECK(world.keeper->standing() == TokenStanding::kFailing);
}

TEST_CASE("token keeper: without a life in the answer a token lives five minutes",
          "[auth][token][C16]") {
    World world;
    world.server.tells_life = false;
    world.start();
    REQUIRE(world.value() == "a1");
    world.agenda.run_for(239s);
    CHECK(world.server.requests == 1);
    world.agenda.run_for(5s);
    CHECK(world.server.requests == 2);
}

TEST_CASE("token keeper: no clock's error moves the moment of renewal", "[auth][token][C17]") {
    World world;
    world.server.life = 1000s;
    world.server.wall_skew = core::nanoseconds{GENERATE(-10min, 0min, 10min)}.count();
    world.start();
    REQUIRE(world.value() == "a1");
    world.agenda.clock.jump_wall(GENERATE(-10min, 10min));
    world.agenda.run_for(799s);
    CHECK(world.server.requests == 1);
    world.agenda.run_for(2s);
    CHECK(world.server.requests == 2);
}

TEST_CASE("token keeper: a request that was refused for its time is repeated in the server's time",
          "[auth][token][C17]") {
    World world;
    const core::WallTime skew = core::nanoseconds{GENERATE(-10min, 10min)}.count();
    world.server.wall_skew = skew;
    // As servers do that are sent an assertion.
    world.answer = [&](const std::string& used) -> Result<TokenKeeper::Reply> {
        const core::WallTime off = world.agenda.clock.wall_ns() + skew - world.request_time;
        if (std::abs(off) > core::nanoseconds{60s}.count())
            return world.server.reply(400, R"({"error":"invalid_grant"})");
        return world.server.answer(used);
    };
    world.start();
    CHECK(world.value() == "a1");
    CHECK(world.server.requests == 2);
    world.agenda.run_for(3500s);
    CHECK(world.value() == "a2");
    CHECK(world.server.requests == 3);  // it knows the time now
}

TEST_CASE("token keeper: the endpoint is asked once a second at most", "[auth][token][C14]") {
    World world;
    world.start();
    std::uint64_t generation = (*world.get())->generation;
    for (int i = 0; i < 5; ++i) generation = (*world.renew(generation))->generation;
    CHECK(generation == 6);
    CHECK(world.agenda.clock.monotonic() >= 5s);
}

TEST_CASE("token keeper: one that is stopped finishes and asks nothing more",
          "[auth][token][C15]") {
    World world;
    world.start();
    world.keeper->get(world.agenda.clock.monotonic() + 1h, [](Got) {});
    CHECK(world.keeper->is_busy());
    world.keeper->stop();
    world.agenda.run_for(1s);
    CHECK_FALSE(world.keeper->is_busy());
    CHECK(world.kept == "r1");
    world.keeper->renew(1, world.agenda.clock.monotonic() + 1h, [](Got) {});
    world.agenda.run_for(30min);
    CHECK(world.server.requests == 1);
}

TEST_CASE("token keeper: a grant without refresh token keeps none", "[auth][token][C15]") {
    World world;
    world.keep = [&](const std::string&) -> Result<core::Secret> {
        FAIL("nothing is to be kept");
        return core::Secret{};
    };
    world.start(false);
    CHECK(world.value() == "a1");
}

TEST_CASE("token keeper: a refused grant that no person gave is asked for again",
          "[auth][token][C15]") {
    World world;
    bool is_refused = true;
    world.answer = [&](const std::string& used) -> Result<TokenKeeper::Reply> {
        if (is_refused) return world.server.reply(400, R"({"error":"invalid_grant"})");
        return world.server.answer(used);
    };
    world.start(false);
    CHECK(world.get().error().is(kGrantRefused));
    CHECK(world.keeper->standing() == TokenStanding::kFailing);
    is_refused = false;
    world.agenda.run_for(2min);
    CHECK(world.value() == "a1");
    CHECK(world.keeper->standing() == TokenStanding::kAuthorised);
}

TEST_CASE("token keeper: what was stored without the hub being told is tried once",
          "[auth][token][C15]") {
    World world;
    world.start();
    world.server.refresh_token = "stored";
    world.answer = [&](const std::string& used) -> Result<TokenKeeper::Reply> {
        if (used == "r0") return world.server.reply(400, R"({"error":"invalid_grant"})");
        return world.server.answer(used);
    };
    SECTION("it serves") {
        world.kept = "stored";
        CHECK(world.value() == "a1");
        CHECK(world.standings.empty());
    }
    SECTION("it is refused as well") {
        world.kept = "another";
        CHECK(world.get().error().is(kAuthorisationNeeded));
        CHECK(world.keeper->standing() == TokenStanding::kNeedsAuthorisation);
    }
    CHECK(world.server.requests == 2);
}

TEST_CASE("token keeper: an authorisation counts that comes while the vault is asked",
          "[auth][token][C15]") {
    World world;
    world.keep_time = 10s;
    world.start();
    world.server.refresh_token = "given";
    world.answer = [&](const std::string& used) -> Result<TokenKeeper::Reply> {
        if (used == "r0") return world.server.reply(400, R"({"error":"invalid_grant"})");
        return world.server.answer(used);
    };
    world.agenda.after(1s, [&] {
        CHECK(world.keeper->is_busy());
        CHECK(world.keeper->authorise(core::Secret{"given"}).has_value());
    });
    CHECK(world.value(60s) == "a1");
}

TEST_CASE("token keeper: when the kept token was taken away, the account needs authorisation",
          "[auth][token][C15]") {
    World world;
    world.start();
    world.keep = [](const std::string&) { return core::Secret{}; };
    CHECK(world.get().error().is(kAuthorisationNeeded));
    CHECK(world.keeper->standing() == TokenStanding::kNeedsAuthorisation);
    world.agenda.run_for(1h);
    CHECK(world.server.requests == 1);
}
