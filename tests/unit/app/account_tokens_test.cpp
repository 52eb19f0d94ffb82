// A token endpoint that exchanges refresh tokens, and a vault that they are kept in.
#include "app/account_tokens.hpp"

#include <functional>

#include "auth/url.hpp"
#include "http_server/server.hpp"
#include "secret/master_key.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

using namespace syncline;
using namespace std::chrono_literals;
using app::AccountTokens;
using secret::Vault;

namespace {

constexpr std::chrono::seconds kTokenPatience{20};

struct Endpoint final : http_server::Handler {
    explicit Endpoint(boost::asio::io_context& io)
        : server(std::move(*http_server::Server::listen(io, *this, {}))) {}
    http_server::Admission admit(const http_server::Request&) override { return {}; }
    void handle(http_server::Request request, http_server::Responder respond) override {
        for (const auth::Parameter& parameter : auth::parse_form(request.body))
            if (parameter.name == "refresh_token") used.push_back(parameter.value);
        waiting.push_back(std::move(respond));
    }
    // The oldest question gets a token, and a refresh token for the one that was used.
    void answer(const std::string& fresh) {
        http_server::Response response;
        response.body =
            R"({"access_token":"a","expires_in":3600,"refresh_token":")" + fresh + "\"}";
        auto respond = std::move(waiting.front());
        waiting.erase(waiting.begin());
        respond(std::move(response));
    }

    std::vector<std::string> used;
    std::vector<http_server::Responder> waiting;
    std::unique_ptr<http_server::Server> server;
};

struct TokensWorld {
    TokensWorld() : endpoint(io), client(io) {
        hub.data_dir = folder.path();
        hub.vault_key_file = folder / "master.key";
        const core::Secret master = secret::make_master_key();
        REQUIRE(secret::write_key_file(hub.vault_key_file, master).has_value());
        REQUIRE(Vault::create(Vault::folder_of(hub.data_dir), master, secret::MasterKind::kKey, 0)
                    .has_value());
        config::OAuth2 oauth2;
        oauth2.grant = config::OAuth2Grant::kRefreshToken;
        oauth2.endpoint.url =
            "http://127.0.0.1:" + std::to_string(endpoint.server->port()) + "/token";
        oauth2.endpoint.client_id = "hub";
        oauth2.endpoint.proof = auth::ClientProof::kNone;
        oauth2.refresh_token = core::Secret{"first"};
        AccountTokens::Surroundings around{io,   client, vault_thread, hub, core::system_clock(),
                                           [] {}};
        auto made = AccountTokens::make(around, "crm", oauth2, oauth2.refresh_token);
        REQUIRE(made.has_value());
        tokens = std::move(*made);
    }
    ~TokensWorld() { vault_thread.join(); }

    void ask() {
        tokens->get(kTokenPatience, [this](auto token) { is_answered = token.has_value(); });
    }
    void store(const std::string& token) {
        auto vault = app::open_vault(hub, Vault::Access::kChange);
        REQUIRE(vault.has_value());
        REQUIRE(
            app::store_refresh_token(*vault, {"crm", core::Secret{"first"}}, core::Secret{token}, 0)
                .has_value());
    }
    std::string kept() const {
        const auto vault = app::open_vault(hub, Vault::Access::kRead);
        REQUIRE(vault.has_value());
        return std::string{app::refresh_token_of(*vault, {"crm", core::Secret{"first"}})->reveal()};
    }
    void run_until(const std::function<bool()>& condition) {
        const auto give_up = std::chrono::steady_clock::now() + kTokenPatience;
        while (!condition()) {
            REQUIRE(std::chrono::steady_clock::now() < give_up);
            io.run_one_for(10ms);
            if (io.stopped()) io.restart();
        }
    }

    test::TempDir folder;
    config::Hub hub;
    boost::asio::io_context io{1};
    boost::asio::thread_pool vault_thread{1};
    Endpoint endpoint;
    http_client::Client client;
    std::shared_ptr<AccountTokens> tokens;
    bool is_answered = false;
};

}  // namespace

TEST_CASE("account tokens: what goes on again begins with the token that the vault has",
          "[app][auth][C15]") {
    TokensWorld world;
    world.tokens->stop();
    world.ask();
    world.store("second");
    world.tokens->resume();
    world.run_until([&] { return !world.endpoint.waiting.empty(); });
    world.endpoint.answer("third");
    world.run_until([&] { return world.is_answered; });
    CHECK(world.endpoint.used == std::vector<std::string>{"second"});
    CHECK(world.kept() == "third");
}

TEST_CASE("account tokens: one that is closed keeps the refresh token that was on its way",
          "[app][auth][C15]") {
    TokensWorld world;
    world.ask();
    world.run_until([&] { return !world.endpoint.waiting.empty(); });
    world.tokens->close();
    std::optional<Vault> held;
    SECTION("at once") {
        CHECK(world.tokens->is_busy());
    }
    SECTION("when the vault is free again") {
        held = std::move(*app::open_vault(world.hub, Vault::Access::kChange));
        CHECK(world.tokens->is_busy());
    }
    const std::weak_ptr<AccountTokens> closed = world.tokens;
    const auth::TokenMetrics* const metrics = &world.tokens->metrics();
    world.endpoint.answer("second");
    if (held) {
        world.run_until(
            [&] { return world.tokens->state().standing == auth::TokenStanding::kFailing; });
        CHECK(metrics->renewed.value() == 0);
        held.reset();
    }
    world.tokens.reset();
    world.run_until([&] { return closed.expired(); });
    CHECK(world.kept() == "second");
}
