// What the operator does with versions of connectors, and what is shown of them.
#include <algorithm>
#include <utility>

#include "core/log.hpp"
#include "plugin/directory_catalog.hpp"
#include "plugin/errc.hpp"

namespace syncline::plugin {
namespace {

constexpr const char* kByOperator = "rolled back by the operator";

}  // namespace

std::string_view to_string(SwapEvent::Kind kind) {
    switch (kind) {
        case SwapEvent::Kind::kServes:
            return "serves";
        case SwapEvent::Kind::kOnTrial:
            return "on_trial";
        case SwapEvent::Kind::kRefused:
            return "refused";
        case SwapEvent::Kind::kTakenBack:
            return "taken_back";
        case SwapEvent::Kind::kWithdrawn:
            return "withdrawn";
    }
    return "";
}

bool DirectoryCatalog::is_quarantined(const std::string& id, const std::string& sha256_hex) const {
    return options_.versions != nullptr && options_.versions->is_quarantined(id, sha256_hex);
}

Error DirectoryCatalog::quarantine_error(const std::string& id,
                                         const std::string& sha256_hex) const {
    const ConnectorNote note = options_.versions->of(id);
    const QuarantinedVersion* quarantined = note.find_quarantined(sha256_hex);
    std::string why = "this version of the connector \"" + id + "\" is quarantined";
    if (quarantined != nullptr) why += ": " + quarantined->why;
    return Error{kQuarantined, std::move(why)};
}

// Without it the version serves all the same; there is no way back to it later.
void DirectoryCatalog::keep(const Candidate& candidate) {
    if (options_.versions == nullptr) return;
    KnownVersion version{candidate.sha256_hex, candidate.manifest.version, candidate.file_name, 0};
    auto kept =
        options_.versions->serve(candidate.manifest.id, std::move(version), candidate.staged);
    if (!kept) core::log_error("plugin", kept.error());
}

// ---- What the operator does

Result<void> DirectoryCatalog::roll_back(std::string_view id, const std::stop_token& stop) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return unknown(id);
    Entry& entry = found->second;
    if (entry.trial) {
        take_back(entry, kByOperator, stop);
        return {};
    }
    auto gone_back = go_back(entry, stop);
    if (gone_back) return gone_back;
    swaps_.refused.add();
    core::log_error("plugin", "a connector does not go back; the version in service serves on",
                    {{"connector", id}, {"error", gone_back.error().to_string()}});
    SwapEvent event;
    event.kind = SwapEvent::Kind::kRefused;
    event.id = id;
    event.code = gone_back.error().code();
    event.why = gone_back.error().what();
    tell(std::move(event));
    return gone_back;
}

Result<void> DirectoryCatalog::go_back(Entry& entry, const std::stop_token& stop) {
    const std::string& id = entry.manifest.id;
    const auto previous =
        options_.versions ? options_.versions->of(id).previous : std::optional<KnownVersion>{};
    const bool may_return =
        previous && entry.generation != nullptr && !is_quarantined(id, previous->sha256_hex);
    if (!may_return)
        return Error{kNoPrevious, "no earlier version of \"" + id + "\" is kept to go back to"};
    SYNCLINE_TRY(std::string bytes, options_.versions->library(id, previous->sha256_hex));
    SYNCLINE_TRY(Library library, examine_bytes(std::move(bytes)));
    SYNCLINE_TRY(Successor successor,
                 prepare(entry, previous->file, std::move(library), options_.call_limit, stop));
    // Before anything is changed: should the process die now, it starts with the old version.
    if (auto noted = options_.versions->go_back(id, kByOperator); !noted)
        core::log_error("plugin", noted.error());
    swaps_.taken_back.add();
    tell(SwapEvent::Kind::kTakenBack, entry, kByOperator);
    hand_over(entry, successor, stop);
    return {};
}

Result<void> DirectoryCatalog::release(std::string_view id, const std::string& sha256_hex) {
    if (options_.versions == nullptr) return {};
    auto released = options_.versions->release(std::string{id}, sha256_hex);
    for (auto& [name, seen] : seen_)
        if (seen.sha256_hex == sha256_hex) seen.stamp = FileStamp{};
    return released;
}

Result<void> DirectoryCatalog::forget(std::string_view id) {
    const auto found = entries_.find(id);
    if (found != entries_.end()) {
        Entry& entry = found->second;
        std::string names;
        {
            const std::lock_guard lock{mutex_};
            for (const Served& served : entry.served)
                if (!served.account.expired())
                    names += (names.empty() ? "" : ", ") + served.options.account;
        }
        if (!names.empty())
            return Error{kInUse, "the connector \"" + std::string{id} + "\" serves " + names};
        retire(entry, options_.drain_limit);
        entries_.erase(found);
    }
    publish();
    return options_.versions ? options_.versions->forget(std::string{id}) : Result<void>{};
}

// ---- What is shown

void DirectoryCatalog::tell(SwapEvent::Kind kind, const Candidate& candidate,
                            const std::string& why) {
    SwapEvent event;
    event.kind = kind;
    event.id = candidate.manifest.id;
    event.version = candidate.manifest.version;
    event.sha256_hex = candidate.sha256_hex;
    event.file = candidate.file_name;
    event.why = why;
    tell(std::move(event));
}

void DirectoryCatalog::tell(SwapEvent event) {
    event.at_ns = options_.clock->wall_ns();
    const std::lock_guard lock{shown_mutex_};
    event.number = ++last_event_;
    if (events_.size() >= kSwapEventsMax) events_.pop_front();
    events_.push_back(std::move(event));
}

void DirectoryCatalog::publish() {
    const auto version_of = [](const Candidate& candidate) {
        return VersionStatus{candidate.manifest.version, candidate.sha256_hex, candidate.file_name,
                             candidate.number};
    };
    std::vector<ConnectorStatus> status;
    for (const auto& [id, entry] : entries_) {
        ConnectorStatus& one = status.emplace_back();
        one.id = id;
        one.serving = version_of(entry);
        if (entry.trial) {
            const TrialEvidence evidence = evidence_of(entry);
            one.trial = TrialStatus{version_of(entry.trial->successor.candidate),
                                    options_.trial.share_percent, evidence.tried.records,
                                    evidence.tried.errors};
        }
        const std::lock_guard lock{mutex_};
        for (const Served& served : entry.served)
            if (!served.account.expired()) one.accounts.push_back(served.options.account);
    }
    const std::lock_guard lock{shown_mutex_};
    status_ = std::move(status);
}

std::vector<ConnectorStatus> DirectoryCatalog::status() const {
    const std::lock_guard lock{shown_mutex_};
    return status_;
}

std::vector<SwapEvent> DirectoryCatalog::events() const {
    const std::lock_guard lock{shown_mutex_};
    return {events_.begin(), events_.end()};
}

}  // namespace syncline::plugin
