// How often which version of which connector ended the process, and on which messages: kept in the
// data directory, so that a hub that is started again and again does not die of the same thing.
//
// A thread that is known to be guilty (a signal, exit()) condemns its messages at once. Threads
// that were in a connector when the process went without a trace (SIGKILL, _exit()) may have had
// nothing to do with it: a message is set aside when it was there three times.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "pipeline/suspects.hpp"
#include "plugin/flight_recorder.hpp"

namespace syncline::app {

inline constexpr std::size_t kDeathsKept = 50;
inline constexpr std::size_t kDeathsWithoutTrace = 3;

// Concurrency: [any].
class CrashNotes {
  public:
    struct Death {
        std::int64_t at_ns = 0;
        plugin::Crash crash;
    };

    // A file that can't be read is told of and begun anew: it is advice, no data.
    explicit CrashNotes(std::filesystem::path file);

    // What the last process left; logs each. Errors: `app.crash_notes_failed`.
    Result<void> add(std::vector<plugin::Crash> crashes, std::int64_t now_ns);

    // Newest last.
    std::vector<Death> deaths() const;
    pipeline::Suspects::Sentences sentences() const;
    // The messages have their dead letters: a replay goes to the connector again. One write to
    // disk.
    void forget(std::span<const plugin::Subject> subjects);

  private:
    Result<void> save() const;  // locked

    const std::filesystem::path file_;
    mutable std::mutex mutex_;
    std::vector<Death> deaths_;
};

}  // namespace syncline::app
