#include "app/crash_verdict.hpp"

#include <algorithm>
#include <string>

#include "core/log.hpp"

namespace syncline::app {

CrashVerdict judge_crash(const std::vector<CrashNotes::Death>& deaths,
                         const plugin::ConnectorNote& note) {
    const CrashNotes::Death& last = deaths.back();
    const plugin::Crash& crash = last.crash;
    if (crash.cause.empty()) return CrashVerdict::kServesOn;
    const auto is_same = [&](const CrashNotes::Death& death) {
        return death.crash.sha256_hex == crash.sha256_hex && !death.crash.cause.empty() &&
               last.at_ns - death.at_ns < kYoungNs;
    };
    const auto times = std::count_if(deaths.begin(), deaths.end(), is_same);
    const bool is_again = static_cast<std::size_t>(times) >= kDeathsOfVersion;
    const bool serves = note.serving && note.serving->sha256_hex == crash.sha256_hex;
    const bool served = note.previous && note.previous->sha256_hex == crash.sha256_hex;
    if (served) return CrashVerdict::kServesOn;  // it ended what it had begun
    if (!serves && note.serving) return CrashVerdict::kQuarantined;
    const bool is_young = serves && last.at_ns - note.serving->since_ns < kYoungNs;
    const bool has_way_back = note.previous && !note.find_quarantined(note.previous->sha256_hex);
    if (serves && has_way_back && (is_young || is_again)) return CrashVerdict::kGoesBack;
    const bool is_without_message = crash.subjects.empty();
    return is_without_message && is_again ? CrashVerdict::kQuarantined : CrashVerdict::kServesOn;
}

void take_back_deadly_versions(const CrashNotes& crashes, std::size_t count,
                               plugin::VersionNotes& versions) {
    const std::vector<CrashNotes::Death> deaths = crashes.deaths();
    for (std::size_t i = deaths.size() - std::min(count, deaths.size()); i < deaths.size(); ++i) {
        const plugin::Crash& crash = deaths[i].crash;
        const std::vector<CrashNotes::Death> until{
            deaths.begin(), deaths.begin() + static_cast<std::ptrdiff_t>(i) + 1};
        const CrashVerdict verdict = judge_crash(until, versions.of(crash.connector));
        if (verdict == CrashVerdict::kServesOn) continue;
        const std::string why = "it ended the hub's process in " + crash.call + ": " + crash.cause;
        Result<void> noted =
            verdict == CrashVerdict::kGoesBack
                ? versions.go_back(crash.connector, why)
                : versions.quarantine(crash.connector, crash.sha256_hex, why, crash.version);
        if (!noted) core::log_error("app", noted.error());
        core::log_error("app", "a version of a connector does not serve again",
                        {{"connector", crash.connector},
                         {"version", crash.version},
                         {"sha256", crash.sha256_hex},
                         {"why", why}});
    }
}

}  // namespace syncline::app
