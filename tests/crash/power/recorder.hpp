// A record of everything that a process did to the files of one directory, and the disks that a
// power cut may leave.
//
// What is on a disk after a cut: every write that a completed flush of its file covers, a random
// part of the others in units of a sector or a page, and of the names in each directory a
// beginning, at least up to its last completed fsync. Concurrency: recording [any]; images are made
// when nobody records.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "support/disk_hooks.hpp"

namespace syncline::test {

class Recorder final : public DiskHooks {
  public:
    // Files below `root` are recorded; its folders are there already and stay.
    explicit Recorder(std::filesystem::path root);

    // A moment of the record. Taken by the workload when it learns of a promise.
    std::size_t now();

    // The journal's flushes report success and do nothing: the record must then show losses.
    void set_lying(bool is_lying) { is_lying_ = is_lying; }

    // Forgets what came after `moment` and goes on in another folder, which build_all() made: as if
    // the process had been killed then, and another one started.
    void go_on_from(std::size_t moment, const std::filesystem::path& root);

    // The folder as every process sees it: all writes up to `moment`.
    void build_all(std::size_t moment, const std::filesystem::path& to) const;
    // The folder as a power cut at `moment` may leave it.
    void build_cut(std::size_t moment, std::mt19937_64& random,
                   const std::filesystem::path& to) const;

    int before_sync(int /*fd*/) override { return 0; }
    bool is_sync_lie(int fd) override;
    void opened(int fd, const char* path, int flags, bool is_new) override;
    void written(int fd, std::uint64_t offset, std::string_view bytes) override;
    void sync_begins(int fd) override;
    void synced(int fd) override;
    void allocated(int fd, std::uint64_t size) override;
    void unlinked(const char* path) override;
    void renamed(const char* from, const char* to) override;

  private:
    using FileId = std::uint32_t;  // 0: none
    enum class Kind : std::uint8_t {
        kCreate,
        kUnlink,
        kRename,
        kWrite,
        kAllocate,
        kSync,
        kDirectorySync
    };
    struct Step {
        Kind kind = Kind::kWrite;
        FileId file = 0;
        std::uint64_t offset = 0;  // kAllocate: the size
        std::size_t covers = 0;    // kSync, kDirectorySync: steps before this one are durable
        std::string text;          // bytes, or a name with its folder: `journal/000000000001.log`
        std::string to;            // kRename
    };
    struct Image;

    std::string name_of(const char* path) const;  // relative to the root; empty: not recorded
    std::string name_of(int fd) const;
    FileId file_of(int fd) const;  // with mutex_ held
    std::vector<std::size_t> durable_until(std::size_t moment,
                                           std::map<std::string, std::size_t>& folders) const;
    void write_out(const Image& image, const std::filesystem::path& to) const;

    mutable std::mutex mutex_;
    std::string root_;
    std::vector<Step> steps_;
    std::map<std::string, FileId> names_;
    FileId last_file_ = 0;
    std::map<int, std::size_t> syncing_;  // by descriptor: the step at which its flush began
    std::map<int, FileId> synchronous_;   // descriptors opened with O_DSYNC
    bool is_lying_ = false;
};

}  // namespace syncline::test
