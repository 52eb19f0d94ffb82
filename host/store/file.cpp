#include "store/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "store/errc.hpp"

namespace syncline::store {

File& File::operator=(File&& other) noexcept {
    if (this != &other) {
        if (descriptor_ >= 0) ::close(descriptor_);
        descriptor_ = std::exchange(other.descriptor_, -1);
    }
    return *this;
}

File::~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Result<File> File::open(const std::filesystem::path& path, int flags, unsigned mode) {
    int descriptor = ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode);
    if (descriptor < 0) return io_error("can't open " + path.string(), errno);
    return File{descriptor};
}

Result<void> File::write_at(std::uint64_t offset, std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t written =
            ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (written < 0) {
            if (errno == EINTR) continue;
            return io_error("a write failed", errno);
        }
        offset += static_cast<std::uint64_t>(written);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

Result<std::string> File::read_at(std::uint64_t offset, std::size_t size) const {
    std::string bytes(size, '\0');
    SYNCLINE_TRY(const std::size_t filled, read_at(offset, std::span<char>{bytes}));
    bytes.resize(filled);
    return bytes;
}

Result<std::size_t> File::read_at(std::uint64_t offset, std::span<char> into) const {
    std::size_t filled = 0;
    while (filled < into.size()) {
        ssize_t got = ::pread(descriptor_, into.data() + filled, into.size() - filled,
                              static_cast<off_t>(offset + filled));
        if (got < 0) {
            if (errno == EINTR) continue;
            return io_error("a read failed", errno);
        }
        if (got == 0) break;
        filled += static_cast<std::size_t>(got);
    }
    return filled;
}

Result<std::uint64_t> File::size() const {
    struct stat info {};
    if (::fstat(descriptor_, &info) != 0) return io_error("fstat failed", errno);
    return static_cast<std::uint64_t>(info.st_size);
}

Result<void> File::sync() {
    if (::fdatasync(descriptor_) != 0) return io_error("a flush to disk failed", errno);
    return {};
}

Result<void> sync_directory(const std::filesystem::path& directory) {
    SYNCLINE_TRY(File handle, File::open(directory, O_RDONLY | O_DIRECTORY));
    if (::fsync(handle.descriptor()) != 0)
        return io_error("can't make " + directory.string() + " durable", errno);
    return {};
}

Room room_of(const std::filesystem::path& path) {
    struct statvfs info {};
    if (::statvfs(path.c_str(), &info) != 0) return {};
    return Room{static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize,
                static_cast<std::uint64_t>(info.f_blocks) * info.f_frsize};
}

std::uint64_t reserve_of(const Room& room) {
    constexpr std::uint64_t kReserveBytes = 128 * 1024 * 1024;
    return std::min(kReserveBytes, room.total / 4);
}

Error io_error(const std::string& what, int error_number) {
    bool is_full = error_number == ENOSPC || error_number == EDQUOT;
    return Error{is_full ? kDiskFull : kIo, what + ": " + std::strerror(error_number)};
}

}  // namespace syncline::store
