// One loaded version of a connector, and the one thread on which its code runs.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "plugin/connector.hpp"
#include "plugin/deadlines.hpp"
#include "syncline/file.h"
#include "syncline/http.h"
#include "syncline/plugin.h"
#include "syncline/webhook.h"
#include "syncline/write.h"

namespace syncline::plugin {

// Whatever has work open on a generation.
struct Resident {
    virtual ~Resident() = default;
    // The generation's thread is stuck in the connector: completes everything that is open, on the
    // caller's thread.
    virtual void evict() = 0;
};

// The tables of the connector; null where its manifest does not promise one.
struct Tables {
    const syncline_plugin* plugin = nullptr;
    const syncline_plugin_webhook* webhook = nullptr;
    const syncline_plugin_write* write = nullptr;
    const syncline_plugin_http* http = nullptr;
    const syncline_plugin_file* file = nullptr;
};

enum class Unloading {
    kUnloaded,  // proven: the loader does not know the library any more
    kPinned,    // closed, yet something keeps it mapped
    kKept,      // not tried: the manifest says never, or code of it may still run
};

// Purpose: owns the library and its thread; tasks run in the order in which they were posted.
// Lifecycle: load, then tasks, then close() once nobody has work open.
// Concurrency: [any].
class Generation : public std::enable_shared_from_this<Generation> {
  public:
    struct Options {
        Manifest manifest;
        std::string manifest_text;   // the loaded code has to hold the same
        std::filesystem::path path;  // a private copy
        std::uint64_t number = 0;
        const core::Clock* clock = nullptr;
        std::shared_ptr<Deadlines> deadlines;  // shared: a stuck thread may outlive the catalog
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
    bool is_own_thread() const;

    // False when the thread takes no more: it was closed, or is stuck.
    bool post(std::function<void()> task);

    // Posts a completion of the hub's, which runs in any case: on another thread when this one
    // takes no more.
    void complete(std::function<void()> completion);

    // Posts, and gives the thread up as stuck if it has not come to the task within the grace.
    void insist(std::function<void()> task);

    // Keeps a resident alive, and evicts it should the thread be stuck.
    void admit(std::shared_ptr<Resident> resident);
    void release(const Resident* resident);

    // From now on the library is never unloaded: something in it was left open.
    void mark_stuck() { is_stuck_ = true; }
    bool is_stuck() const { return is_stuck_; }

    // Ends the thread, unloads. Not on the generation's thread.
    Unloading close();

  private:
    explicit Generation(Options options) : options_(std::move(options)) {}

    void run();
    Result<void> open_library();
    void watch();
    void seize();
    Unloading unload();

    struct Task {
        std::function<void()> run;
        bool is_completion;  // runs none of the connector's code
    };
    class Library;
    const Options options_;
    Tables tables_;
    std::shared_ptr<Library>
        library_;  // touched by the thread while it opens, then by close() alone

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Task> tasks_;
    std::vector<std::shared_ptr<Resident>> residents_;
    bool is_closing_ = false;
    bool is_seized_ = false;  // the thread is stuck in a call
    std::atomic<bool> is_stuck_{false};
    std::atomic<std::int64_t> busy_since_ns_{0};  // 0: between tasks
    std::atomic<std::thread::id> thread_id_{};
    std::thread thread_;
};

// Calls a function of a connector. False when it let an exception escape, which the ABI forbids.
template <class Call>
bool call_connector(const Call& call) noexcept {
    try {
        call();
        return true;
    } catch (...) {
        return false;
    }
}

}  // namespace syncline::plugin
