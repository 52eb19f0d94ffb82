// What the deaths that are noted mean for versions of connectors.
#pragma once

#include <cstdint>
#include <vector>

#include "app/crash_notes.hpp"
#include "plugin/version_notes.hpp"

namespace syncline::app {

inline constexpr std::int64_t kYoungNs = 600'000'000'000;  // ten minutes
inline constexpr std::size_t kDeathsOfVersion = 3;         // within these

enum class CrashVerdict {
    kServesOn,     // its messages are set aside; it may have been they
    kGoesBack,     // the version before it serves again
    kQuarantined,  // nothing serves in its place: a trial ends, or nothing else is known
};

// Of the last of `deaths`, newest last. A version that ended the process soon after it came into
// service, or again and again, goes when there is a way back; one without goes when it ends the
// process without any message that could be set aside instead. Nobody is sure of a death without a
// trace: it means nothing here. [any]
CrashVerdict judge_crash(const std::vector<CrashNotes::Death>& deaths,
                         const plugin::ConnectorNote& note);

// Judges the newest `count` deaths, and notes what follows. Before the catalog looks at files.
// [any]
void take_back_deadly_versions(const CrashNotes& crashes, std::size_t count,
                               plugin::VersionNotes& versions);

}  // namespace syncline::app
