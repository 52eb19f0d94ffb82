// Files as the store uses them: owned descriptors, whole writes, durable directories. EINTR and
// short writes end here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "core/error.hpp"

namespace syncline::store {

class File {
  public:
    File() = default;
    explicit File(int descriptor) : descriptor_(descriptor) {}
    File(File&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
    File& operator=(File&& other) noexcept;
    ~File();

    // Flags as for open(2); O_CLOEXEC and O_NOFOLLOW are added. Errors: store.io_failed,
    // store.disk_full. [any]
    static Result<File> open(const std::filesystem::path& path, int flags, unsigned mode = 0600);

    bool is_open() const { return descriptor_ >= 0; }
    int descriptor() const { return descriptor_; }

    Result<void> write_at(std::uint64_t offset, std::string_view bytes);
    Result<std::string> read_at(std::uint64_t offset,
                                std::size_t size) const;  // shorter at the end of the file
    // How many bytes there were: less than `into` holds only at the end of the file.
    Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) const;
    Result<std::uint64_t> size() const;

    // fdatasync(2). After an error the caller must not try again: the kernel may have dropped the
    // pages.
    Result<void> sync();

  private:
    int descriptor_ = -1;
};

// Makes the names in a directory durable.
Result<void> sync_directory(const std::filesystem::path& directory);

// Bytes of the file system of `path`: what an unprivileged process may still write, and all.
struct Room {
    std::uint64_t free = 0;
    std::uint64_t total = 0;
};
Room room_of(const std::filesystem::path& path);

// What new journal files leave to the commits of the state, without which a backlog can't drain.
// When those commits have eaten half of it, events are refused: the other half is for draining.
std::uint64_t reserve_of(const Room& room);

// The error of a failed system call: store.disk_full for ENOSPC and EDQUOT, otherwise
// store.io_failed.
Error io_error(const std::string& what, int error_number);

}  // namespace syncline::store
