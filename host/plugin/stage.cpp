#include "plugin/stage.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "plugin/errc.hpp"
#include "plugin/file_descriptor.hpp"

namespace syncline::plugin {
namespace {

constexpr std::size_t kHashDigits = 16;

Error failed(const std::filesystem::path& path, std::string what) {
    return Error{kStageFailed, std::move(what)}.at(path.string());
}

Error failed(const std::filesystem::path& path, const char* what, int error) {
    return failed(path, std::string{what} + ": " + std::strerror(error));
}

Result<void> write_all(int fd, const std::filesystem::path& path, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(fd, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return failed(path, "can't write the copy of a connector", errno);
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

// What happened to names in the directory above is durable.
Result<void> sync_parent(const std::filesystem::path& path) {
    const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
    const FileDescriptor fd{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd.is_open() || ::fsync(fd.get()) != 0)
        return failed(parent, "can't flush the directory", errno);
    return {};
}

}  // namespace

Result<void> prepare_stage(const std::filesystem::path& directory) {
    std::error_code error;
    std::filesystem::create_directories(directory.parent_path(), error);
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
        return failed(directory, "can't make the directory for copies of connectors", errno);
    }
    const FileDescriptor fd{
        ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    struct stat status {};
    if (!fd.is_open() || ::fstat(fd.get(), &status) != 0) {
        return failed(directory, "can't open the directory for copies of connectors", errno);
    }
    if (status.st_uid != ::geteuid()) {
        return failed(directory, "the directory for copies of connectors belongs to another user");
    }
    if (::fchmod(fd.get(), 0700) != 0) {
        return failed(directory, "can't make the directory for copies private", errno);
    }
    // Copies alone are removed: a wrong path in the configuration must not empty somebody's
    // directory.
    std::filesystem::directory_iterator entry{directory, error};
    for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
        std::error_code ignored;
        if (entry->path().extension() == ".so") std::filesystem::remove(entry->path(), ignored);
    }
    if (error) return failed(directory, "can't list it: " + error.message());
    return {};
}

Result<std::filesystem::path> stage_library(const std::filesystem::path& directory,
                                            std::string_view id, std::uint64_t generation,
                                            std::string_view sha256_hex, std::string_view bytes) {
    std::string name{id};
    name += '-';
    name += sha256_hex.substr(0, kHashDigits);
    name += "-g" + std::to_string(generation) + ".so";
    std::filesystem::path path = std::filesystem::absolute(directory) / name;
    const FileDescriptor fd{
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0500)};
    if (!fd.is_open()) return failed(path, "can't make the copy of a connector", errno);
    if (auto written = write_all(fd.get(), path, bytes); !written) {
        std::error_code ignored;
        std::filesystem::remove(path, ignored);
        return std::move(written).error();
    }
    return path;
}

Result<void> make_private_directory(const std::filesystem::path& directory) {
    if (::mkdir(directory.c_str(), 0700) == 0) return sync_parent(directory);
    if (errno == EEXIST) return {};
    return failed(directory, "can't make the directory", errno);
}

}  // namespace syncline::plugin
