#include "core/replace_file.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace syncline::core {
namespace {

int write_durably(int descriptor, std::string_view bytes, mode_t mode) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return ::fchmod(descriptor, mode) == 0 && ::fsync(descriptor) == 0 ? 0 : errno;
}

int sync_folder(const std::filesystem::path& folder) {
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return errno;
    const int error = ::fsync(descriptor) == 0 ? 0 : errno;
    ::close(descriptor);
    return error;
}

}  // namespace

int replace_file(const std::filesystem::path& file, std::string_view bytes, mode_t mode) {
    const std::filesystem::path made =
        file.parent_path() / ("." + file.filename().string() + ".new");
    ::unlink(made.c_str());  // what a crash left, which may be readable by its owner alone
    const int descriptor =
        ::open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (descriptor < 0) return errno;
    int error = write_durably(descriptor, bytes, mode);
    if (::close(descriptor) != 0 && error == 0) error = errno;
    if (error == 0 && ::rename(made.c_str(), file.c_str()) != 0) error = errno;
    if (error == 0) return sync_folder(file.has_parent_path() ? file.parent_path() : ".");
    ::unlink(made.c_str());
    return error;
}

}  // namespace syncline::core
