// A backup of the running hub, as an operator asks for it: begun, looked at until it has ended, or
// cancelled.
//
// Concurrency: asked on [io]; the copying is done on a thread of its own, [backup], one at a time.
// Limits: a backup that nobody has looked at for kForgottenAfter is cancelled: its operator is
// gone. The destructor cancels what is under way and waits for the write to the disk that it is in.
// The answers' field names are public contract.
#pragma once

#include <atomic>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "store/store.hpp"

namespace syncline::admin {

// What a finished backup says of itself, for the API and for the command line. [any]
boost::json::object backup_view(const std::string& to, const store::BackupManifest& manifest);

class Backups {
  public:
    static constexpr std::chrono::seconds kForgottenAfter{20};

    Backups(store::Store& store, const core::Clock& clock, std::string version)
        : store_(store), clock_(clock), version_(std::move(version)) {}
    ~Backups();

    // `request` is {"to": an absolute path}. Answers {"id"}. Errors: admin.bad_argument,
    // store.backup_running.
    Result<boost::json::value> begin(std::string_view request);

    // {"state":"running","bytes","bytes_total"}, or {"state":"done","backup":{...}}, or what the
    // backup failed with: errors of Store::back_up(). Error: admin.not_found for any but the last.
    Result<boost::json::value> look(std::string_view id);

    // It ends soon, with store.backup_cancelled, unless it is done. Error: admin.not_found.
    Result<boost::json::value> cancel(std::string_view id);

  private:
    void run(const std::string& to);
    Result<boost::json::value> make(const std::string& to);
    bool may_go_on() const;
    bool is_last(std::string_view id) const;

    store::Store& store_;
    const core::Clock& clock_;
    const std::string version_;
    std::uint64_t last_ = 0;  // [io] number of the last one; 0: there was none
    std::atomic<bool> is_running_{false}, is_cancelled_{false};
    std::atomic<std::chrono::nanoseconds> looked_at_{std::chrono::nanoseconds{0}};
    std::atomic<std::uint64_t> bytes_{0}, bytes_total_{0};
    std::mutex ended_mutex_;
    std::optional<Result<boost::json::value>> ended_;
    std::thread thread_;
};

}  // namespace syncline::admin
