#include "app/accounts.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <random>
#include <utility>

#include "admin/errc.hpp"
#include "app/due_time.hpp"
#include "app/errc.hpp"
#include "app/expressions.hpp"
#include "app/refresh_tokens.hpp"
#include "app/sealed_instance.hpp"

namespace syncline::app {
namespace {

const config::OAuth2* oauth2_of(const config::Account& account) {
    return account.auth ? std::get_if<config::OAuth2>(&account.auth->credential) : nullptr;
}

// Batches that may be out to an account at once.
std::uint32_t concurrency_of(const config::Config& config, const std::string& account) {
    std::uint32_t sum = 0;
    for (const config::Connection& connection : config.connections)
        if (connection.to.account == account) sum += connection.deliver.concurrency;
    return std::max(sum, 1u);
}

// The ids of one account, as the state has them.
class AccountIds final : public plugin::IdMap {
  public:
    AccountIds(store::Store& store, store::AccountId account) : store_(store), account_(account) {}

    void get(std::string name_space, std::vector<std::string> keys,
             std::function<void(Result<std::vector<std::string>>)> done) override {
        const bool is_asked = store_.ask([account = account_, name_space = std::move(name_space),
                                          keys = std::move(keys), done](store::State& state) {
            std::vector<std::string> values;
            for (const std::string& key : keys) {
                auto found = state.mapped_id(account, name_space, key);
                if (!found.has_value()) return done(found.error());
                values.push_back(found->value_or(""));
            }
            done(std::move(values));
        });
        if (!is_asked) done(Error{kHubUnreachable, "the hub is ending"});
    }

  private:
    store::Store& store_;
    const store::AccountId account_;
};

}  // namespace

KeptTokens read_kept_tokens(const config::Hub& hub,
                            const std::vector<const config::Account*>& accounts) {
    KeptTokens kept;
    std::optional<Result<secret::Vault>> vault;
    for (const config::Account* account : accounts) {
        const config::OAuth2* oauth2 = oauth2_of(*account);
        if (oauth2 == nullptr || !config::keeps_refresh_token(*oauth2)) continue;
        if (!vault) vault = open_vault(hub, secret::Vault::Access::kRead);
        kept.emplace(account->name,
                     vault->has_value()
                         ? refresh_token_of(**vault, {account->name, oauth2->refresh_token})
                         : Result<core::Secret>{vault->error()});
    }
    return kept;
}

std::set<std::string> streams_of(const config::Config& config, const std::string& account) {
    std::set<std::string> streams;
    for (const config::Connection& connection : config.connections) {
        if (connection.from.account == account) streams.insert(connection.from.stream);
        if (connection.to.account == account) streams.insert(connection.to.stream);
    }
    return streams;
}

// A connector whose calls wait has as many instances as there may be calls.
std::string revision_of(const config::Config& config, const config::Account& account,
                        const plugin::Manifest& manifest) {
    const bool has_count = manifest.is_blocking;
    return account.digest + (has_count ? std::to_string(concurrency_of(config, account.name)) : "");
}

RunningAccount Accounts::make_sealed(const config::Account& account,
                                     const plugin::Manifest& manifest) {
    RunningAccount sealed;
    sealed.connector = account.connector;
    sealed.instance = std::make_shared<SealedInstance>(manifest);
    sealed.is_sealed = true;
    return sealed;
}

Result<void> Accounts::start(config::Config& config, plugin::Catalog& catalog,
                             RunningAccounts& running, Names& names) {
    std::vector<const config::Account*> all;
    for (const auto& [name, account] : config.accounts)
        if (!account.is_sealed) all.push_back(&account);
    const KeptTokens kept = read_kept_tokens(around_.hub, all);
    for (auto& [name, account] : config.accounts) {
        const plugin::Manifest* manifest = catalog.find(account.connector);
        if (manifest == nullptr) return catalog.unknown(account.connector);
        if (account.is_sealed) {
            running.emplace(name, make_sealed(account, *manifest));
            continue;
        }
        SYNCLINE_TRY(Made made, make(config, account, *manifest, nullptr, kept, names));
        SYNCLINE_TRY(made.account.instance,
                     catalog.start(account.connector, std::move(made.options)));
        give_work(name, made.account, nullptr, names);
        running.emplace(name, std::move(made.account));
    }
    return {};
}

void Accounts::give_work(const std::string& name, RunningAccount& account,
                         const RunningAccount* now, Names& names) {
    if (now != nullptr && now->periodic != nullptr && now->instance == account.instance) {
        account.periodic = now->periodic;
        return;
    }
    if (!account.instance->manifest().can_work) return;
    Periodic::Options work;
    work.account = name;
    work.instance = account.instance;
    work.due = make_due_time(around_.store, names.give(store::NameKind::kAccount, name));
    work.clock = &around_.clock;
    work.after = [&io = around_.io](std::chrono::milliseconds wait, std::function<void()> run) {
        const auto timer = std::make_shared<boost::asio::steady_timer>(io, wait);
        timer->async_wait(
            [timer, run = std::move(run)](const boost::system::error_code&) { run(); });
    };
    work.post = [&io = around_.io](std::function<void()> run) {
        boost::asio::post(io, std::move(run));
    };
    work.random = [source = std::make_shared<std::random_device>()] {
        return std::uint64_t{(*source)()} << 32 | (*source)();
    };
    account.periodic = std::make_shared<Periodic>(std::move(work));
}

Result<Accounts::Made> Accounts::make(const config::Config& config, config::Account& account,
                                      const plugin::Manifest& manifest, const RunningAccount* now,
                                      const KeptTokens& kept, Names& names) {
    Made made;
    made.account.connector = account.connector;
    made.account.revision = revision_of(config, account, manifest);
    made.account.auth_digest = account.auth_digest;
    SYNCLINE_TRY(http_client::EgressPolicy policy, egress_policy(manifest, account.settings));
    std::optional<OutboundAuth> auth;
    if (account.auth) {
        SYNCLINE_TRY(made.account.tokens, tokens_for(account, now, kept));
        auth.emplace(*account.auth, policy, around_.clock, made.account.tokens);
    }
    const auto outbound = now != nullptr && now->outbound != nullptr
                              ? now->outbound
                              : std::make_shared<OutboundMetrics>();
    made.account.outbound = outbound;
    plugin::InstanceOptions& options = made.options;
    options.account = account.name;
    options.settings = std::exchange(account.settings, {});
    for (auto& [secret, given] : account.secrets)
        options.secrets.emplace(secret, std::move(given.value));
    made.account.pool = around_.client.open_pool(
        std::make_shared<const http_client::EgressPolicy>(std::move(policy)));
    options.http =
        make_transport(around_.io, around_.client, made.account.pool, std::move(auth), outbound);
    options.expressions = make_expressions();
    options.files = files_;
    options.ids = std::make_shared<AccountIds>(around_.store,
                                               names.give(store::NameKind::kAccount, account.name));
    options.concurrency = concurrency_of(config, account.name);
    options.streams = streams_of(config, account.name);
    return made;
}

Result<std::shared_ptr<AccountTokens>> Accounts::tokens_for(const config::Account& account,
                                                            const RunningAccount* now,
                                                            const KeptTokens& kept) {
    const config::OAuth2* oauth2 = oauth2_of(account);
    if (oauth2 == nullptr) return std::shared_ptr<AccountTokens>{};
    // constant-time: both are the operator's.
    const bool is_same = now != nullptr && now->tokens && now->auth_digest == account.auth_digest;
    if (is_same) return now->tokens;
    const auto found = kept.find(account.name);
    AccountTokens::Surroundings around{
        around_.io,  around_.client, around_.vault_thread,
        around_.hub, around_.clock,  [&store = around_.store] { store.wake(); }};
    SYNCLINE_TRY(auto made,
                 AccountTokens::make(
                     std::move(around), account.name, *oauth2,
                     found == kept.end() ? Result<core::Secret>{core::Secret{}} : found->second));
    std::erase_if(tokens_, [](const auto& other) { return other.expired(); });
    tokens_.push_back(made);
    return made;
}

bool Accounts::stop_tokens() {
    bool is_busy = false;
    for (const auto& weak : tokens_) {
        const auto tokens = weak.lock();
        if (tokens == nullptr) continue;
        tokens->stop();
        is_busy |= tokens->is_busy();
    }
    return !is_busy;
}

}  // namespace syncline::app
