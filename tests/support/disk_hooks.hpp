// Lets a test see and fail the system calls with which files become durable.
//
// A test binary that compiles disk_hooks.cpp in replaces open, pwrite, writev, fdatasync and the
// like for everything in the process, liblmdb included. Without hooks they do what they always do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace syncline::test {

// Every method may be called from any thread. An answer other than 0 becomes errno, and the call is
// not made.
class DiskHooks {
  public:
    virtual ~DiskHooks() = default;
    virtual int before_write(int /*fd*/, std::size_t /*size*/) { return 0; }
    virtual int before_sync(int /*fd*/) { return 0; }
    virtual bool is_sync_lie(int /*fd*/) { return false; }  // true: report success without a flush
    virtual void opened(int /*fd*/, const char* /*path*/, int /*flags*/, bool /*is_new*/) {}
    virtual void written(int /*fd*/, std::uint64_t /*offset*/, std::string_view /*bytes*/) {}
    virtual void sync_begins(int /*fd*/) {}
    virtual void synced(int /*fd*/) {}
    virtual void allocated(int /*fd*/, std::uint64_t /*size*/) {}
    virtual void unlinked(const char* /*path*/) {}
    virtual void renamed(const char* /*from*/, const char* /*to*/) {}
};

// For the whole process; null for none. The hooks must outlive every call that began while they
// were set.
void set_disk_hooks(DiskHooks* hooks);

}  // namespace syncline::test
