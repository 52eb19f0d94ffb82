#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "app/doctor.hpp"
#include "store/backup_manifest.hpp"
#include "store/check.hpp"
#include "store/data_dir.hpp"
#include "store/errc.hpp"
#include "store/file.hpp"
#include "store/inspect.hpp"

namespace syncline::app {
namespace {

constexpr std::uint64_t kFilesWanted = 1000;  // large bodies and journal files of a busy hour

std::string mode_in_words(mode_t mode) {
    char text[16];
    std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode & 07777));
    return text;
}

// The directory itself or, when it is missing, the one that it would be made in.
std::filesystem::path existing_part(std::filesystem::path path) {
    std::error_code error;
    while (path.has_relative_path() && !std::filesystem::exists(path, error))
        path = path.parent_path();
    return path;
}

bool examine_directory(const std::filesystem::path& path, Findings& findings) {
    const std::string name = path.string();
    const std::filesystem::path there = existing_part(path);
    struct stat status {};
    if (::stat(there.c_str(), &status) != 0) {
        findings.fail("data directory",
                      "can't look at " + there.string() + ": " + std::strerror(errno),
                      store::kDirectoryUnusable.remedy);
        return false;
    }
    if (!S_ISDIR(status.st_mode)) {
        findings.fail("data directory", there.string() + " is no directory",
                      store::kDirectoryUnusable.remedy);
        return false;
    }
    if (::access(there.c_str(), R_OK | W_OK | X_OK) != 0) {
        findings.fail("data directory",
                      "this user (" + std::to_string(::geteuid()) + ") can't write to " +
                          there.string() + ", which belongs to " + std::to_string(status.st_uid),
                      store::kDirectoryUnusable.remedy);
        return false;
    }
    if (there != path) {
        findings.ok("data directory", name + " will be created in " + there.string());
        return false;
    }
    const std::string facts = name + " has the mode " + mode_in_words(status.st_mode);
    if (status.st_uid != ::geteuid())
        findings.warn("data directory",
                      name + " belongs to the user " + std::to_string(status.st_uid) +
                          ", and this is " + std::to_string(::geteuid()),
                      "ask as the user that the hub runs as");
    else if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        findings.warn("data directory", facts + ": others may look at records",
                      "chmod 0700 " + name);
    else
        findings.ok("data directory", facts);
    return true;
}

void examine_filesystem(const std::filesystem::path& there, Findings& findings) {
    struct statfs info {};
    if (::statfs(there.c_str(), &info) != 0) return;  // what is wrong with it is told already
    if (const char* unsafe = store::unsafe_filesystem_name(static_cast<long>(info.f_type)))
        findings.fail("file system", there.string() + " is on " + unsafe,
                      store::kUnsafeFilesystem.remedy);
    else
        findings.ok("file system", "it keeps locks, maps and flushes as the store needs them");
}

void examine_room(const std::filesystem::path& there, const config::Hub& hub, Findings& findings) {
    constexpr const char* kAdvice = "free space, or move hub.data_dir to a larger file system";
    const store::Room room = store::room_of(there);
    const std::uint64_t reserve = store::reserve_of(room);
    const std::string free = bytes_in_words(room.free) + " free";
    if (room.free < reserve / 2)
        findings.fail("disk space", free + ": events would be refused", kAdvice);
    else if (room.free < hub.limits.pending_bytes_max + reserve)
        findings.warn(
            "disk space",
            free + ", and a backlog may grow to " + bytes_in_words(hub.limits.pending_bytes_max),
            "free space, or lower hub.limits.pending_bytes_max");
    else
        findings.ok("disk space", free);
    struct statvfs info {};
    if (::statvfs(there.c_str(), &info) != 0 || info.f_files == 0) return;  // has no such limit
    const std::string files = "room for " + std::to_string(info.f_favail) + " more files";
    if (info.f_favail < kFilesWanted)
        findings.fail("inodes", files, kAdvice);
    else
        findings.ok("inodes", files);
}

void examine_clock(std::int64_t newest_ns, const core::Clock& clock, Findings& findings) {
    const core::WallTime now = clock.wall_ns();
    const std::string time = core::format_iso8601(now).text;
    if (now >= newest_ns)
        findings.ok("clock", "it is " + time);
    else
        findings.warn(
            "clock",
            "it is " + time + ", and the newest fact is of " + core::format_iso8601(newest_ns).text,
            "set the clock, and let NTP keep it");
}

}  // namespace

std::string bytes_in_words(std::uint64_t bytes) {
    constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 1024; value /= 1024) ++unit;
    char text[32];
    std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
    return text;
}

bool examine_data_dir(const config::Hub& hub, Findings& findings) {
    const bool is_there = examine_directory(hub.data_dir, findings);
    const std::filesystem::path there = existing_part(hub.data_dir);
    examine_filesystem(there, findings);
    examine_room(there, hub, findings);
    return is_there;
}

void examine_backup(const std::filesystem::path& data_dir, Findings& findings) {
    const auto restored = store::read_manifest(data_dir / store::kRestoredFile);
    std::error_code ignored;
    if (std::filesystem::exists(data_dir / store::kManifestFile, ignored)) {
        const auto verified = store::verify_backup(data_dir);
        if (!verified.has_value()) return findings.fail("backup", verified.error());
        findings.warn("backup",
                      "this is the backup of " + verified->at +
                          ", whole; what was delivered since then is delivered again from here",
                      "see that the hub it was made of does not run any more");
    } else if (restored.has_value() && *restored) {
        findings.ok("backup", "restored from the backup of " + (*restored)->at);
    }
}

std::string examine_store(const std::filesystem::path& data_dir, const core::Clock& clock,
                          Findings& findings) {
    const auto holder = store::lock_holder(data_dir);
    if (!holder.has_value()) {
        findings.fail("lock", holder.error());
        return {};
    }
    if (holder->has_value()) {
        findings.ok("lock", "held by the process " + **holder);
        findings.ok("store", "not looked at, because it is in use");
        return **holder;
    }
    const auto journal = store::summarize_journal(data_dir);
    const Result<void> state = store::check_state(data_dir / "state");
    // A hub that started meanwhile changes what is read.
    const auto again = store::lock_holder(data_dir);
    if (again.has_value() && again->has_value()) {
        findings.ok("lock", "taken just now by the process " + **again);
        return **again;
    }
    findings.ok("lock", "free: no hub runs on this data directory");
    if (!journal.has_value()) {
        findings.fail("journal", journal.error());
    } else if (!journal->damage.empty()) {
        findings.fail("journal", journal->damage.front());
    } else {
        findings.ok("journal", std::to_string(journal->facts) + " facts can be read");
        examine_clock(journal->newest_ns, clock, findings);
    }
    if (state.has_value())
        findings.ok("state", "every page makes sense");
    else
        findings.fail("state", state.error());
    return {};
}

}  // namespace syncline::app
