// Accounts that come, or are given other settings, while the hub runs.
#include <algorithm>
#include <utility>

#include "core/assert.hpp"
#include "core/log.hpp"
#include "plugin/directory_catalog.hpp"
#include "plugin/errc.hpp"
#include "plugin/fit_settings.hpp"
#include "plugin/own_ids.hpp"
#include "plugin/paced_transport.hpp"
#include "plugin/settings_schema.hpp"

namespace syncline::plugin {

class DirectoryCatalog::Accounts final : public PreparedAccounts {
  public:
    explicit Accounts(DirectoryCatalog& catalog) : catalog_(catalog) {}
    ~Accounts() override {
        std::vector<std::shared_ptr<Instance>> unused;
        for (One& one : all_)
            if (one.next != nullptr) unused.push_back(std::move(one.next));
        stop_all(unused, catalog_.options_.drain_limit);
    }

    Result<void> start(std::vector<AccountWish> wishes, const std::stop_token& stop) {
        for (AccountWish& wish : wishes) SYNCLINE_CHECK(add(std::move(wish)));
        SYNCLINE_CHECK(try_out(stop));
        for (One& one : all_) {
            if (stop.stop_requested()) return Error{kStartFailed, "the hub is ending"};
            SYNCLINE_CHECK(catalog_.load(*one.entry, catalog_.options_.call_limit));
            if (auto fits = fit_settings(*one.entry->generation, one.complete.settings, stop);
                !fits)
                return std::move(fits).error().at("account " + one.given.account);
            SYNCLINE_TRY(one.next, catalog_.start_on(one.entry->generation, one.complete, stop));
            if (one.account == nullptr) one.account = std::make_shared<AccountInstance>(one.next);
        }
        return {};
    }

    std::vector<std::shared_ptr<Instance>> accounts() const override {
        std::vector<std::shared_ptr<Instance>> accounts;
        for (const One& one : all_) accounts.emplace_back(one.account);
        return accounts;
    }

    void take_over() override {
        for (One& one : all_) {
            Served* served = catalog_.find_served(*one.account);
            auto next = std::exchange(one.next, nullptr);
            core::log_info("plugin", "an instance of an account serves",
                           {{"account", one.complete.account},
                            {"connector", one.entry->manifest.id},
                            {"generation", one.entry->number}});
            const std::lock_guard lock{catalog_.mutex_};
            if (served == nullptr) {
                one.entry->served.push_back({one.account, std::move(one.given)});
                continue;
            }
            served->options = std::move(one.given);
            one.ended = one.account->change(std::move(next));
        }
        catalog_.publish();
    }

    void retire(const std::stop_token& stop) override {
        // Not in take_over(), which must not wait for a disk.
        for (const One& one : all_) catalog_.keep(*one.entry);
        const auto until = std::chrono::steady_clock::now() + catalog_.options_.drain_limit;
        std::vector<std::shared_ptr<Instance>> old;
        for (One& one : all_) {
            if (one.ended == nullptr) continue;
            if (!one.account->await_idle(*one.ended, until, stop)) {
                if (stop.stop_requested()) return;  // they end with the account
                core::log_warning("plugin", "calls that don't end on old settings are cancelled",
                                  {{"account", one.complete.account}});
            }
            old.push_back(one.ended->instance);
        }
        stop_all(old, catalog_.options_.drain_limit);
        for (One& one : all_)
            if (one.ended != nullptr) one.account->forget_ended();
    }

  private:
    struct One {
        Entry* entry;
        std::shared_ptr<AccountInstance> account;  // null until a new one has started
        InstanceOptions given, complete;           // with the schema's defaults
        std::shared_ptr<Instance> next;            // until it is in service
        std::shared_ptr<AccountInstance::Tenure> ended;
    };

    Result<void> add(AccountWish wish) {
        const auto found = catalog_.entries_.find(wish.connector);
        if (found == catalog_.entries_.end()) return catalog_.unknown(wish.connector);
        One one{&found->second, nullptr, std::move(wish.options), {}, nullptr, nullptr};
        one.given.own_ids = std::make_shared<OwnIds>();
        one.given.pacer = make_pacer(*catalog_.options_.clock, catalog_.deadlines_);
        if (wish.now != nullptr) {
            const Served* served = catalog_.find_served(*wish.now);
            SYNCLINE_ASSERT(served != nullptr);
            // Half of the calls would go on with the old settings.
            if (one.entry->trial)
                return Error{kTrialRunning,
                             "a new version of " + one.entry->manifest.id + " is on trial"}
                    .at("account " + one.given.account);
            one.account = served->account.lock();
            // What the old instance has put, the new one knows, and they share the platform.
            one.given.own_ids = served->options.own_ids;
            one.given.pacer = served->options.pacer;
        }
        one.complete = one.given;
        const Manifest& manifest = one.entry->manifest;
        // One that migrates them says itself whether they fit.
        if (!manifest.can_migrate) {
            add_defaults(manifest.settings_schema, one.complete.settings);
            if (auto checked = check_settings(manifest, one.complete.settings); !checked)
                return std::move(checked).error().at("account " + one.given.account);
        }
        all_.push_back(std::move(one));
        return {};
    }

    Result<void> try_out(const std::stop_token& stop) {
        if (!catalog_.options_.probe) return {};
        std::map<Entry*, std::vector<InstanceOptions>> by_connector;
        for (const One& one : all_) by_connector[one.entry].push_back(one.complete);
        for (const auto& [entry, accounts] : by_connector)
            SYNCLINE_CHECK(catalog_.options_.probe(entry->staged, accounts, stop));
        return {};
    }

    DirectoryCatalog& catalog_;
    std::vector<One> all_;
};

DirectoryCatalog::Served* DirectoryCatalog::find_served(const Instance& account) {
    for (auto& [id, entry] : entries_) {
        for (Served& served : entry.served)
            if (served.account.lock().get() == &account) return &served;
    }
    return nullptr;
}

Result<std::unique_ptr<PreparedAccounts>> DirectoryCatalog::prepare(std::vector<AccountWish> wishes,
                                                                    const std::stop_token& stop) {
    SYNCLINE_ASSERT(will_load());
    auto prepared = std::make_unique<Accounts>(*this);
    SYNCLINE_CHECK(prepared->start(std::move(wishes), stop));
    return std::unique_ptr<PreparedAccounts>{std::move(prepared)};
}

void DirectoryCatalog::use_streams(const Instance& account, std::set<std::string> streams) {
    if (Served* served = find_served(account)) served->options.streams = std::move(streams);
}

}  // namespace syncline::plugin
