// What `syncline doctor` looks at: the surroundings of the hub. Each part adds what it found; none
// of them changes anything on disk.
// Concurrency: the process's first thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "core/clock.hpp"
#include "core/error.hpp"

namespace syncline::app {

enum class Health { kOk, kWarn, kFail };

struct Finding {
    Health health = Health::kOk;
    std::string name;
    std::string what;    // a sentence without full stop
    std::string remedy;  // what to do about it; empty when all is well
    core::ExitCode exit_code = core::ExitCode::kDone;
};

class Findings {
  public:
    void ok(std::string name, std::string what) {
        list_.push_back({Health::kOk, std::move(name), std::move(what), {}, {}});
    }
    void warn(std::string name, std::string what, std::string remedy) {
        list_.push_back({Health::kWarn, std::move(name), std::move(what), std::move(remedy), {}});
    }
    void fail(std::string name, std::string what, std::string remedy,
              core::ExitCode exit_code = core::ExitCode::kEnvironment) {
        list_.push_back(
            {Health::kFail, std::move(name), std::move(what), std::move(remedy), exit_code});
    }
    // With the error's own advice and exit code.
    void fail(std::string name, const Error& error);

    const std::vector<Finding>& list() const { return list_; }
    std::size_t count(Health health) const;
    // Of the worst: an invalid configuration, then the environment, then everything else.
    core::ExitCode exit_code() const;

  private:
    std::vector<Finding> list_;
};

// `3 B`, `4.0 KiB`, `8.0 GiB`.
std::string bytes_in_words(std::uint64_t bytes);

// The data directory: whose, on what, how much room. Whether it is
// there and can be read.
bool examine_data_dir(const config::Hub& hub, Findings& findings);

// Lock, journal, state, and the clock against the newest fact. The process that has the lock, when
// one has. Only for a directory that is there.
std::string examine_store(const std::filesystem::path& data_dir, const core::Clock& clock,
                          Findings& findings);

// Whether the data directory is a backup that no hub has run from yet, or was restored from one.
// Says nothing of any other.
void examine_backup(const std::filesystem::path& data_dir, Findings& findings);

// What the running hub says of itself, at the admin socket. Where its webhooks come in; empty when
// no hub answers. `holder` has the lock of the data directory; empty: nobody.
std::string examine_hub(const config::Hub& hub, const std::string& holder, Findings& findings);

// Whether a Unix socket that nobody serves can be made at the next start. `name` is that of the
// finding, `key` that of the configuration. A folder that is the data directory is told with that.
void examine_socket(const config::Hub& hub, const std::filesystem::path& socket,
                    const std::string& name, const std::string& key, Findings& findings);

// The port or the Unix socket that webhooks come in at. `serving` as from examine_hub().
void examine_listener(const config::Hub& hub, const std::string& serving, Findings& findings);

// Whether the vault opens, and what is damaged in it. Says nothing where there is none.
void examine_vault(const config::Hub& hub, Findings& findings);

// Certificate and plain HTTP.
void examine_tls(const config::Hub& hub, Findings& findings);

// The library that requests are made with.
void examine_http_client(Findings& findings);

// Descriptors and memory, as this process has them.
void examine_limits(const config::Config& config, Findings& findings);

}  // namespace syncline::app
