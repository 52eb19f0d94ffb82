// What connectors' code works on at this moment, in a file that outlives the process: when a
// connector ends the hub, the next start can name it and the messages that it was given.
//
// The file is mapped memory: a call costs a few stores and no system call, and the kernel keeps the
// pages of a process that dies. It says nothing about a machine that dies.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "plugin/subject.hpp"

namespace syncline::plugin {

inline constexpr std::size_t kSeatsMax = 128;            // threads that run connectors
inline constexpr std::size_t kSubjectsOfCallMax = 1000;  // more of one batch are not noted
inline constexpr std::string_view kExited = "it called exit()";

// One thread that was in a connector's code when the process died.
struct Crash {
    std::string connector, version, sha256_hex;
    std::string account;
    std::string call;  // "write()"
    // How that thread ended the process: "SIGSEGV", kExited. Empty: it was there when the process
    // ended in a way that leaves no trace, as SIGKILL and _exit() do; that may have been anybody.
    std::string cause;
    std::vector<Subject> subjects;
};

// Concurrency: [any] unless said otherwise.
class FlightRecorder {
  public:
    struct Who {
        std::string connector, version, sha256_hex;
    };

    // What the process left that wrote the file: empty when it ended in order, when nothing of a
    // connector ran, when the machine was started since, and when there is no such file. Names
    // those alone who are known to be guilty, if there are any.
    static std::vector<Crash> read(const std::filesystem::path& file);

    // Makes the file anew. Errors: `plugin.recorder_failed`.
    static Result<std::shared_ptr<FlightRecorder>> open(const std::filesystem::path& file);
    FlightRecorder(const FlightRecorder&) = delete;
    FlightRecorder& operator=(const FlightRecorder&) = delete;
    ~FlightRecorder();

    // The process ends in order: whatever a stuck thread still does is nobody's fault.
    void close();

    struct Slot;

    // Purpose: the calling thread's place in the file.
    // Lifecycle: one for a thread, for as long as it runs a connector. Without a recorder, and when
    //   every place is taken, nothing is noted.
    class Seat {
      public:
        Seat(std::shared_ptr<FlightRecorder> recorder, const Who& who);
        Seat(const Seat&) = delete;
        Seat& operator=(const Seat&) = delete;
        ~Seat();

      private:
        const std::shared_ptr<FlightRecorder> recorder_;
        Slot* slot_ = nullptr;
    };

  private:
    FlightRecorder() = default;
    Slot* take(const Who& who);
    void give_back(Slot* slot);

    struct File;
    static std::vector<Crash> crashes_in(const File& file);
    File* file_ = nullptr;
    std::mutex mutex_;
    std::vector<Slot*> free_;
};

// ---- [thread] of a Seat; on another one they do nothing

// From here on the connector works on these. They stay noted until others are.
void note_subjects(std::string_view account, std::span<const Subject> subjects) noexcept;

// While it lives, the connector's code runs; also within another one, which then goes on.
class InFlight {
  public:
    // `call` is a literal.
    explicit InFlight(const char* call) noexcept;
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;
    ~InFlight();

  private:
    const char* before_ = nullptr;
};

// While it lives, a connector's call waits in the hub.
class Landed {
  public:
    Landed() noexcept;
    Landed(const Landed&) = delete;
    Landed& operator=(const Landed&) = delete;
    ~Landed();

  private:
    const char* call_ = nullptr;
};

// From now on a fatal signal, exit() and quick_exit() of a thread that runs a connector are noted.
// The handlers that were there come next; a connector that calls exit() ends the process at once,
// because other threads still use what its destructors would take down. Once per process.
void watch_deaths();

}  // namespace syncline::plugin
