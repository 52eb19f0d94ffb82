// A new version beside the one in service, for a share of the keys.
#include <algorithm>
#include <utility>

#include "core/log.hpp"
#include "plugin/directory_catalog.hpp"
#include "plugin/errc.hpp"
#include "plugin/succession.hpp"

namespace syncline::plugin {
namespace {

// Of the versions in service now.
std::uint64_t broken_rules(const std::vector<std::shared_ptr<AccountInstance>>& accounts) {
    std::uint64_t sum = 0;
    for (const auto& account : accounts) sum += account->serving()->misbehaviours();
    return sum;
}

}  // namespace

void DirectoryCatalog::begin_trial(Entry& entry, Successor successor) {
    Trial& trial = entry.trial.emplace();
    trial.until = options_.clock->monotonic() + options_.trial.period;
    trial.broken_before = broken_rules(successor.accounts);
    successor.options.clear();
    for (std::size_t i = 0; i < successor.accounts.size(); ++i) {
        successor.accounts[i]->begin_trial(successor.instances[i], trial.tally,
                                           options_.trial.share_percent);
    }
    trial.successor = std::move(successor);
    const Candidate& tried = trial.successor.candidate;
    core::log_info("plugin", "a new version of a connector is on trial",
                   {{"connector", tried.manifest.id},
                    {"version", tried.manifest.version},
                    {"serves", entry.manifest.version},
                    {"generation", tried.number},
                    {"share_percent", options_.trial.share_percent}});
    tell(SwapEvent::Kind::kOnTrial, tried);
    publish();
}

void DirectoryCatalog::attend_trials(const std::stop_token& stop) {
    for (auto& [id, entry] : entries_) {
        if (!entry.trial || stop.stop_requested()) continue;
        const TrialVerdict verdict = judge(evidence_of(entry), options_.trial);
        if (verdict.kind == TrialVerdict::Kind::kTakeOver) take_over(entry, stop);
        if (verdict.kind == TrialVerdict::Kind::kGoBack) take_back(entry, verdict.why, stop);
    }
}

TrialEvidence DirectoryCatalog::evidence_of(const Entry& entry) const {
    const Trial& trial = *entry.trial;
    TrialEvidence evidence;
    evidence.serving = trial.tally->read(TrialTally::Side::kServing);
    evidence.tried = trial.tally->read(TrialTally::Side::kTried);
    evidence.serving.errors += broken_rules(trial.successor.accounts) - trial.broken_before;
    for (const auto& instance : trial.successor.instances) {
        evidence.tried.errors += instance->misbehaviours();
        evidence.overdue += instance->overdue();
    }
    evidence.is_over = options_.clock->monotonic() >= trial.until;
    return evidence;
}

// Noted before anything else: should the process die now, it does not come back.
void DirectoryCatalog::take_back(Entry& entry, const std::string& why,
                                 const std::stop_token& stop) {
    const Candidate& tried = entry.trial->successor.candidate;
    if (options_.versions) {
        auto noted = options_.versions->quarantine(tried.manifest.id, tried.sha256_hex, why,
                                                   tried.manifest.version);
        if (!noted) core::log_error("plugin", noted.error());
    } else {
        for (auto& [name, seen] : seen_)
            if (seen.sha256_hex == tried.sha256_hex) seen.is_unfit = true;
    }
    swaps_.taken_back.add();
    core::log_error("plugin", "a new version of a connector is taken back; the old one serves all",
                    {{"connector", tried.manifest.id},
                     {"version", tried.manifest.version},
                     {"serves", entry.manifest.version},
                     {"why", why}});
    end_trial(entry, SwapEvent::Kind::kTakenBack, why, stop);
}

void DirectoryCatalog::end_trial(Entry& entry, SwapEvent::Kind kind, const std::string& why,
                                 const std::stop_token& stop) {
    // What has not ended at its deadline does not end by waiting.
    const bool is_stuck = evidence_of(entry).overdue != 0;
    const auto limit = is_stuck ? options_.cancel_grace : options_.drain_limit;
    Successor successor = std::move(std::exchange(entry.trial, std::nullopt)->successor);
    std::vector<Ended> ended;
    for (const auto& account : successor.accounts)
        if (auto tenure = account->end_trial(false)) ended.push_back({account, std::move(tenure)});
    successor.instances.clear();
    tell(kind, successor.candidate, why);
    publish();
    leave(std::move(successor.candidate), ended, limit, stop);
}

void DirectoryCatalog::take_over(Entry& entry, const std::stop_token& stop) {
    auto late = move_late_accounts(entry, entry.trial->successor, stop);
    if (!late && stop.stop_requested()) return;  // that is no verdict
    if (!late) return take_back(entry, late.error().to_string(), stop);
    Successor successor = std::move(std::exchange(entry.trial, std::nullopt)->successor);
    std::vector<Ended> ended = std::move(*late);
    successor.candidate.generation->set_call_limit(options_.call_limit);
    const auto switching_since = std::chrono::steady_clock::now();
    for (const auto& account : successor.accounts)
        if (auto tenure = account->end_trial(true)) ended.push_back({account, std::move(tenure)});
    put_into_service(entry, std::move(successor.candidate), std::move(ended), switching_since,
                     stop);
}

// Accounts that were started while the trial was on get the new version now.
Result<std::vector<DirectoryCatalog::Ended>> DirectoryCatalog::move_late_accounts(
    Entry& entry, Successor& successor, const std::stop_token& stop) {
    std::vector<std::shared_ptr<AccountInstance>> accounts;
    std::vector<InstanceOptions> options;
    {
        const std::lock_guard lock{mutex_};
        for (const Served& served : entry.served) {
            auto account = served.account.lock();
            const auto& known = successor.accounts;
            if (account == nullptr) continue;
            if (std::find(known.begin(), known.end(), account) != known.end()) continue;
            accounts.push_back(std::move(account));
            options.push_back(served.options);
        }
    }
    SYNCLINE_CHECK(prepare_succession(entry.manifest, successor.candidate.manifest, options));
    SYNCLINE_TRY(auto instances, start_accounts(successor.candidate.generation, options, stop));
    std::vector<Ended> ended;
    for (std::size_t i = 0; i < accounts.size(); ++i)
        if (auto tenure = accounts[i]->change(std::move(instances[i])))
            ended.push_back({accounts[i], std::move(tenure)});
    return ended;
}

}  // namespace syncline::plugin
