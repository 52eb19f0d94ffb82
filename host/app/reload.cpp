#include "app/reload.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <condition_variable>
#include <future>
#include <set>
#include <utility>

#include "app/errc.hpp"

namespace syncline::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLeaveLimit{30'000};
constexpr milliseconds kLeavePoll{20};
constexpr milliseconds kExchangeLimit{30'000};

// Runs a step on the io thread and waits for it.
template <class Step>
auto on_io(boost::asio::io_context& io, Step step) {
    auto task = std::make_shared<std::packaged_task<decltype(step())()>>(std::move(step));
    auto done = task->get_future();
    boost::asio::post(io, [task] { (*task)(); });
    return done.get();
}

// Looks again and again, until the limit or a stop. Whether it holds.
bool await(milliseconds limit, const std::stop_token& stop, const std::function<bool()>& holds) {
    const auto until = steady_clock::now() + limit;
    std::mutex mutex;
    std::condition_variable_any pause;
    std::unique_lock lock{mutex};
    while (!holds()) {
        if (stop.stop_requested() || steady_clock::now() >= until) return false;
        pause.wait_for(lock, stop, kLeavePoll, [] { return false; });
    }
    return true;
}

const RunningAccount* find(const RunningAccounts& accounts, const std::string& name) {
    const auto found = accounts.find(name);
    return found == accounts.end() ? nullptr : &found->second;
}

Error needs_restart(const std::vector<std::string>& keys) {
    std::string names;
    for (const std::string& key : keys) names += (names.empty() ? "`" : ", `") + key + "`";
    return Error{kNeedsRestart,
                 names + (keys.size() == 1 ? " is" : " are") +
                     " read when the hub starts, and can't be changed while it runs"};
}

// A start would let it wait; what works now must not begin to.
std::optional<Error> newly_sealed(const config::Config& now, const config::Config& next) {
    const auto before = sealed(now);
    for (const std::string& name : sealed(next)) {
        const bool is_account = name.starts_with("account ");
        const bool is_new = is_account && !now.accounts.contains(name.substr(8));
        if (is_new || std::find(before.begin(), before.end(), name) != before.end()) continue;
        return Error{kSecretClosed, "a secret of the " + name + " can't be opened now"};
    }
    return std::nullopt;
}

}  // namespace

// On its way into service.
struct Reload::Next {
    Next(Configuration& read, std::shared_ptr<const Running> in_service, Names given)
        : configuration(read), now(std::move(in_service)), names(std::move(given)) {}

    Configuration& configuration;
    const std::shared_ptr<const Running> now;
    Names names;
    std::vector<core::Watch> watches;
    std::vector<config::Account*> fresh;  // that need an instance
    RunningAccounts accounts;
    std::vector<plugin::AccountWish> wishes;  // one for each of `fresh`
    std::vector<std::shared_ptr<AccountTokens>> suspended;
    std::unique_ptr<plugin::PreparedAccounts> prepared;
    pipeline::Plans plans;
    std::vector<intake::Route> routes;
};

void Reload::run(bool is_check, const std::stop_token& stop,
                 const std::function<void(Reloaded)>& tell) {
    const std::lock_guard lock{around_.catalog_mutex};
    // A connector may have been put into the directory a moment ago.
    if (!is_check) around_.catalog.refresh(stop);
    Checked checked = load_configuration(around_.file, around_.clock, &around_.catalog);
    Reloaded reloaded;
    reloaded.remarks = std::move(checked.remarks);
    reloaded.problems = std::move(checked.problems);
    if (!checked.configuration) return tell(std::move(reloaded));
    const auto now = around_.current.get();
    reloaded.changes = compare(now->config, checked.configuration->config);
    if (!reloaded.changes.needs_restart.empty())
        reloaded.error = needs_restart(reloaded.changes.needs_restart);
    if (!reloaded.error) reloaded.error = newly_sealed(now->config, checked.configuration->config);
    if (reloaded.has_failed() || is_check) return tell(std::move(reloaded));

    const auto known = std::make_shared<std::promise<Names>>();
    if (!around_.store.ask([known](store::State& state) { known->set_value(Names{state}); })) {
        reloaded.error = Error{kHubUnreachable, "the hub is ending"};
        return tell(std::move(reloaded));
    }
    Next next{*checked.configuration, now, known->get_future().get()};
    next.watches = std::move(checked.watches);
    if (Result<void> prepared = prepare(next, stop); !prepared.has_value()) {
        reloaded.error = std::move(prepared).error();
        take_back(next);
        return tell(std::move(reloaded));
    }
    put_in_force(next);
    tell(std::move(reloaded));
    retire(next, stop);
}

void Reload::take_back(Next& next) {
    next.prepared.reset();
    next.routes.clear();
    close_others(next.accounts, next.now->accounts);
    on_io(around_.io, [&] {
        for (const auto& tokens : next.suspended) tokens->resume();
    });
}

Result<void> Reload::prepare(Next& next, const std::stop_token& stop) {
    SYNCLINE_CHECK(prepare_accounts(next, stop));
    const OpenKeySet open = [this](const std::string& url) {
        return on_io(around_.io, [&] { return around_.key_sets.open(url); });
    };
    SYNCLINE_TRY(Assembly assembly, assemble(next.configuration, next.accounts, next.names, open));
    next.plans = std::move(assembly.plans);
    next.routes = with_queries(assembly, around_.pipeline);
    return {};
}

Result<void> Reload::prepare_accounts(Next& next, const std::stop_token& stop) {
    config::Config& config = next.configuration.config;
    for (auto& [name, account] : config.accounts) {
        const plugin::Manifest& manifest = *around_.catalog.find(account.connector);
        const RunningAccount* before = find(next.now->accounts, name);
        const bool is_alike = before != nullptr && before->connector == account.connector &&
                              before->is_sealed == account.is_sealed;
        // Nothing takes the place of a sealed one when its connector is replaced.
        const bool is_same =
            is_alike &&
            (account.is_sealed ? before->instance->manifest().json == manifest.json
                               : before->revision == revision_of(config, account, manifest));
        if (is_same)
            next.accounts.emplace(name, *before);
        else if (account.is_sealed)
            next.accounts.emplace(name, Accounts::make_sealed(account, manifest));
        else
            next.fresh.push_back(&account);
    }
    if (next.fresh.empty()) return {};
    SYNCLINE_CHECK(suspend_tokens(next, stop));
    const KeptTokens kept =
        read_kept_tokens(next.now->config.hub, {next.fresh.begin(), next.fresh.end()});
    SYNCLINE_CHECK(on_io(around_.io, [&] { return make_accounts(next, kept); }));
    SYNCLINE_TRY(next.prepared, around_.catalog.prepare(std::move(next.wishes), stop));
    const auto instances = next.prepared->accounts();
    for (std::size_t i = 0; i < next.fresh.size(); ++i) {
        const std::string& name = next.fresh[i]->name;
        RunningAccount& account = next.accounts.at(name);
        account.instance = instances[i];
        around_.accounts.give_work(name, account, find(next.now->accounts, name), next.names);
    }
    return {};
}

// Of two that had the same refresh token, the one that exchanges it would take it from the other:
// the old one ends what it is asking for, and the new one begins with what came of it.
Result<void> Reload::suspend_tokens(Next& next, const std::stop_token& stop) {
    for (const config::Account* account : next.fresh) {
        const RunningAccount* before = find(next.now->accounts, account->name);
        // constant-time: both are the operator's.
        if (before != nullptr && before->tokens && before->auth_digest != account->auth_digest)
            next.suspended.push_back(before->tokens);
    }
    if (next.suspended.empty()) return {};
    on_io(around_.io, [&] {
        for (const auto& tokens : next.suspended) tokens->stop();
    });
    const bool is_quiet = await(kExchangeLimit, stop, [&] {
        return on_io(around_.io, [&] {
            return std::none_of(next.suspended.begin(), next.suspended.end(),
                                [](const auto& tokens) { return tokens->is_busy(); });
        });
    });
    if (is_quiet) return {};
    return Error{kTokenInExchange, "a token of an account that changes is being exchanged"};
}

// On the io thread.
Result<void> Reload::make_accounts(Next& next, const KeptTokens& kept) {
    for (config::Account* account : next.fresh) {
        const RunningAccount* before = find(next.now->accounts, account->name);
        const plugin::Manifest& manifest = *around_.catalog.find(account->connector);
        SYNCLINE_TRY(Accounts::Made made,
                     around_.accounts.make(next.configuration.config, *account, manifest, before,
                                           kept, next.names));
        plugin::AccountWish wish{account->connector, std::move(made.options), nullptr};
        if (before != nullptr && !before->is_sealed && before->connector == account->connector)
            wish.now = before->instance;
        next.wishes.push_back(std::move(wish));
        next.accounts.emplace(account->name, std::move(made.account));
    }
    return {};
}

// Everything is there, and nothing can fail any more but the disk, which ends the process.
void Reload::put_in_force(Next& next) {
    if (auto facts = next.names.facts(); !facts.empty()) {
        const auto applied = std::make_shared<std::promise<void>>();
        store::Append append;
        append.facts = std::move(facts);
        append.on_applied = [applied](std::optional<Error>) { applied->set_value(); };
        around_.store.append(std::move(append));
        applied->get_future().wait();
    }
    auto running = std::make_shared<Running>();
    running->config = std::move(next.configuration.config);
    running->accounts = next.accounts;
    running->watches = std::move(next.watches);
    std::set<const plugin::Instance*> ending;
    for (const auto& [name, account] : next.now->accounts) {
        const RunningAccount* after = find(next.accounts, name);
        if (after == nullptr || after->instance != account.instance)
            ending.insert(account.instance.get());
    }
    for (const auto& [name, account] : running->accounts)
        if (!account.is_sealed)
            around_.catalog.use_streams(*account.instance, streams_of(running->config, name));
    // Requests come on the io thread: each finds all of the one, or all of the other. What one of
    // them brings is looked at after the pipeline's change, which was asked for before.
    const auto changed = std::make_shared<std::promise<void>>();
    on_io(around_.io, [&] {
        if (next.prepared) next.prepared->take_over();
        around_.pipeline.change(std::move(next.plans), ending, [changed] { changed->set_value(); });
        around_.intake.change(std::move(next.routes));
        change_work(*next.now, *running);
        around_.current.set(std::move(running));
    });
    changed->get_future().wait();
}

// On the io thread.
void Reload::change_work(const Running& now, const Running& next) {
    const auto is_with = [](const Running& running, const std::shared_ptr<Periodic>& work) {
        return std::any_of(running.accounts.begin(), running.accounts.end(),
                           [&](const auto& entry) { return entry.second.periodic == work; });
    };
    for (const auto& [name, account] : now.accounts)
        if (account.periodic && !is_with(next, account.periodic)) account.periodic->stop();
    for (const auto& [name, account] : next.accounts)
        if (account.periodic && !is_with(now, account.periodic)) account.periodic->start();
}

void Reload::retire(Next& next, const std::stop_token& stop) {
    std::vector<std::shared_ptr<plugin::Instance>> leaving;
    for (const auto& [name, account] : next.now->accounts) {
        const RunningAccount* after = find(next.accounts, name);
        if (after == nullptr || after->instance != account.instance)
            leaving.push_back(account.instance);
    }
    if (next.prepared) next.prepared->retire(stop);
    stop_instances(std::move(leaving), stop);
    close_others(next.now->accounts, next.accounts);
}

// Connections, tokens and sets of keys that nobody uses any more.
void Reload::close_others(const RunningAccounts& all, const RunningAccounts& kept) {
    on_io(around_.io, [&] {
        for (const auto& [name, account] : all) {
            const RunningAccount* other = find(kept, name);
            if (other == nullptr || other->pool != account.pool) around_.accounts.close(account);
            if (account.tokens && (other == nullptr || other->tokens != account.tokens))
                account.tokens->close();
        }
        around_.key_sets.close_unused();
    });
}

// When nothing goes on by the plans that had them.
void Reload::stop_instances(std::vector<std::shared_ptr<plugin::Instance>> leaving,
                            const std::stop_token& stop) {
    await(kLeaveLimit, stop, [&] {
        around_.store.wake();
        return std::none_of(leaving.begin(), leaving.end(), [&](const auto& instance) {
            return around_.pipeline.is_left(*instance);
        });
    });
    if (stop.stop_requested()) return;  // they end with the catalog
    auto left = std::make_shared<std::atomic<std::size_t>>(leaving.size());
    for (const auto& instance : leaving) instance->stop(kLeaveLimit, [left] { --*left; });
    await(2 * kLeaveLimit, stop, [&] { return *left == 0; });
}

}  // namespace syncline::app
