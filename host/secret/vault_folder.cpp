#include "secret/vault_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/assert.hpp"
#include "core/fault.hpp"
#include "secret/descriptor.hpp"
#include "secret/errc.hpp"

namespace syncline::secret {
namespace {

constexpr const char* kFile = "secrets";
constexpr const char* kPrevious = "secrets.previous";
constexpr const char* kGeneration = "generation";

Error failed(const std::string& what, const std::filesystem::path& path) {
    return Error{kVaultFailed, what + " " + path.string() + ": " + std::strerror(errno)};
}

Result<void> write_all(int descriptor, std::string_view text, const std::filesystem::path& path) {
    while (!text.empty()) {
        const ssize_t written = ::write(descriptor, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return failed("can't write", path);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(descriptor) != 0) return failed("can't flush", path);
    return {};
}

Result<void> sync_folder(const std::filesystem::path& folder) {
    const Descriptor directory{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (directory.get() < 0 || ::fsync(directory.get()) != 0) return failed("can't flush", folder);
    return {};
}

Result<void> write_beside(const std::filesystem::path& file, std::string_view text) {
    const Descriptor made{
        ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (made.get() < 0) return failed("can't make", file);
    return write_all(made.get(), text, file);
}

Result<void> move_to(const std::filesystem::path& from, const std::filesystem::path& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) return failed("can't rename to", to);
    return {};
}

Result<std::string> read_file(const std::filesystem::path& file) {
    const Descriptor opened{::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
    if (opened.get() < 0) return failed("can't open", file);
    struct stat status {};
    if (::fstat(opened.get(), &status) != 0) return failed("can't read", file);
    if (status.st_size > static_cast<off_t>(VaultFolder::kFileBytesMax))
        return Error{kVaultFailed, file.string() + " is larger than 64 MiB"};
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t filled = 0;
    while (filled < text.size()) {
        const ssize_t count = ::read(opened.get(), text.data() + filled, text.size() - filled);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return failed("can't read", file);
        if (count == 0) break;
        filled += static_cast<std::size_t>(count);
    }
    text.resize(filled);
    return text;
}

}  // namespace

Result<void> write_new_file(const std::filesystem::path& file, std::string_view text,
                            unsigned mode) {
    {
        const Descriptor made{
            ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)};
        if (made.get() < 0) return failed("can't make", file);
        Result<void> written = write_all(made.get(), text, file);
        if (!written.has_value()) {
            ::unlink(file.c_str());
            return written;
        }
    }
    return sync_folder(file.has_parent_path() ? file.parent_path() : ".");
}

VaultFolder::VaultFolder(VaultFolder&& other) noexcept
    : folder_(std::move(other.folder_)), lock_(std::exchange(other.lock_, -1)) {}

VaultFolder& VaultFolder::operator=(VaultFolder&& other) noexcept {
    std::swap(folder_, other.folder_);
    std::swap(lock_, other.lock_);
    return *this;
}

VaultFolder::~VaultFolder() {
    if (lock_ >= 0) ::close(lock_);
}

bool VaultFolder::has_vault() const {
    struct stat status {};
    return ::lstat((folder_ / kFile).c_str(), &status) == 0;
}

Result<void> VaultFolder::make() {
    std::error_code error;
    std::filesystem::create_directories(folder_, error);
    errno = error.value();
    if (error || ::chmod(folder_.c_str(), 0700) != 0) return failed("can't make", folder_);
    return sync_folder(folder_.parent_path());
}

Result<void> VaultFolder::lock() {
    const std::filesystem::path file = folder_ / "lock";
    lock_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (lock_ < 0) return failed("can't open", file);
    if (::flock(lock_, LOCK_EX | LOCK_NB) == 0) return {};
    const bool is_busy = errno == EWOULDBLOCK;
    Error error = is_busy ? Error{kVaultBusy, "the vault " + folder_.string() + " is locked"}
                          : failed("can't lock", file);
    ::close(std::exchange(lock_, -1));
    return error;
}

Result<std::string> VaultFolder::read() const {
    if (!has_vault()) return Error{kVaultMissing, "there is no vault in " + folder_.string()};
    return read_file(folder_ / kFile);
}

std::string VaultFolder::read_generation() const {
    Result<std::string> text = read_file(folder_ / kGeneration);
    return text.has_value() ? std::move(*text) : std::string{};
}

Result<void> VaultFolder::replace(std::string_view vault, std::string_view generation) {
    SYNCLINE_ASSERT(is_locked());
    const std::filesystem::path file = folder_ / kFile;
    const std::filesystem::path made = folder_ / "secrets.new";
    SYNCLINE_CHECK(write_beside(made, vault));
    core::fail_point("vault.written");
    // The earlier generation gets its second name before the first one goes: there is always a
    // file.
    const std::filesystem::path kept = folder_ / "secrets.kept";
    ::unlink(kept.c_str());
    if (::link(file.c_str(), kept.c_str()) == 0) SYNCLINE_CHECK(move_to(kept, folder_ / kPrevious));
    core::fail_point("vault.kept");
    SYNCLINE_CHECK(move_to(made, file));
    core::fail_point("vault.renamed");
    SYNCLINE_CHECK(sync_folder(folder_));
    core::fail_point("vault.durable");
    const std::filesystem::path stamp = folder_ / "generation.new";
    SYNCLINE_CHECK(write_beside(stamp, generation));
    SYNCLINE_CHECK(move_to(stamp, folder_ / kGeneration));
    core::fail_point("vault.stamped");
    return sync_folder(folder_);
}

}  // namespace syncline::secret
