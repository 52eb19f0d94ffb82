#include "store/data_dir.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "store/errc.hpp"
#include "store/segment.hpp"

namespace syncline::store {
namespace {

constexpr std::uint64_t kBallastBytes = 8 * 1024 * 1024;
constexpr long kCifsMagic = 0xFF534D42;
constexpr long kSmb2Magic = 0xFE534D42;
constexpr long kFuseMagic = 0x65735546;

// File systems on which locks, memory maps or flushes do not mean what a durable store needs.
const char* unsafe_filesystem(const std::filesystem::path& path) {
    struct statfs info{};
    if (::statfs(path.c_str(), &info) != 0) return nullptr;
    switch (static_cast<long>(info.f_type)) {
        case NFS_SUPER_MAGIC: return "NFS";
        case V9FS_MAGIC: return "9p";
        case OVERLAYFS_SUPER_MAGIC: return "overlayfs";
        case kCifsMagic:
        case kSmb2Magic: return "SMB";
        case kFuseMagic: return "FUSE";
        default: return nullptr;
    }
}

Result<void> make_directory(const std::filesystem::path& path) {
    if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
    int error = errno;
    if (error == ENOSPC || error == EDQUOT) return io_error("can't create " + path.string(), error);
    return Error{kDirectoryUnusable, "can't create " + path.string() + ": " + std::strerror(error)};
}

Result<void> make_directories(const std::filesystem::path& path) {
    std::error_code ignored;
    std::filesystem::create_directories(path.parent_path(), ignored);
    for (const auto& directory : {path, path / "journal", path / "state", path / "bodies"}) {
        SYNCLINE_CHECK(make_directory(directory));
    }
    if (::access(path.c_str(), W_OK | X_OK) != 0) {
        return Error{kDirectoryUnusable, "can't write to " + path.string() + ": " + std::strerror(errno)};
    }
    return sync_directory(path);
}

}  // namespace

Result<DataDir> DataDir::open(const std::filesystem::path& path, bool allow_unsafe_filesystem) {
    SYNCLINE_CHECK(make_directories(path));
    if (const char* name = unsafe_filesystem(path); name != nullptr && !allow_unsafe_filesystem) {
        return Error{kUnsafeFilesystem, path.string() + " is on " + name};
    }
    DataDir directory;
    directory.path_ = path;
    int descriptor = ::open((path / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) {
        int error = errno;
        if (error == ENOSPC || error == EDQUOT) return io_error("can't create " + (path / ".lock").string(), error);
        return Error{kDirectoryUnusable, "can't create " + (path / ".lock").string() + ": " + std::strerror(error)};
    }
    directory.lock_ = File{descriptor};
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        SYNCLINE_TRY(std::string owner, directory.lock_.read_at(0, 32));
        return Error{kInUse, path.string() + " is in use by process " + owner.substr(0, owner.find('\n'))};
    }
    std::string owner = std::to_string(::getpid()) + "\n";
    if (::ftruncate(descriptor, 0) == 0) (void)directory.lock_.write_at(0, owner);
    return directory;
}

void DataDir::make_ballast() const {
    std::filesystem::path file = path_ / "ballast";
    if (!std::filesystem::exists(file)) (void)prepare_segment(file, kBallastBytes, false);
}

bool DataDir::drop_ballast() const { return ::unlink((path_ / "ballast").c_str()) == 0; }

std::uint64_t DataDir::bytes_free() const {
    struct statvfs info{};
    if (::statvfs(path_.c_str(), &info) != 0) return 0;
    return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

}  // namespace syncline::store
