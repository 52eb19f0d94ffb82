#include "app/directory_watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "app/errc.hpp"
#include "core/log.hpp"
#include "core/thread_name.hpp"

namespace syncline::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLookAgain{1'000};  // for a directory that is gone
constexpr int kQuietTimesMax = 10;         // then it is told although there is no quiet
constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                                  IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

// Rounded up: a wait that ends too early is one more turn.
int timeout_ms(std::optional<steady_clock::time_point> until) {
    if (!until) return -1;
    const auto left = std::chrono::ceil<milliseconds>(*until - steady_clock::now());
    return static_cast<int>(std::clamp<milliseconds::rep>(left.count(), 0, 60'000));
}

}  // namespace

bool is_library(std::string_view name) {
    return !name.starts_with('.') && name.ends_with(".so");
}

Result<std::unique_ptr<DirectoryWatch>> DirectoryWatch::start(Options options) {
    const int inotify = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    const int wake = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    std::unique_ptr<DirectoryWatch> watch{new DirectoryWatch{std::move(options), inotify, wake}};
    if (inotify < 0 || wake < 0 || !watch->watch_directory()) {
        return Error{kWatchFailed, std::string{"changes of the directory are not noticed: "} +
                                       std::strerror(errno)}
            .at(watch->options_.directory.string());
    }
    watch->thread_ = std::jthread{[self = watch.get()](const std::stop_token& stop) {
        core::name_this_thread("watch");
        self->run(stop);
        self->is_over_ = true;
    }};
    return watch;
}

DirectoryWatch::DirectoryWatch(Options options, int inotify, int wake)
    : options_(std::move(options)), inotify_(inotify), wake_(wake) {}

DirectoryWatch::~DirectoryWatch() {
    request_stop();
    if (thread_.joinable()) thread_.join();
    if (inotify_ >= 0) ::close(inotify_);
    if (wake_ >= 0) ::close(wake_);
}

void DirectoryWatch::request_stop() {
    thread_.request_stop();
    if (wake_ >= 0) ::eventfd_write(wake_, 1);
}

bool DirectoryWatch::watch_directory() {
    directory_ = ::inotify_add_watch(inotify_, options_.directory.c_str(), kEvents);
    return directory_ >= 0;
}

void DirectoryWatch::run(const std::stop_token& stop) {
    // What changed before the watch began.
    std::optional<steady_clock::time_point> due = steady_clock::now();
    std::optional<steady_clock::time_point> again;
    auto due_last = *due;
    while (!stop.stop_requested()) {
        auto until = due ? due : again;
        if (directory_ < 0)
            until = std::min(until.value_or(steady_clock::time_point::max()),
                             steady_clock::now() + kLookAgain);
        pollfd ready[] = {{inotify_, POLLIN, 0}, {wake_, POLLIN, 0}};
        if (::poll(ready, 2, timeout_ms(until)) < 0 && errno != EINTR) {
            return core::log_error("app", Error{kWatchFailed, std::strerror(errno)});
        }
        bool has_changed = read_events();
        if (directory_ < 0) has_changed |= watch_directory();
        const bool has_run = run_tasks(stop);
        const auto now = steady_clock::now();
        if (has_changed) {
            if (!due) due_last = now + kQuietTimesMax * options_.quiet;
            due = std::min(now + options_.quiet, due_last);
        }
        if (has_run || (!due && again && now >= *again)) due = now;
        if (!due || now < *due || stop.stop_requested()) continue;
        due.reset();
        const auto next = options_.changed(stop);
        again = next ? std::optional{steady_clock::now() + *next} : std::nullopt;
    }
}

bool DirectoryWatch::post(Task task) {
    {
        const std::lock_guard lock{mutex_};
        if (tasks_.size() >= kTasksMax) return false;
        tasks_.push_back(std::move(task));
    }
    ::eventfd_write(wake_, 1);
    return true;
}

bool DirectoryWatch::run_tasks(const std::stop_token& stop) {
    eventfd_t ignored = 0;
    ::eventfd_read(wake_, &ignored);
    bool has_run = false;
    while (!stop.stop_requested()) {
        Task task;
        {
            const std::lock_guard lock{mutex_};
            if (tasks_.empty()) break;
            task = std::move(tasks_.front());
            tasks_.pop_front();
        }
        task(stop);
        has_run = true;
    }
    return has_run;
}

// Whether one of them is about a file of interest or the directory itself, or there were too many.
bool DirectoryWatch::read_events() {
    bool has_changed = false;
    alignas(inotify_event) char bytes[4096];
    for (;;) {
        const ssize_t count = ::read(inotify_, bytes, sizeof bytes);
        if (count <= 0) return has_changed;
        for (const char* at = bytes; at < bytes + count;) {
            const auto* event = reinterpret_cast<const inotify_event*>(at);
            at += sizeof *event + event->len;
            if ((event->mask & IN_Q_OVERFLOW) != 0) has_changed = true;
            if ((event->mask & IN_MOVE_SELF) != 0) ::inotify_rm_watch(inotify_, event->wd);
            if ((event->mask & IN_IGNORED) != 0 && event->wd == directory_) {
                directory_ = -1;
                has_changed = true;
            }
            if (event->len > 0 && options_.is_of_interest(event->name)) has_changed = true;
        }
    }
}

}  // namespace syncline::app
