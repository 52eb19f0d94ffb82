// One loaded version of a connector, and the threads on which its code runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "plugin/deadlines.hpp"
#include "plugin/manifest.hpp"
#include "plugin/worker.hpp"
#include "syncline/check.h"
#include "syncline/discover.h"
#include "syncline/fetch.h"
#include "syncline/file.h"
#include "syncline/http.h"
#include "syncline/idmap.h"
#include "syncline/migrate.h"
#include "syncline/periodic.h"
#include "syncline/plugin.h"
#include "syncline/read.h"
#include "syncline/sign.h"
#include "syncline/state.h"
#include "syncline/webhook.h"
#include "syncline/write.h"

namespace syncline::plugin {

// The tables of the connector; null where its manifest does not promise one.
struct Tables {
    const syncline_plugin* plugin = nullptr;
    const syncline_plugin_webhook* webhook = nullptr;
    const syncline_plugin_write* write = nullptr;
    const syncline_plugin_http* http = nullptr;
    const syncline_plugin_fetch* fetch = nullptr;
    const syncline_plugin_read* read = nullptr;
    const syncline_plugin_check* check = nullptr;
    const syncline_plugin_discover* discover = nullptr;
    const syncline_plugin_periodic* periodic = nullptr;
    const syncline_plugin_sign* sign = nullptr;
    const syncline_plugin_migrate* migrate = nullptr;
    const syncline_plugin_state* state = nullptr;
    const syncline_plugin_idmap* ids = nullptr;
    const syncline_plugin_file* file = nullptr;
};

enum class Unloading {
    kUnloaded,  // proven: the loader does not know the library any more
    kPinned,    // closed, yet something keeps it mapped
    kKept,      // not tried: the manifest says never, or code of it may still run
};

// What an instance of a blocking connector is there for.
enum class Duty {
    kAll,   // also what waits for a platform, up to the time limit of each operation
    kPure,  // what waits for nothing: verify(), handshake(), translate(), answer()
};

// Purpose: owns the library and the threads on which its code runs.
// Lifecycle: load, then tasks on its workers, then close() once nobody has work open.
// Concurrency: [any].
class Generation : public std::enable_shared_from_this<Generation> {
  public:
    struct Options {
        Manifest manifest;
        std::string manifest_text;   // the loaded code has to hold the same
        std::filesystem::path path;  // a private copy
        std::string sha256_hex{};
        std::uint64_t number = 0;  // 0: of no catalog
        const core::Clock* clock = nullptr;
        std::shared_ptr<Deadlines> deadlines;  // shared: a stuck thread may outlive the catalog
        std::shared_ptr<FlightRecorder> recorder{};  // null: nothing is noted
        std::chrono::milliseconds call_limit{};
        std::chrono::milliseconds cancel_grace{};
    };

    // Errors: `plugin.load_failed`.
    static Result<std::shared_ptr<Generation>> load(Options options);
    Generation(const Generation&) = delete;
    Generation& operator=(const Generation&) = delete;

    const Options& options() const { return options_; }
    const Manifest& manifest() const { return options_.manifest; }
    const Tables& tables() const { return tables_; }

    // The worker of the instances of an asynchronous connector, which share it; each of a blocking
    // one gets a worker of its own, and leaves it when it is over.
    std::shared_ptr<Worker> worker(Duty duty);
    void leave(Worker& worker) const;

    // Another thread for calls that concern no instance; to be finished by who asked for it.
    std::shared_ptr<Worker> start_worker(Duty duty = Duty::kAll);

    // How long one call into an asynchronous connector may take, from now on.
    void set_call_limit(std::chrono::milliseconds limit);

    // From now on the library is never unloaded: something in it was left open.
    void mark_stuck() { is_stuck_ = true; }

    // Ends the threads, unloads. Not on one of them.
    Unloading close();

  private:
    explicit Generation(Options options) : options_(std::move(options)) {}

    FlightRecorder::Who who() const {
        return {options_.manifest.id, options_.manifest.version, options_.sha256_hex};
    }
    std::string thread_name() const;
    bool has_own_threads() const;
    void join_ended_workers();  // locked
    Result<void> open_library();
    Unloading unload();

    class Library;
    const Options options_;
    Tables tables_;
    std::shared_ptr<Library>
        library_;  // touched by the first worker while it opens, then by close() alone
    std::atomic<bool> is_stuck_{false};
    std::mutex mutex_;
    std::vector<std::shared_ptr<Worker>> workers_;  // the first one opened the library, and stays
};

// Calls a function that a connector has given, from within one of its calls. False when it let an
// exception escape, which the ABI forbids.
template <class Call>
bool call_back(const Call& call) noexcept {
    try {
        call();
        return true;
    } catch (...) {
        return false;
    }
}

// The same of a function of its tables, whose name is a literal: "write()".
template <class Call>
bool call_connector(const char* name, const Call& call) noexcept {
    const InFlight in_flight{name};
    return call_back(call);
}

}  // namespace syncline::plugin
