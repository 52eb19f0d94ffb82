#include "support/disk_hooks.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>

namespace syncline::test {
namespace {

std::atomic<DiskHooks*> current_hooks{nullptr};

template <class Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

int do_sync(const char* name, int fd) {
    DiskHooks* hooks = current_hooks.load();
    if (hooks == nullptr) return next<int(int)>(name)(fd);
    if (int error = hooks->before_sync(fd); error != 0) {
        errno = error;
        return -1;
    }
    if (hooks->is_sync_lie(fd)) return 0;
    hooks->sync_begins(fd);
    int result = next<int(int)>(name)(fd);
    if (result == 0) hooks->synced(fd);
    return result;
}

}  // namespace

void set_disk_hooks(DiskHooks* hooks) {
    current_hooks = hooks;
}

}  // namespace syncline::test

using syncline::test::current_hooks;
using syncline::test::DiskHooks;
using syncline::test::next;

// The C library's own declarations carry exception specifications; these definitions match them.
extern "C" {

int open(const char* path, int flags, ...) {
    mode_t mode = 0;
    if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    auto* real = next<int(const char*, int, ...)>("open");
    DiskHooks* hooks = current_hooks.load();
    if (hooks == nullptr) return real(path, flags, mode);
    bool is_new = (flags & O_CREAT) != 0 && ::access(path, F_OK) != 0;
    int fd = real(path, flags, mode);
    if (fd >= 0) hooks->opened(fd, path, flags, is_new);
    return fd;
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
    auto* real = next<ssize_t(int, const void*, size_t, off_t)>("pwrite");
    DiskHooks* hooks = current_hooks.load();
    if (hooks == nullptr) return real(fd, data, size, offset);
    if (int error = hooks->before_write(fd, size); error != 0) {
        errno = error;
        return -1;
    }
    ssize_t written = real(fd, data, size, offset);
    if (written > 0) {
        hooks->written(fd, static_cast<std::uint64_t>(offset),
                       {static_cast<const char*>(data), static_cast<std::size_t>(written)});
    }
    return written;
}

ssize_t writev(int fd, const iovec* parts, int count) {
    auto* real = next<ssize_t(int, const iovec*, int)>("writev");
    DiskHooks* hooks = current_hooks.load();
    if (hooks == nullptr) return real(fd, parts, count);
    std::size_t size = 0;
    for (int i = 0; i < count; ++i) size += parts[i].iov_len;
    if (int error = hooks->before_write(fd, size); error != 0) {
        errno = error;
        return -1;
    }
    off_t offset = ::lseek(fd, 0, SEEK_CUR);
    ssize_t written = real(fd, parts, count);
    ssize_t left = written;
    for (int i = 0; i < count && left > 0 && offset >= 0; ++i) {
        auto part = std::min(static_cast<std::size_t>(left), parts[i].iov_len);
        hooks->written(fd, static_cast<std::uint64_t>(offset),
                       {static_cast<const char*>(parts[i].iov_base), part});
        offset += static_cast<off_t>(part);
        left -= static_cast<ssize_t>(part);
    }
    return written;
}

int fdatasync(int fd) {
    return syncline::test::do_sync("fdatasync", fd);
}
int fsync(int fd) {
    return syncline::test::do_sync("fsync", fd);
}

int posix_fallocate(int fd, off_t offset, off_t size) {
    int result = next<int(int, off_t, off_t)>("posix_fallocate")(fd, offset, size);
    DiskHooks* hooks = current_hooks.load();
    if (hooks != nullptr && result == 0)
        hooks->allocated(fd, static_cast<std::uint64_t>(offset + size));
    return result;
}

int unlink(const char* path) noexcept {
    int result = next<int(const char*)>("unlink")(path);
    DiskHooks* hooks = current_hooks.load();
    if (hooks != nullptr && result == 0) hooks->unlinked(path);
    return result;
}

int rename(const char* from, const char* to) noexcept {
    int result = next<int(const char*, const char*)>("rename")(from, to);
    DiskHooks* hooks = current_hooks.load();
    if (hooks != nullptr && result == 0) hooks->renamed(from, to);
    return result;
}

}  // extern "C"
