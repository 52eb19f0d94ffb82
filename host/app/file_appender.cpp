#include "app/file_appender.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "app/errc.hpp"
#include "core/log.hpp"
#include "core/thread_name.hpp"
#include "store/file.hpp"

namespace syncline::app {
namespace {

namespace fs = std::filesystem;

struct Append {
    fs::path file;
    std::string bytes;
    std::function<void(Result<void>)> done;
};

Error failure(const ErrorCode& code, const fs::path& path, int error_number) {
    return Error{code, path.string() + ": " + std::strerror(error_number)};
}

// A disk that is full or fails may recover; what else keeps a file from being opened stays.
const ErrorCode& code_of_open(int error_number) {
    const bool may_pass = error_number == ENOSPC || error_number == EDQUOT || error_number == EIO ||
                          error_number == EMFILE || error_number == ENFILE;
    return may_pass ? kAppendFailed : kFileUnusable;
}

// One file by its path. Concurrency: the appender's thread.
class Target {
  public:
    explicit Target(fs::path path) : path_(std::move(path)) {}

    // All of them, durable; a file that failed is opened anew the next time.
    Result<void> write(const std::vector<Append>& appends) {
        Result<void> written = try_to_write(appends);
        if (!written) file_ = store::File{};
        return written;
    }

  private:
    Result<void> try_to_write(const std::vector<Append>& appends) {
        SYNCLINE_CHECK(open());
        SYNCLINE_TRY(bool is_at_line_begin, ends_with_line());
        std::string bytes;
        for (const Append& append : appends) {
            if (append.bytes.empty()) continue;
            if (append.bytes.back() == '\n' && !is_at_line_begin) bytes += '\n';
            bytes += append.bytes;
            is_at_line_begin = append.bytes.back() == '\n';
        }
        std::string_view rest = bytes;
        while (!rest.empty()) {
            const ssize_t written = ::write(file_.descriptor(), rest.data(), rest.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) return failure(kAppendFailed, path_, errno);
            rest.remove_prefix(static_cast<std::size_t>(written));
        }
        if (::fdatasync(file_.descriptor()) != 0) return failure(kAppendFailed, path_, errno);
        return {};
    }

    // The file that the path names now, which after a rotation is another one.
    Result<void> open() {
        struct stat named {};
        const bool is_there = ::lstat(path_.c_str(), &named) == 0;
        if (is_there && file_.is_open() && named.st_dev == device_ && named.st_ino == inode_)
            return {};
        // O_NONBLOCK: a pipe without a reader fails instead of waiting for one.
        constexpr int kFlags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
        store::File file{::open(path_.c_str(), kFlags, 0640)};
        if (!file.is_open()) return failure(code_of_open(errno), path_, errno);
        struct stat opened {};
        if (::fstat(file.descriptor(), &opened) != 0) return failure(kAppendFailed, path_, errno);
        if (!S_ISREG(opened.st_mode))
            return Error{kFileUnusable, path_.string() + " is not a regular file"};
        if (!is_there) {
            const Result<void> synced = store::sync_directory(path_.parent_path());
            if (!synced) return Error{kAppendFailed, synced.error().what()};
        }
        file_ = std::move(file);
        device_ = opened.st_dev;
        inode_ = opened.st_ino;
        return {};
    }

    Result<bool> ends_with_line() const {
        struct stat now {};
        if (::fstat(file_.descriptor(), &now) != 0) return failure(kAppendFailed, path_, errno);
        if (now.st_size == 0) return true;
        char last = 0;
        if (::pread(file_.descriptor(), &last, 1, now.st_size - 1) < 0)
            return failure(kAppendFailed, path_, errno);
        return last == '\n';
    }

    const fs::path path_;
    store::File file_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

}  // namespace

// What the thread works on. It has a share: a disk may hold it longer than anybody waits.
struct FileAppender::Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Append> queue;
    std::size_t queued_bytes = 0;  // of what waits and of what is being written
    bool is_stopping = false;
    bool is_over = false;
    std::thread thread;

    void run() {
        core::name_this_thread("files");
        std::map<fs::path, Target> targets;
        for (;;) {
            std::deque<Append> taken;
            {
                std::unique_lock lock{mutex};
                changed.wait(lock, [&] { return !queue.empty() || is_stopping; });
                if (queue.empty()) break;
                taken.swap(queue);
            }
            write(targets, std::move(taken));
        }
        const std::lock_guard lock{mutex};
        is_over = true;
        changed.notify_all();
    }

    void write(std::map<fs::path, Target>& targets, std::deque<Append> taken) {
        std::map<fs::path, std::vector<Append>> groups;
        std::size_t bytes = 0;
        for (Append& append : taken) {
            bytes += append.bytes.size();
            groups[append.file].push_back(std::move(append));
        }
        for (auto& [file, appends] : groups) {
            const Result<void> written =
                targets.try_emplace(file, file).first->second.write(appends);
            for (const Append& append : appends) append.done(written);
        }
        const std::lock_guard lock{mutex};
        queued_bytes -= bytes;
    }
};

FileAppender::FileAppender() : shared_(std::make_shared<Shared>()) {}

FileAppender::~FileAppender() {
    stop(std::chrono::seconds{5});
}

bool FileAppender::append(fs::path file, std::string bytes,
                          std::function<void(Result<void>)> done) {
    Shared& shared = *shared_;
    const std::lock_guard lock{shared.mutex};
    const std::size_t after = shared.queued_bytes + bytes.size();
    if (shared.is_stopping || (shared.queued_bytes != 0 && after > kQueueBytesMax)) return false;
    shared.queued_bytes = after;
    shared.queue.push_back({std::move(file), std::move(bytes), std::move(done)});
    if (!shared.thread.joinable()) shared.thread = std::thread([kept = shared_] { kept->run(); });
    shared.changed.notify_all();
    return true;
}

void FileAppender::stop(std::chrono::milliseconds deadline) {
    Shared& shared = *shared_;
    std::unique_lock lock{shared.mutex};
    shared.is_stopping = true;
    shared.changed.notify_all();
    if (!shared.thread.joinable()) return;
    const bool is_over = shared.changed.wait_for(lock, deadline, [&] { return shared.is_over; });
    std::thread thread = std::move(shared.thread);
    lock.unlock();
    if (is_over) {
        thread.join();
    } else {
        core::log_error("app", "a disk holds appends to files; they are left behind");
        thread.detach();
    }
}

}  // namespace syncline::app
