#include "app/refresh_tokens.hpp"

#include "secret/errc.hpp"
#include "secret/master_key.hpp"
#include "secret/refresh_token.hpp"
#include "support/catch.hpp"
#include "support/fake_clock.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using core::Secret;
using secret::Vault;

namespace {

struct TokenWorld {
    TokenWorld() {
        hub.data_dir = folder.path();
        hub.vault_key_file = folder / "master.key";
        const Secret master = secret::make_master_key();
        REQUIRE(secret::write_key_file(hub.vault_key_file, master).has_value());
        REQUIRE(Vault::create(Vault::folder_of(hub.data_dir), master, secret::MasterKind::kKey, 0)
                    .has_value());
    }

    void store(const std::string& text) {
        auto vault = app::open_vault(hub, Vault::Access::kChange);
        REQUIRE(vault.has_value());
        REQUIRE(vault->set(secret::refresh_token_name("crm"), Secret{text}, 0).has_value());
    }
    void log_in(const std::string& initial, const std::string& token) {
        auto vault = app::open_vault(hub, Vault::Access::kChange);
        REQUIRE(vault.has_value());
        REQUIRE(app::store_refresh_token(*vault, {"crm", Secret{initial}}, Secret{token}, 0)
                    .has_value());
    }
    std::string token(const std::string& initial) {
        const auto vault = app::open_vault(hub, Vault::Access::kRead);
        REQUIRE(vault.has_value());
        const auto token = app::refresh_token_of(*vault, {"crm", Secret{initial}});
        REQUIRE(token.has_value());
        return std::string{token->reveal()};
    }
    std::string replace(const std::string& initial, const std::string& used,
                        const std::string& fresh) {
        const auto kept = app::replace_refresh_token(hub, {"crm", Secret{initial}}, Secret{used},
                                                     Secret{fresh}, clock);
        REQUIRE(kept.has_value());
        return std::string{kept->reveal()};
    }

    test::TempDir folder;
    config::Hub hub;
    test::FakeClock clock;
};

}  // namespace

TEST_CASE("refresh tokens: the configuration's counts until one is kept", "[app][auth][C15]") {
    TokenWorld world;
    CHECK(world.token("first") == "first");
    CHECK(world.token("").empty());
    CHECK(world.replace("first", "first", "second") == "second");
    CHECK(world.token("first") == "second");
    CHECK(world.replace("first", "second", "third") == "third");
    CHECK(world.token("first") == "third");
}

TEST_CASE("refresh tokens: a changed one of the configuration counts again", "[app][auth][C15]") {
    TokenWorld world;
    world.replace("first", "first", "second");
    CHECK(world.token("other") == "other");
    CHECK(world.replace("other", "other", "third") == "third");
    CHECK(world.token("other") == "third");
    CHECK(world.token("first") == "first");
}

TEST_CASE("refresh tokens: what a login stored counts until the configuration has another one",
          "[app][auth][C15]") {
    for (const std::string initial : {"", "first"}) {
        TokenWorld world;
        world.log_in(initial, "login");
        CHECK(world.token(initial) == "login");
        CHECK(world.token("") == "login");
        CHECK(world.token("another") == "another");
        CHECK(world.replace(initial, "login", "second") == "second");
        CHECK(world.token("another") == "another");
    }
}

TEST_CASE("refresh tokens: what was stored by hand counts, whatever the configuration has",
          "[app][auth][C15]") {
    TokenWorld world;
    world.store("login");
    CHECK(world.token("") == "login");
    CHECK(world.token("first") == "login");
    CHECK(world.replace("", "login", "second") == "second");
    CHECK(world.token("") == "second");
}

TEST_CASE("refresh tokens: a login that came meanwhile is not overwritten", "[app][auth][C15]") {
    TokenWorld world;
    world.replace("first", "first", "second");
    world.store("login");
    CHECK(world.replace("first", "second", "third") == "login");
    CHECK(world.token("first") == "login");
}

TEST_CASE("refresh tokens: what was written already is not written again", "[app][auth][C15]") {
    TokenWorld world;
    world.replace("first", "first", "second");
    CHECK(world.replace("first", "first", "second") == "second");
}

TEST_CASE("refresh tokens: while an operator has the vault it is busy", "[app][auth][C15]") {
    TokenWorld world;
    const auto held = app::open_vault(world.hub, Vault::Access::kChange);
    REQUIRE(held.has_value());
    const auto kept = app::replace_refresh_token(world.hub, {"crm", Secret{"first"}},
                                                 Secret{"first"}, Secret{"second"}, world.clock);
    REQUIRE(kept.has_error());
    CHECK(kept.error().is(secret::kVaultBusy));
    CHECK(world.token("first") == "first");  // reading is possible
}
