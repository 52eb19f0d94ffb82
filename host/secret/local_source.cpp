#include "secret/local_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "config/errc.hpp"
#include "secret/descriptor.hpp"

namespace syncline::secret {
namespace {

constexpr mode_t kOwnerReadWrite = 0600;

Error open_error(const std::filesystem::path& path, int reason) {
    const std::string file = "the secret file " + path.string();
    if (reason == ENOENT) return {config::kFileMissing, file + " does not exist"};
    if (reason == ELOOP) return {config::kFileMode, file + " is a symbolic link"};
    return {config::kFileUnreadable, file + " can't be opened: " + std::strerror(reason)};
}

Result<std::string> read_all(int descriptor, const std::filesystem::path& path) {
    std::string text(LocalSource::kFileBytesMax + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t count = ::read(descriptor, text.data() + size, text.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0)
            return Error{config::kFileUnreadable, "the secret file " + path.string() +
                                                      " can't be read: " + std::strerror(errno)};
        if (count == 0) break;
        size += static_cast<std::size_t>(count);
    }
    if (size > LocalSource::kFileBytesMax)
        return Error{config::kFileUnreadable,
                     "the secret file " + path.string() + " is larger than 64 KiB"};
    text.resize(size);
    return text;
}

}  // namespace

std::optional<std::string> LocalSource::environment(const std::string& name) const {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return std::string{value};
}

Result<std::string> LocalSource::file(const std::filesystem::path& path) const {
    // Checked on the open descriptor, so that nobody can exchange the file between the check and
    // the reading. Without O_NONBLOCK, opening a named pipe would wait for ever.
    const Descriptor descriptor{
        ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
    if (descriptor.get() < 0) return open_error(path, errno);
    struct stat status {};
    if (::fstat(descriptor.get(), &status) != 0) return open_error(path, errno);
    if (!S_ISREG(status.st_mode))
        return Error{config::kFileMode,
                     "the secret file " + path.string() + " is not a regular file"};
    if ((status.st_mode & 07777 & ~kOwnerReadWrite) != 0)
        return Error{config::kFileMode,
                     "the secret file " + path.string() + " is open to more than its owner"};
    SYNCLINE_TRY(std::string text, read_all(descriptor.get(), path));
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    return text;
}

}  // namespace syncline::secret
