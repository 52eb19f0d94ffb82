#include "plugin/drop_file.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "core/utf8.hpp"
#include "plugin/errc.hpp"

namespace syncline::plugin {
namespace {

std::string reason(int error) {
    return std::strerror(error);
}

bool others_can_write(mode_t mode) {
    return (mode & (S_IWGRP | S_IWOTH)) != 0;
}

bool is_ours(uid_t owner, uid_t self) {
    return owner == 0 || owner == self;
}

bool is_same(const struct stat& a, const struct stat& b) {
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool is_unchanged(const struct stat& before, const struct stat& after) {
    return before.st_size == after.st_size && before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
           before.st_mtim.tv_nsec == after.st_mtim.tv_nsec &&
           before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
           before.st_ctim.tv_nsec == after.st_ctim.tv_nsec;
}

Error untrusted(std::string what, std::string remedy) {
    return Error{kFileUntrusted, std::move(what), std::move(remedy)};
}

Result<std::string> read_all(int fd, std::size_t size) {
    std::string bytes(size, '\0');
    std::size_t done = 0;
    while (done < size) {
        const ssize_t count = ::read(fd, bytes.data() + done, size - done);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return Error{kFileUnreadable, "reading failed: " + reason(errno)};
        if (count == 0) break;
        done += static_cast<std::size_t>(count);
    }
    bytes.resize(done);
    return bytes;
}

}  // namespace

Result<void> check_file_trust(const struct stat& file, uid_t self) {
    if (!S_ISREG(file.st_mode)) {
        return untrusted("it is not a regular file", "copy the connector's file itself there");
    }
    if (file.st_nlink != 1) {
        return untrusted("it has " + std::to_string(file.st_nlink) +
                             " names (hard links), so it can change elsewhere",
                         "copy the file instead of linking it");
    }
    if (!is_ours(file.st_uid, self)) {
        return untrusted("it belongs to user " + std::to_string(file.st_uid) +
                             ", neither root nor the user of syncline (" + std::to_string(self) +
                             ")",
                         "chown the file to root");
    }
    if (others_can_write(file.st_mode)) {
        return untrusted("users other than its owner can write to it", "chmod go-w the file");
    }
    if ((file.st_mode & (S_ISUID | S_ISGID)) != 0) {
        return untrusted("it is set-user-id or set-group-id", "chmod ug-s the file");
    }
    return {};
}

Result<void> check_directory_trust(const struct stat& directory, bool is_drop, uid_t self) {
    const std::string which = is_drop ? "its directory" : "a directory above it";
    if (!is_ours(directory.st_uid, self)) {
        return untrusted(which + " belongs to user " + std::to_string(directory.st_uid) +
                             ", neither root nor the user of syncline (" + std::to_string(self) +
                             ")",
                         "chown the directory to root");
    }
    // In a sticky directory such as /tmp nobody can rename what belongs to another; new files can
    // still appear in it.
    const bool is_protected = !is_drop && (directory.st_mode & S_ISVTX) != 0;
    if (others_can_write(directory.st_mode) && !is_protected) {
        return untrusted("users other than its owner can write to " + which,
                         "chmod go-w the directory");
    }
    return {};
}

Result<DropDirectory> DropDirectory::open(const std::filesystem::path& path) {
    FileDescriptor fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd.is_open()) {
        return Error{kDirectoryUnreadable, "can't open the directory: " + reason(errno)}.at(
            path.string());
    }
    return DropDirectory{path, std::move(fd)};
}

Result<std::vector<std::string>> DropDirectory::names() const {
    // A descriptor of its own: reading moves the position, which duplicates share.
    const int copy = ::openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* stream = copy < 0 ? nullptr : ::fdopendir(copy);
    if (stream == nullptr) {
        const int error = errno;
        if (copy >= 0) ::close(copy);
        return Error{kDirectoryUnreadable, "can't list the directory: " + reason(error)}.at(
            path_.string());
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> closer{stream, ::closedir};
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(stream)) {
        std::string name = entry->d_name;
        if (name.starts_with('.') || !name.ends_with(".so") || !core::is_utf8(name)) continue;
        if (names.size() == kDropFilesMax) {
            return Error{kDirectoryUnreadable, "the directory holds more than " +
                                                   std::to_string(kDropFilesMax) +
                                                   " libraries; is it the right one?"}
                .at(path_.string());
        }
        names.push_back(std::move(name));
    }
    std::sort(names.begin(), names.end());
    return names;
}

Result<void> DropDirectory::check_trust() const {
    struct stat current {};
    if (::fstat(fd_.get(), &current) != 0) {
        return Error{kDirectoryUnreadable, reason(errno)}.at(path_.string());
    }
    if (auto checked = check_directory_trust(current, true, ::geteuid()); !checked) {
        return std::move(checked).error();
    }
    // By descriptors up to the root: these are the real parents, whatever links the path went
    // through.
    FileDescriptor at{::openat(fd_.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    while (at.is_open()) {
        struct stat parent {};
        if (::fstat(at.get(), &parent) != 0) break;
        if (is_same(parent, current)) return {};
        SYNCLINE_CHECK(check_directory_trust(parent, false, ::geteuid()));
        current = parent;
        at = FileDescriptor{::openat(at.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    }
    return Error{kDirectoryUnreadable, "can't examine a directory above: " + reason(errno)}.at(
        path_.string());
}

std::optional<FileStamp> DropDirectory::stamp(const std::string& name) const {
    struct stat file {};
    if (::fstatat(fd_.get(), name.c_str(), &file, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
    const auto to_ns = [](const timespec& time) {
        return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
    };
    return FileStamp{file.st_dev, file.st_ino, static_cast<std::uint64_t>(file.st_size),
                     to_ns(file.st_mtim), to_ns(file.st_ctim)};
}

Result<std::string> DropDirectory::read(const std::string& name) const {
    // O_NOFOLLOW covers the whole name, which has one component; O_NONBLOCK so that a FIFO can't
    // hold us.
    if (name.find('/') != std::string::npos) {
        return untrusted("its name holds a slash", "give the file a plain name");
    }
    const FileDescriptor fd{::openat(fd_.get(), name.c_str(),
                                     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    if (!fd.is_open() && errno == ELOOP) {
        return untrusted("it is a symbolic link", "copy the file instead of linking it");
    }
    if (!fd.is_open() && errno == ENXIO) {
        return untrusted("it is not a regular file", "copy the connector's file itself there");
    }
    if (!fd.is_open()) return Error{kFileUnreadable, "can't open it: " + reason(errno)};

    struct stat before {};
    struct stat after {};
    if (::fstat(fd.get(), &before) != 0) return Error{kFileUnreadable, reason(errno)};
    SYNCLINE_CHECK(check_file_trust(before, ::geteuid()));
    const auto size = static_cast<std::uint64_t>(before.st_size);
    if (size > kLibraryBytesMax) {
        return Error{kFileUnreadable,
                     "it has " + std::to_string(size) + " bytes, a connector at most " +
                         std::to_string(kLibraryBytesMax),
                     "strip the library of its debug information"};
    }
    SYNCLINE_TRY(std::string bytes, read_all(fd.get(), size));
    if (::fstat(fd.get(), &after) != 0 || bytes.size() != size || !is_unchanged(before, after)) {
        return Error{kFileUnreadable, "it changed while it was read",
                     "copy to a temporary name in the same directory, then rename"};
    }
    return bytes;
}

}  // namespace syncline::plugin
