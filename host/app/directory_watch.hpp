// Tells when files of a directory have changed, and it has been quiet since.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string_view>
#include <thread>

#include "core/error.hpp"

namespace syncline::app {

// A connector: names that begin with a dot are of files that are being written.
bool is_library(std::string_view name);

// Purpose: files that come, go, or are written to the end, when their names are of interest.
//   Several changes at once are told once. A directory that is taken away is watched again when it
//   is back. What is told, and tasks, have one thread.
// Concurrency: a thread of its own, on which it tells; the functions are [any].
class DirectoryWatch {
  public:
    struct Options {
        std::filesystem::path directory;
        std::function<bool(std::string_view name)> is_of_interest;
        std::chrono::milliseconds quiet{200};
        // Also told once at the beginning. May take its time, but not when a stop is asked for.
        // Returns after how long it is to be told again although nothing has changed.
        std::function<std::optional<std::chrono::milliseconds>(const std::stop_token&)> changed;
    };
    using Task = std::function<void(const std::stop_token&)>;
    static constexpr std::size_t kTasksMax = 16;  // that wait

    // Errors: `app.watch_failed`.
    static Result<std::unique_ptr<DirectoryWatch>> start(Options options);
    DirectoryWatch(const DirectoryWatch&) = delete;
    DirectoryWatch& operator=(const DirectoryWatch&) = delete;
    ~DirectoryWatch();  // waits for the thread

    // Runs it on the watch's thread, between changes; then a change is told. False when too many
    // wait. One that waits at the end is dropped.
    bool post(Task task);

    void request_stop();
    bool is_over() const { return is_over_; }

  private:
    DirectoryWatch(Options options, int inotify, int wake);
    void run(const std::stop_token& stop);
    bool watch_directory();
    bool read_events();
    bool run_tasks(const std::stop_token& stop);

    const Options options_;
    const int inotify_, wake_;  // descriptors, owned
    int directory_ = -1;        // the watch; none while there is no directory
    std::atomic<bool> is_over_{false};
    std::mutex mutex_;
    std::deque<Task> tasks_;
    std::jthread thread_;
};

}  // namespace syncline::app
