// The data directory: who may use it, and where things are in it.
//
//   .lock       held by the running hub (flock)          journal/   segments
//   state/      LMDB                                      bodies/    large bodies
//   ballast     room given back when the disk is full
//   quarantine/ what salvage replaced
// Concurrency: [any] once open.
#pragma once

#include <filesystem>

#include "core/error.hpp"
#include "store/file.hpp"

namespace syncline::store {

// The name of a file system on which locks, memory maps or flushes do not mean what a durable store
// needs; null for any other. `type` as statfs(2) gives it.
const char* unsafe_filesystem_name(long type);

class DataDir {
  public:
    // Creates what is missing (mode 0700) and takes the lock, which the kernel releases when the
    // process ends, however it ends. Errors: store.in_use (names the process),
    // store.directory_unusable, store.unsafe_filesystem.
    static Result<DataDir> open(const std::filesystem::path& path, bool allow_unsafe_filesystem);

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path journal() const { return path_ / "journal"; }
    std::filesystem::path state() const { return path_ / "state"; }
    std::filesystem::path bodies() const { return path_ / "bodies"; }

    // Room that a commit of the state may use when the disk is full, so that the backlog can drain.
    void make_ballast() const;
    bool drop_ballast() const;

  private:
    std::filesystem::path path_;
    File lock_;
};

}  // namespace syncline::store
