// The directory where the operator drops connectors, and its files: opened without following links,
// checked on the open descriptor, read once into memory. What is checked is what is used; nothing
// is opened by its path a second time.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "plugin/file_descriptor.hpp"

namespace syncline::plugin {

inline constexpr std::size_t kLibraryBytesMax = 64 * 1024 * 1024;
inline constexpr std::size_t kDropFilesMax = 1024;

// What changes when somebody writes to a file or puts another in its place.
struct FileStamp {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t modified_ns = 0, changed_ns = 0;

    bool operator==(const FileStamp&) const = default;
};

// Only root and the user of this process may be able to put code into it.
// Concurrency: [any], one thread at a time.
class DropDirectory {
  public:
    // Errors: `plugin.directory_unreadable`.
    static Result<DropDirectory> open(const std::filesystem::path& path);

    // Names that end in ".so" and don't begin with a dot, sorted; those that are not UTF-8 are left
    // out, for nobody could note or show them. Errors: `plugin.directory_unreadable`.
    Result<std::vector<std::string>> names() const;

    // Who else could change what stands here: the directory or one above it. Errors:
    // `plugin.file_untrusted`.
    Result<void> check_trust() const;

    // The bytes of the file `name`. Errors: `plugin.file_untrusted` (owner, mode, link, not a
    // regular file), `plugin.file_unreadable` (also when it is too large or changes meanwhile).
    Result<std::string> read(const std::string& name) const;

    // Nothing when there is no such file.
    std::optional<FileStamp> stamp(const std::string& name) const;

  private:
    DropDirectory(std::filesystem::path path, FileDescriptor fd)
        : path_(std::move(path)), fd_(std::move(fd)) {}

    std::filesystem::path path_;
    FileDescriptor fd_;
};

// The rules for a connector's file, apart from the file system, for a process of the user `self`.
Result<void> check_file_trust(const struct stat& file, uid_t self);

// The rules for a directory; `is_drop` for the one that holds the files, else one above it.
Result<void> check_directory_trust(const struct stat& directory, bool is_drop, uid_t self);

}  // namespace syncline::plugin
