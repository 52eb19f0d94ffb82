// The connectors of a directory: what serves, and how new versions take over while the hub runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/metrics.hpp"
#include "plugin/instance.hpp"

namespace syncline::plugin {

struct ExaminedLibraries;
class FlightRecorder;

using Probe = std::function<Result<void>(const std::filesystem::path& library,
                                         const std::vector<InstanceOptions>& accounts,
                                         const std::stop_token& stop)>;

// What became of new versions since the start. [any]
struct SwapCounters {
    core::Counter taken, refused;
    core::Counter taken_back;  // after a trial, or by the operator
    core::Counter pinned;      // libraries that were to be unloaded and are still mapped
    core::Counter stuck;       // generations that were left with work open
};

// How a new version shows that it serves well before it serves alone.
struct TrialPolicy {
    std::uint32_t share_percent = 0;  // of the keys go to it; 0: no trial, it takes over at once
    std::chrono::milliseconds period{60'000};
    // Of what it is given it may fail so much more than the version in service.
    std::uint32_t error_percent_max = 5;
    // How long one call into it may take; calls that may block are judged by their deadlines.
    std::chrono::milliseconds call_limit{10'000};
};

// ---- What the operator sees

struct VersionStatus {
    std::string version, sha256_hex;
    std::string file;              // in the connectors directory
    std::uint64_t generation = 0;  // counts all versions that this process staged
};

struct TrialStatus {
    VersionStatus version;
    std::uint32_t share_percent = 0;
    std::uint64_t records = 0, errors = 0;  // that it was given, and of these failed
};

struct ConnectorStatus {
    std::string id;
    VersionStatus serving;
    std::vector<std::string> accounts;  // that it serves
    std::optional<TrialStatus> trial;
};

// What became of one file, or of a version that served.
struct SwapEvent {
    enum class Kind {
        kServes,     // in service
        kOnTrial,    // for a share of the keys
        kRefused,    // `why` says so; nothing has changed
        kTakenBack,  // the version before serves again, and this one is quarantined
        kWithdrawn,  // its trial ended without a verdict: something else was installed
    };
    std::uint64_t number = 0;  // of all events of this process, from 1
    Kind kind = Kind::kServes;
    std::int64_t at_ns = 0;
    std::string id, version, sha256_hex, file;
    std::string code, why;  // empty, or of the error
};
std::string_view to_string(SwapEvent::Kind kind);
inline constexpr std::size_t kSwapEventsMax = 128;  // the oldest goes

class VersionNotes;

// What an account is to become.
struct AccountWish {
    std::string connector;
    InstanceOptions options;
    // What start() or prepare() gave for it, of the same connector; null: there is none yet.
    std::shared_ptr<Instance> now;
};

// Accounts that have started, beside what serves; those that were not taken into service stop with
// this. The catalog has to live. Concurrency: with the rest of the catalog, one thread at a time.
class PreparedAccounts {
  public:
    virtual ~PreparedAccounts() = default;
    // One for each wish: `now`, where there is one.
    virtual std::vector<std::shared_ptr<Instance>> accounts() const = 0;
    // New calls go to what was prepared; calls in flight end where they began. Once; can't fail.
    virtual void take_over() = 0;
    // After take_over(): blocks until the instances that served before are idle, and stops them.
    // What does not end within the drain limit is cancelled. Ends soon when a stop is asked for.
    virtual void retire(const std::stop_token& stop) = 0;
};

// All connectors found in a directory, loaded from private copies.
class Catalog {
  public:
    struct Options {
        std::filesystem::path connectors_dir;
        // For private copies; made with mode 0700, emptied at open. Empty: the catalog only tells
        // what there is, and start() must not be called.
        std::filesystem::path stage_dir;
        const core::Clock* clock = nullptr;
        // How long one call into a connector may take before its thread counts as stuck: far more
        // than a call needs that waits for nothing, which is each of an asynchronous connector and
        // of a blocking one what webhooks ask for.
        std::chrono::milliseconds call_limit{60'000};
        // How long a connector has to end an operation that it was asked to cancel.
        std::chrono::milliseconds cancel_grace{5'000};
        // How long what is in flight has to end on a version that is replaced, before it is
        // cancelled; then the same to stop.
        std::chrono::milliseconds drain_limit{30'000};
        // Notes what connectors work on. Null: nobody does.
        std::shared_ptr<FlightRecorder> recorder{};
        // Looks in a process of its own whether a staged library loads and serves these accounts.
        // It ends soon when a stop is asked for. Empty: a new version is loaded without.
        Probe probe{};
        TrialPolicy trial{};
        // Null: nothing is known of earlier versions, and none are kept.
        std::shared_ptr<VersionNotes> versions{};
        // Of a catalog of the same directory: what has not changed since is not read again, but
        // taken from there. Null: every file is read.
        std::shared_ptr<ExaminedLibraries> examined{};
    };
    // A file that was refused: everything else goes on.
    struct Refusal {
        std::filesystem::path file;
        Error error;
    };

    // Scans without running code. Errors: `plugin.directory_unreadable`, `plugin.stage_failed`.
    static Result<std::unique_ptr<Catalog>> open(Options options);
    // Stops the instances that are left and unloads what can be unloaded. Not on a generation's
    // thread.
    virtual ~Catalog() = default;

    virtual std::vector<Manifest> manifests() const = 0;
    virtual const std::vector<Refusal>& refusals() const = 0;
    // The libraries as open() read them, with all their bytes, when it only tells.
    virtual std::shared_ptr<ExaminedLibraries> examined() const = 0;
    // Null when there is none. Valid until the next refresh().
    virtual const Manifest* find(std::string_view id) const = 0;
    // What to say of an id that find() does not know: `plugin.unknown_connector`, with what there
    // is and what was refused.
    virtual Error unknown(std::string_view id) const = 0;

    // Loads the connector if needed (dlopen, on the generation's thread) and starts an instance.
    // Errors: `plugin.unknown_connector` (lists what there is and what was refused),
    // `plugin.settings_invalid`, `plugin.load_failed`, `plugin.start_failed`.
    virtual Result<std::shared_ptr<Instance>> start(std::string_view id,
                                                    InstanceOptions options) = 0;

    // Starts accounts, new ones and others' successors, beside what serves: tried in a process of
    // their own first, and all of them or none. Errors: those of start(), `plugin.probe_failed`.
    // Blocks; the same thread as refresh(), or one that it synchronises with.
    virtual Result<std::unique_ptr<PreparedAccounts>> prepare(std::vector<AccountWish> wishes,
                                                              const std::stop_token& stop) = 0;
    // The streams that connections use of an account from now on: see InstanceOptions. As
    // prepare().
    virtual void use_streams(const Instance& account, std::set<std::string> streams) = 0;

    // Looks at the directory again. What is new in it takes over from what serves, account by
    // account, when it has proven that it can: it is staged, examined, probed, loaded beside the
    // old one and started for every account, whose credentials it finds good (if it can check
    // them: credential_check.hpp). Then new calls go to it; those in flight end on the
    // old one, which is stopped and unloaded. Whatever fails before leaves the old one in service;
    // it is logged and counted, and not tried again before the file changes. A file that is gone
    // changes nothing. With a trial it gets a share of the keys first, and takes over or is taken
    // back when refresh() finds that due. Blocks, also for minutes, and ends soon when a stop is
    // asked for. Returns after how long it has to be called again although nothing has changed.
    // Concurrency: one thread at a time, none of a generation's; so are the next three. Instances
    // are used meanwhile.
    virtual std::optional<std::chrono::milliseconds> refresh(const std::stop_token& stop) = 0;
    // From now on new versions take over at once: nobody will call refresh() for their trials.
    virtual void forgo_trials() = 0;
    // Ends a trial, or puts the previous version back into service, without a restart; what is left
    // is quarantined. Errors: `plugin.unknown_connector`, `plugin.no_previous`, and all that can
    // keep a version from taking over. Blocks as refresh() does.
    virtual Result<void> roll_back(std::string_view id, const std::stop_token& stop) = 0;
    // A version that was quarantined may come back; its file is looked at again.
    virtual Result<void> release(std::string_view id, const std::string& sha256_hex) = 0;
    // Nothing is remembered of the connector's versions any more. Errors: `plugin.in_use` when an
    // account is served.
    virtual Result<void> forget(std::string_view id) = 0;

    virtual const SwapCounters& swaps() const = 0;
    // What serves, and what has happened, as of the last call of the functions above. [any]
    virtual std::vector<ConnectorStatus> status() const = 0;
    virtual std::vector<SwapEvent> events() const = 0;
};

// Reads and checks one file as the catalog would, without running code: `connectors describe FILE`.
Result<Manifest> read_manifest(const std::filesystem::path& file);

}  // namespace syncline::plugin
