// What the hub remembers of connectors' versions from one run to the next: which one serves, which
// one served before it, and which are never to come back by themselves.
//
//   versions/notes.json             the notes
//   versions/<id>-<sha256>.so       libraries of versions that serve, or served before: a way back
//                                   needs nothing of the connectors directory
//
// A change replaces the notes as a whole, so that they are the old ones or the new ones.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/error.hpp"

namespace syncline::plugin {

inline constexpr std::size_t kQuarantinedMax = 32;        // of each connector; the oldest goes
inline constexpr std::size_t kNotedConnectorsMax = 1024;  // as many as the directory holds files
inline constexpr std::size_t kReasonBytesMax = 512;

// A version that serves or served; its library is kept.
struct KnownVersion {
    std::string sha256_hex, version;
    std::string file;  // its name in the connectors directory
    core::WallTime since_ns = 0;
};

// A library that is not staged again, whatever lies in the connectors directory.
struct QuarantinedVersion {
    std::string sha256_hex;
    std::string version;  // "" when only its hash is known
    std::string why;
    core::WallTime at_ns = 0;
};

struct ConnectorNote {
    std::optional<KnownVersion> serving, previous;
    std::vector<QuarantinedVersion> quarantined;  // the oldest first

    // Null when it is not.
    const QuarantinedVersion* find_quarantined(std::string_view sha256_hex) const;
};

// Lifecycle: opened when the data directory is locked, before the connectors directory is looked
//   at. A change that can't be written holds for this run all the same, and its error says so.
// Concurrency: [any]; who changes something waits for the disk, who reads does not.
class VersionNotes {
  public:
    enum class Access {
        kRead,   // of another process's data directory: nothing is written
        kWrite,  // what nobody refers to is swept away
    };
    using All = std::map<std::string, ConnectorNote, std::less<>>;

    // Notes that can't be understood are put aside and begun anew; that is logged. [any]
    static std::shared_ptr<VersionNotes> open(const std::filesystem::path& data_dir,
                                              const core::Clock& clock, Access access);
    VersionNotes(const VersionNotes&) = delete;
    VersionNotes& operator=(const VersionNotes&) = delete;

    All all() const;
    ConnectorNote of(std::string_view id) const;
    bool is_quarantined(std::string_view id, std::string_view sha256_hex) const;

    // The library of a version that is kept, as it was. Errors: `plugin.versions_failed`.
    Result<std::string> library(const std::string& id, const std::string& sha256_hex) const;

    // All of these: errors `plugin.versions_failed`.

    // A version serves; its library is copied from `library`, which is private already. What served
    // before it is the previous one from now on, unless that is quarantined. The time counts from
    // when it served first, of a way back from when that was taken.
    Result<void> serve(const std::string& id, KnownVersion version,
                       const std::filesystem::path& library);
    // May be called for what was never seen, and before the catalog scans.
    Result<void> quarantine(const std::string& id, const std::string& sha256_hex,
                            const std::string& why, const std::string& version = {});
    // The previous version serves again, and what served is quarantined. Without a previous one
    // nothing is changed: `plugin.no_previous`.
    Result<void> go_back(const std::string& id, const std::string& why);
    // It may come back.
    Result<void> release(const std::string& id, const std::string& sha256_hex);
    Result<void> forget(const std::string& id);

  private:
    VersionNotes(std::filesystem::path folder, const core::Clock& clock, Access access)
        : folder_(std::move(folder)), clock_(clock), access_(access) {}

    void read();
    Result<void> keep(const std::string& id, const std::string& sha256_hex,
                      const std::filesystem::path& library) const;
    Result<void> write(const std::string& name, std::string_view bytes, mode_t mode) const;
    void sweep(const All& notes) const;
    template <class Change>
    Result<void> change(const std::string& id, const Change& change);
    void add_quarantined(ConnectorNote& note, const std::string& sha256_hex,
                         const std::string& version, std::string_view why) const;

    const std::filesystem::path folder_;
    const core::Clock& clock_;
    const Access access_;
    bool is_damaged_ = false;  // the notes were put aside: nothing is swept away; set by open()
    std::mutex change_mutex_;  // of who changes, also while it writes
    mutable std::mutex mutex_;
    All notes_;
};

}  // namespace syncline::plugin
