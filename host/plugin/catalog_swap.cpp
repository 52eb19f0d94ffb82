// New versions while the old ones serve.
#include <algorithm>
#include <utility>

#include "core/log.hpp"
#include "plugin/credential_check.hpp"
#include "plugin/directory_catalog.hpp"
#include "plugin/errc.hpp"
#include "plugin/fit_settings.hpp"
#include "plugin/handed_state.hpp"
#include "plugin/manifest.hpp"
#include "plugin/succession.hpp"

namespace syncline::plugin {
namespace {

constexpr std::chrono::milliseconds kLookAtTrials{200};

void remove_staged(const std::filesystem::path& staged) {
    std::error_code ignored;
    if (!staged.empty()) std::filesystem::remove(staged, ignored);
}

std::int64_t microseconds(std::chrono::nanoseconds time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

}  // namespace

std::optional<std::chrono::milliseconds> DirectoryCatalog::refresh(const std::stop_token& stop) {
    attend_trials(stop);
    look_around(stop);
    publish();
    const bool is_trying = std::any_of(entries_.begin(), entries_.end(), [](const auto& each) {
        return each.second.trial.has_value();
    });
    return is_trying ? std::optional{kLookAtTrials} : std::nullopt;
}

void DirectoryCatalog::look_around(const std::stop_token& stop) {
    const auto directory = DropDirectory::open(options_.connectors_dir);
    if (!directory) return core::log_error("plugin", directory.error());
    const auto names = directory->names();
    if (!names) return core::log_error("plugin", names.error());
    std::erase_if(seen_, [&](const auto& entry) {
        return !std::binary_search(names->begin(), names->end(), entry.first);
    });
    std::vector<std::string> fresh;
    for (const std::string& name : *names)
        if (look_at(*directory, name)) fresh.push_back(name);
    const auto winning = winners();
    tell_of_removed(winning);
    for (const std::string& name : fresh) tell_of_loser(name, winning);
    for (const auto& [id, name] : winning) {
        if (stop.stop_requested()) return;
        consider(*directory, id, name, stop);
    }
}

// Whether it is another file than before, and may serve.
bool DirectoryCatalog::look_at(const DropDirectory& directory, const std::string& name) {
    const auto stamp = directory.stamp(name);
    if (!stamp) return seen_.erase(name), false;
    Seen& seen = seen_[name];
    if (seen.stamp == *stamp) return false;
    seen = Seen{};
    seen.stamp = *stamp;
    const auto library = examine_library(directory, name);
    SwapEvent event;
    event.kind = SwapEvent::Kind::kRefused;
    event.file = name;
    std::optional<Error> error;
    if (library) {
        event.id = seen.id = library->manifest.id;
        event.version = seen.version = library->manifest.version;
        event.sha256_hex = seen.sha256_hex = library->sha256_hex;
        if (!is_quarantined(seen.id, seen.sha256_hex)) return true;
        error = quarantine_error(seen.id, seen.sha256_hex);
    } else {
        error = library.error();
    }
    swaps_.refused.add();
    core::log_error("plugin", "a connector's file is refused; what serves, serves on",
                    {{"file", name}, {"error", error->to_string()}});
    event.code = error->code();
    event.why = error->what();
    tell(std::move(event));
    return false;
}

void DirectoryCatalog::tell_of_loser(const std::string& name,
                                     const std::map<std::string, std::string>& winners) {
    const Seen& seen = seen_.at(name);
    const std::string& winner = winners.at(seen.id);
    if (winner == name) return;
    tell(SwapEvent{0, SwapEvent::Kind::kRefused, 0, seen.id, seen.version, seen.sha256_hex, name,
                   kDuplicateId.name, winner + " has it in version " + seen_.at(winner).version});
    core::log_warning("plugin", "a connector's file is not used: another has it as well",
                      {{"connector", seen.id},
                       {"file", name},
                       {"version", seen.version},
                       {"other", winner},
                       {"other_version", seen_.at(winner).version}});
}

// The file for each id, as a start would choose it; what has shown that it can't serve, or not
// well, is left out.
std::map<std::string, std::string> DirectoryCatalog::winners() const {
    std::map<std::string, std::string> winners;
    for (const auto& [name, seen] : seen_) {
        if (seen.id.empty() || seen.is_unfit || is_quarantined(seen.id, seen.sha256_hex)) continue;
        const auto [other, is_first] = winners.try_emplace(seen.id, name);
        if (is_first) continue;
        const Seen& best = seen_.at(other->second);
        if (compare_versions(seen.version, best.version) > 0) other->second = name;
    }
    return winners;
}

void DirectoryCatalog::tell_of_removed(const std::map<std::string, std::string>& winners) {
    std::vector<std::string> unused;
    for (auto& [id, entry] : entries_) {
        const bool is_gone = !winners.contains(id) && !seen_.contains(entry.file_name);
        if (is_gone && entry.generation == nullptr) {
            unused.push_back(id);
        } else if (is_gone && !entry.is_file_gone) {
            core::log_warning("plugin",
                              "a connector's file is gone; it serves on, and the hub will not "
                              "start without it",
                              {{"connector", id}, {"file", entry.file_name}});
        }
        entry.is_file_gone = is_gone;
    }
    for (const std::string& id : unused) {
        remove_staged(entries_.find(id)->second.staged);
        entries_.erase(id);
    }
}

void DirectoryCatalog::consider(const DropDirectory& directory, const std::string& id,
                                const std::string& name, const std::stop_token& stop) {
    const auto found = entries_.find(id);
    Seen& seen = seen_.at(name);
    if (found != entries_.end()) {
        Entry& entry = found->second;
        const bool serves = entry.sha256_hex == seen.sha256_hex;
        if (serves) entry.file_name = name;
        if (entry.trial && entry.trial->successor.candidate.sha256_hex == seen.sha256_hex) return;
        if (entry.trial)
            end_trial(entry, SwapEvent::Kind::kWithdrawn, "its file was replaced", stop);
        if (serves) return;
    }
    auto library = examine_library(directory, name);
    // Being written to again: it comes again when that is done.
    if (!library || library->sha256_hex != seen.sha256_hex) return;
    const bool is_served = found != entries_.end() && found->second.generation != nullptr;
    const std::string serving = is_served ? found->second.manifest.version : "none";
    Result<void> result;
    if (is_served) {
        result = replace(found->second, name, std::move(*library), stop);
    } else {
        // Nobody uses it, and nobody will before the next start.
        if (found != entries_.end()) remove_staged(found->second.staged);
        entries_.erase(id);
        result = accept(name, std::move(*library));
        if (result) tell(SwapEvent::Kind::kServes, entries_.find(id)->second);
    }
    if (result || stop.stop_requested()) return;
    seen.is_unfit = true;
    swaps_.refused.add();
    tell(SwapEvent{0, SwapEvent::Kind::kRefused, 0, id, seen.version, seen.sha256_hex, name,
                   std::string{result.error().code()}, result.error().what()});
    core::log_error("plugin", "a new version of a connector is refused; the old one serves on",
                    {{"connector", id},
                     {"file", name},
                     {"version", seen.version},
                     {"serves", serving},
                     {"error", result.error().to_string()}});
}

Result<void> DirectoryCatalog::replace(Entry& entry, const std::string& name, Library library,
                                       const std::stop_token& stop) {
    const bool is_tried = tries_ && options_.trial.share_percent != 0;
    const auto call_limit =
        is_tried ? std::min(options_.call_limit, options_.trial.call_limit) : options_.call_limit;
    SYNCLINE_TRY(Successor successor, prepare(entry, name, std::move(library), call_limit, stop));
    if (is_tried && !successor.accounts.empty()) {
        begin_trial(entry, std::move(successor));
    } else {
        hand_over(entry, successor, stop);
    }
    return {};
}

// Whatever can fail.
Result<DirectoryCatalog::Successor> DirectoryCatalog::prepare(Entry& entry, const std::string& name,
                                                              Library library,
                                                              std::chrono::milliseconds call_limit,
                                                              const std::stop_token& stop) {
    if (swaps_.pinned.value() + swaps_.stuck.value() >= kPinnedMax) {
        return Error{kNeedsRestart, std::to_string(kPinnedMax) +
                                        " libraries of versions that were replaced are still in "
                                        "memory and can't be unloaded"};
    }
    Successor successor;
    {
        const std::lock_guard lock{mutex_};
        std::erase_if(entry.served, [](const Served& served) { return served.account.expired(); });
        for (const Served& served : entry.served) {
            auto account = served.account.lock();
            if (account == nullptr) continue;
            successor.accounts.push_back(std::move(account));
            successor.options.push_back(served.options);
        }
    }
    SYNCLINE_CHECK(prepare_succession(entry.manifest, library.manifest, successor.options));
    SYNCLINE_TRY(successor.candidate, stage(name, std::move(library)));
    if (auto started = start_all(successor, call_limit, stop); !started) {
        discard(successor);
        return std::move(started).error();
    }
    return successor;
}

Result<void> DirectoryCatalog::start_all(Successor& successor, std::chrono::milliseconds call_limit,
                                         const std::stop_token& stop) {
    Candidate& candidate = successor.candidate;
    std::vector<std::shared_ptr<Instance>> now;
    for (const auto& account : successor.accounts) now.push_back(account->serving());
    if (candidate.manifest.can_keep_state) collect_states(now, successor.options, kSaveLimit, stop);
    if (options_.probe) SYNCLINE_CHECK(options_.probe(candidate.staged, successor.options, stop));
    SYNCLINE_CHECK(load(candidate, call_limit));
    SYNCLINE_TRY(successor.instances,
                 start_accounts(candidate.generation, successor.options, stop));
    std::vector<CheckedAccount> checked;
    for (std::size_t i = 0; i < successor.accounts.size(); ++i) {
        checked.push_back({successor.options[i].account, successor.instances[i], now[i]});
    }
    return check_credentials(checked, kSwapCheckLimit, stop);
}

Result<std::vector<std::shared_ptr<Instance>>> DirectoryCatalog::start_accounts(
    const std::shared_ptr<Generation>& generation, std::vector<InstanceOptions>& accounts,
    const std::stop_token& stop) {
    std::vector<std::shared_ptr<Instance>> instances;
    for (InstanceOptions& account : accounts) {
        if (stop.stop_requested()) return Error{kStartFailed, "the hub is ending"};
        if (auto fits = fit_settings(*generation, account.settings, stop); !fits)
            return std::move(fits).error().at("account " + account.account);
        SYNCLINE_TRY(auto instance, start_on(generation, account, stop));
        instances.push_back(std::move(instance));
    }
    return instances;
}

void DirectoryCatalog::discard(Successor& successor) {
    successor.instances.clear();
    retire(successor.candidate, options_.drain_limit);
}

void DirectoryCatalog::hand_over(Entry& entry, Successor& successor, const std::stop_token& stop) {
    const auto switching_since = std::chrono::steady_clock::now();
    std::vector<Ended> ended;
    for (std::size_t i = 0; i < successor.accounts.size(); ++i) {
        // One that is stopped needs no other: its new instance ends with the catalog.
        if (auto tenure = successor.accounts[i]->change(std::move(successor.instances[i])))
            ended.push_back({successor.accounts[i], std::move(tenure)});
    }
    put_into_service(entry, std::move(successor.candidate), std::move(ended), switching_since,
                     stop);
}

// New calls go to `next` already.
void DirectoryCatalog::put_into_service(Entry& entry, Candidate next, std::vector<Ended> ended,
                                        std::chrono::steady_clock::time_point switching_since,
                                        const std::stop_token& stop) {
    const auto switching = std::chrono::steady_clock::now() - switching_since;
    Candidate old = std::move(static_cast<Candidate&>(entry));
    static_cast<Candidate&>(entry) = std::move(next);
    core::log_info("plugin", "a new version of a connector serves",
                   {{"connector", entry.manifest.id},
                    {"version", entry.manifest.version},
                    {"instead_of", old.manifest.version},
                    {"generation", entry.number},
                    {"accounts", ended.size()},
                    {"switch_us", microseconds(switching)}});
    keep(entry);
    tell(SwapEvent::Kind::kServes, entry);
    swaps_.taken.add();
    publish();
    leave(std::move(old), ended, options_.drain_limit, stop);
}

// Nothing new comes to it any more.
void DirectoryCatalog::leave(Candidate old, const std::vector<Ended>& ended,
                             std::chrono::milliseconds limit, const std::stop_token& stop) {
    const auto until = std::chrono::steady_clock::now() + limit;
    for (const auto& [account, tenure] : ended) {
        if (account->await_idle(*tenure, until, stop)) continue;
        if (stop.stop_requested()) return left_over_.push_back(std::move(old));
        core::log_warning("plugin", "calls that don't end on an old version are cancelled",
                          {{"connector", old.manifest.id}, {"version", old.manifest.version}});
    }
    std::chrono::nanoseconds held{0};
    for (const auto& [account, tenure] : ended) held = std::max(held, account->held());
    core::log_info("plugin", "a version of a connector has ended its calls",
                   {{"connector", old.manifest.id},
                    {"version", old.manifest.version},
                    {"generation", old.number},
                    {"held_us", microseconds(held)}});
    retire(old, limit);
    for (const auto& [account, tenure] : ended) account->forget_ended();
}

// Stops what is left of it, and takes it out of the process.
void DirectoryCatalog::retire(Candidate& old, std::chrono::milliseconds limit) {
    if (old.generation != nullptr) {
        stop_instances(old.number, limit);
        const bool may_unload = old.manifest.can_unload;
        switch (old.generation->close()) {
            case Unloading::kUnloaded:
                break;
            case Unloading::kPinned:
                swaps_.pinned.add();
                break;
            case Unloading::kKept:
                (may_unload ? swaps_.stuck : swaps_.pinned).add();
                break;
        }
        old.generation.reset();
    }
    remove_staged(old.staged);
}

}  // namespace syncline::plugin
