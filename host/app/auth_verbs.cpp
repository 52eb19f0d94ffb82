// `syncline auth login`: a person consents in a browser, and the vault gets the refresh token.
#include <unistd.h>

#include <boost/json/object.hpp>
#include <cstdio>
#include <optional>
#include <thread>
#include <utility>

#include "app/admin_client.hpp"
#include "app/browser.hpp"
#include "app/errc.hpp"
#include "app/hub_section.hpp"
#include "app/login.hpp"
#include "app/refresh_tokens.hpp"
#include "app/report.hpp"
#include "app/token_exchange.hpp"
#include "app/vault_access.hpp"
#include "app/verbs.hpp"
#include "auth/pkce.hpp"
#include "core/clock.hpp"
#include "http_client/client.hpp"
#include "secret/cipher.hpp"
#include "secret/errc.hpp"
#include "secret/local_source.hpp"
#include "secret/refresh_token.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;
using config::OAuth2;
using secret::Vault;

constexpr const char* kLoginCommand = "auth login";
constexpr std::size_t kChanceBytes = 32;
constexpr int kVaultTries = 20;
constexpr std::chrono::milliseconds kVaultPause{100};

// The operator's environment, and a vault that is open already.
class OpenedSource final : public config::SecretSource {
  public:
    explicit OpenedSource(const Vault& vault) : vault_(vault) {}
    std::optional<std::string> environment(const std::string& name) const override {
        return secrets_.environment(name);
    }
    Result<std::string> file(const std::filesystem::path& path) const override {
        return secrets_.file(path);
    }
    Result<VaultValue> vault(const config::Hub&, const std::string& name) const override {
        SYNCLINE_TRY(const core::Secret value, vault_.get(name));
        return VaultValue{std::string{value.reveal()}};
    }

  private:
    secret::LocalSource secrets_;
    const Vault& vault_;
};

// The part of the configuration that a login needs. What is wrong elsewhere in the file, such as a
// variable that only the hub's environment has, does not keep anyone from it.
Result<OAuth2> oauth2_of(const config::Loaded& loaded, const std::string& account) {
    const std::optional<config::Config>& readable = loaded.config ? loaded.config : loaded.draft;
    if (!readable) return loaded.problems.front().error;
    const auto found = readable->accounts.find(account);
    if (found == readable->accounts.end())
        return Error{kBadArgument, "there is no account `" + account + "`",
                     "name one of `accounts` in the configuration"};
    const std::optional<config::AccountAuth>& auth = found->second.auth;
    if (!auth && !loaded.problems.empty()) return loaded.problems.front().error;
    const OAuth2* oauth2 = auth ? std::get_if<OAuth2>(&auth->credential) : nullptr;
    if (oauth2 == nullptr || !oauth2->authorize)
        return Error{kBadArgument, "nobody logs in for the account `" + account + "`",
                     "a login is for `scheme: oauth2` with `grant: authorization_code`"};
    return *oauth2;
}

Result<http_client::Response> exchange(boost::asio::io_context& io,
                                       const auth::TokenEndpoint& endpoint,
                                       const auth::TokenRequest& asked) {
    http_client::Client client{io};
    SYNCLINE_TRY(const auto pool, open_endpoint(client, endpoint));
    std::optional<http_client::Result> answer;
    client.send(pool, to_http(asked),
                [&](http_client::Result result) { answer.emplace(std::move(result)); });
    io.restart();
    while (!answer) io.run_one();
    if (answer->response) return std::move(*answer->response);
    return answer->failure->error;
}

// The code for a refresh token.
Result<core::Secret> refresh_token_for(boost::asio::io_context& io, const OAuth2& oauth2,
                                       auth::CodeGrant grant) {
    SYNCLINE_TRY(const core::Secret assertion,
                 assertion_of(oauth2, core::system_clock().wall_ns()));
    SYNCLINE_TRY(const auth::TokenRequest request,
                 auth::make_token_request(oauth2.endpoint, std::move(grant), assertion));
    SYNCLINE_TRY(const http_client::Response answer, exchange(io, oauth2.endpoint, request));
    SYNCLINE_TRY(auth::Token token,
                 auth::read_token_response(oauth2.endpoint, answer.status, answer.body));
    if (!token.refresh_token.empty()) return std::move(token.refresh_token);
    return Error{kNoRefreshToken, "the platform gave an access token and no refresh token"};
}

// A hub that stores a token at the same moment is done soon.
Result<void> store(const config::Hub& hub, const secret::MasterKey& master,
                   const KeptAccount& account, const core::Secret& token) {
    Result<Vault> vault = open_vault(hub, master, Vault::Access::kChange);
    for (int i = 1; i < kVaultTries && !vault && vault.error().is(secret::kVaultBusy); ++i) {
        std::this_thread::sleep_for(kVaultPause);
        vault = open_vault(hub, master, Vault::Access::kChange);
    }
    if (!vault) return vault.error();
    return store_refresh_token(*vault, account, token, core::system_clock().wall_ns());
}

// Between the browser and the vault.
class LoginVerb {
  public:
    LoginVerb(const Common& common, const LoginOptions& options)
        : common_(common), options_(options) {}

    Result<Report> run(const config::Hub& hub) {
        SYNCLINE_TRY(const secret::MasterKey master, master_key_of(hub));
        SYNCLINE_TRY(const OAuth2 oauth2, read_account(hub, master));
        SYNCLINE_TRY(const auth::Pkce pkce,
                     auth::make_pkce(core::Secret{secret::random_bytes(kChanceBytes)}));
        Login::Options ways;
        ways.endpoint = *oauth2.authorize;
        ways.client_id = oauth2.endpoint.client_id;
        ways.challenge = pkce.challenge;
        ways.port = options_.port;
        ways.pasted_from = STDIN_FILENO;
        SYNCLINE_TRY(const std::unique_ptr<Login> login, Login::begin(io_, std::move(ways)));
        tell_where(*login);
        Result<core::Secret> code = login->wait();
        Result<void> outcome =
            code.has_value()
                ? finish(hub, master, oauth2,
                         auth::CodeGrant{std::move(*code), login->redirect_url(), pkce.verifier})
                : Result<void>{code.error()};
        login->show(outcome);
        if (!outcome.has_value()) return outcome.error();
        return tell_hub(hub);
    }

  private:
    Result<OAuth2> read_account(const config::Hub& hub, const secret::MasterKey& master) const {
        SYNCLINE_TRY(const Vault vault, open_vault(hub, master, Vault::Access::kRead));
        return oauth2_of(config::load(common_.config, OpenedSource{vault}), options_.account);
    }

    // Standard output is the report's.
    void tell_where(const Login& login) const {
        const bool is_opened = options_.opens_browser && open_browser(login.url());
        std::fprintf(stderr, "%s\n\n  %s\n\n",
                     is_opened ? "A browser should open; if it does not, open this address:"
                               : "Open this address in a browser:",
                     login.url().c_str());
        std::fprintf(stderr, login.listens()
                                 ? "Waiting for the browser to come back, or for the address "
                                   "that it ends at, pasted here (5 minutes).\n"
                                 : "Then paste the address that it ends at here "
                                   "(5 minutes).\n");
        std::fflush(stderr);
    }

    Result<void> finish(const config::Hub& hub, const secret::MasterKey& master,
                        const OAuth2& oauth2, auth::CodeGrant grant) {
        SYNCLINE_TRY(const core::Secret token, refresh_token_for(io_, oauth2, std::move(grant)));
        return store(hub, master, {options_.account, oauth2.refresh_token}, token);
    }

    Result<Report> tell_hub(const config::Hub& hub) const {
        Report report;
        report.command = kLoginCommand;
        report.summary = "The account `" + options_.account + "` is authorised.";
        json::object result{{"account", options_.account},
                            {"secret", secret::refresh_token_name(options_.account)}};
        const auto told = ask_hub(hub.admin_socket, "POST",
                                  "/v1/accounts/" + options_.account + "/authorisation");
        if (!told.has_value() && !told.error().is(kHubUnreachable))
            return Error{
                kHubNotTold,
                "the refresh token is in the vault, but the running hub did not take it: " +
                    std::string{told.error().what()}};
        report.text = told.has_value() ? "The running hub uses it from now on."
                                       : "No hub runs; it will use it when it starts.";
        result["hub"] = told.has_value() ? "told" : "not running";
        report.result = std::move(result);
        return report;
    }

    const Common& common_;
    const LoginOptions& options_;
    boost::asio::io_context io_{1};
};

}  // namespace

int auth_login(const Common& common, const LoginOptions& options) {
    const config::Loaded loaded = load_hub_section(common);
    if (!loaded.config) return print_problems(kLoginCommand, common, loaded.problems);
    const Result<Report> report = LoginVerb{common, options}.run(loaded.config->hub);
    if (!report.has_value()) return print_error(kLoginCommand, report.error(), common.is_json);
    return print(*report, common.is_json);
}

}  // namespace syncline::app
