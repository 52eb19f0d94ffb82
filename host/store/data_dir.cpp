#include "store/data_dir.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
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

Error unusable(const std::string& what, int error_number) {
    if (error_number == ENOSPC || error_number == EDQUOT) return io_error(what, error_number);
    return Error{kDirectoryUnusable, what + ": " + std::strerror(error_number)};
}

// With its parents, as far as they are missing; each new name is made durable, or a power cut takes
// everything below it.
Result<void> make_directory(const std::filesystem::path& path) {
    if (::mkdir(path.c_str(), 0700) == 0) return sync_directory(path.parent_path());
    if (errno == EEXIST) return {};
    if (errno != ENOENT || path == path.parent_path())
        return unusable("can't create " + path.string(), errno);
    SYNCLINE_CHECK(make_directory(path.parent_path()));
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        return unusable("can't create " + path.string(), errno);
    return sync_directory(path.parent_path());
}

// The directory under its real name: symbolic links on the way to it are the operator's business.
Result<std::filesystem::path> make_directories(const std::filesystem::path& wanted) {
    std::error_code error;
    std::filesystem::path path =
        std::filesystem::weakly_canonical(std::filesystem::absolute(wanted, error), error);
    if (error) return unusable("can't resolve " + wanted.string(), error.value());
    for (const auto& directory : {path, path / "journal", path / "state", path / "bodies"}) {
        SYNCLINE_CHECK(make_directory(directory));
    }
    if (::access(path.c_str(), W_OK | X_OK) != 0)
        return unusable("can't write to " + path.string(), errno);
    SYNCLINE_CHECK(sync_directory(path));
    return path;
}

}  // namespace

const char* unsafe_filesystem_name(long type) {
    switch (type) {
        case NFS_SUPER_MAGIC:
            return "NFS";
        case V9FS_MAGIC:
            return "9p";
        case OVERLAYFS_SUPER_MAGIC:
            return "overlayfs";
        case kCifsMagic:
        case kSmb2Magic:
            return "SMB";
        case kFuseMagic:
            return "FUSE";
        default:
            return nullptr;
    }
}

Result<DataDir> DataDir::open(const std::filesystem::path& wanted, bool allow_unsafe_filesystem) {
    SYNCLINE_TRY(std::filesystem::path path, make_directories(wanted));
    struct statfs info {};
    if (::statfs(path.c_str(), &info) != 0)
        return unusable("can't look at " + path.string(), errno);
    const char* name = unsafe_filesystem_name(static_cast<long>(info.f_type));
    if (name != nullptr && !allow_unsafe_filesystem) {
        return Error{kUnsafeFilesystem, path.string() + " is on " + name};
    }
    DataDir directory;
    directory.path_ = path;
    int descriptor =
        ::open((path / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) {
        return unusable("can't create " + (path / ".lock").string(), errno);
    }
    directory.lock_ = File{descriptor};
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        SYNCLINE_TRY(std::string owner, directory.lock_.read_at(0, 32));
        return Error{kInUse,
                     path.string() + " is in use by process " + owner.substr(0, owner.find('\n'))};
    }
    std::string owner = std::to_string(::getpid()) + "\n";
    if (::ftruncate(descriptor, 0) == 0) (void)directory.lock_.write_at(0, owner);
    return directory;
}

void DataDir::make_ballast() const {
    std::filesystem::path file = path_ / "ballast";
    if (!std::filesystem::exists(file)) (void)prepare_segment(file, kBallastBytes, false);
}

bool DataDir::drop_ballast() const {
    return ::unlink((path_ / "ballast").c_str()) == 0;
}

}  // namespace syncline::store
