#include "app/answering_core.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>

namespace syncline::app {
namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::milliseconds kLookEvery{500};
const std::filesystem::path kThreads = "/proc/self/task";
constexpr std::string_view kJournal = "journal";  // as its thread names itself

// Cores' worth of work from which on the answering threads are apart, and stay so.
constexpr double kBusy = 0.4, kStillBusy = 0.2;
// How much more than theirs the work of every other core may be then. Half as much again leaves a
// third of one core idle, which is what two cores lose where the kernel chooses.
constexpr double kShare = 1.25, kStillShare = 1.6;

nanoseconds now(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return std::chrono::seconds{time.tv_sec} + nanoseconds{time.tv_nsec};
}

std::string first_line(const std::filesystem::path& file) {
    std::ifstream in{file};
    std::string line;
    std::getline(in, line);
    return line;
}

std::vector<pid_t> threads() {
    std::vector<pid_t> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator{kThreads, error}) {
        const std::string name = entry.path().filename();
        pid_t id = 0;
        if (std::from_chars(name.data(), name.data() + name.size(), id).ec == std::errc{})
            found.push_back(id);
    }
    return found;
}

std::vector<pid_t> answering_threads() {
    std::vector<pid_t> found{::gettid()};
    for (const pid_t thread : threads())
        if (first_line(kThreads / std::to_string(thread) / "comm") == kJournal)
            found.push_back(thread);
    return found;
}

// utime and stime of proc_pid_stat(5), counted from behind the name, which may hold anything. None
// of a thread that has ended.
nanoseconds processor_time(pid_t thread) {
    const std::string line = first_line(kThreads / std::to_string(thread) / "stat");
    std::size_t at = line.rfind(')');
    for (int field = 2; field < 14 && at != std::string::npos; ++field)
        at = line.find(' ', at == std::string::npos ? at : at + 1);
    if (at == std::string::npos) return {};
    std::int64_t ticks = 0;
    for (int field = 0; field < 2; ++field) {
        std::int64_t value = 0;
        const auto read = std::from_chars(line.data() + at + 1, line.data() + line.size(), value);
        ticks += value;
        at = static_cast<std::size_t>(read.ptr - line.data());
    }
    return nanoseconds{std::chrono::seconds{1}} * ticks / ::sysconf(_SC_CLK_TCK);
}

}  // namespace

bool shall_answer_apart(const CoreUse& use, unsigned cores, bool is_apart) {
    if (cores < 2) return false;
    const double others_on_each = use.others / (cores - 1);
    return use.answering >= (is_apart ? kStillBusy : kBusy) &&
           others_on_each <= use.answering * (is_apart ? kStillShare : kShare);
}

void AnsweringCore::start() {
    timer_.expires_after(kLookEvery);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        look();
        start();
    });
}

void AnsweringCore::stop() {
    timer_.cancel();
    if (is_apart_) set_apart(false);
}

void AnsweringCore::look() {
    if (answering_.empty()) {  // the first look has nothing to compare with
        answering_ = answering_threads();
        use_since_last_look();
        return;
    }
    const CoreUse use = use_since_last_look();
    if (!know_allowed()) return;
    const auto cores = static_cast<unsigned>(CPU_COUNT(&allowed_));
    const bool shall_be_apart = shall_answer_apart(use, cores, is_apart_);
    // Apart is said again and again: threads have been made meanwhile.
    if (shall_be_apart || is_apart_) set_apart(shall_be_apart);
}

// While they are apart it is what was known before.
bool AnsweringCore::know_allowed() {
    return is_apart_ || ::sched_getaffinity(0, sizeof allowed_, &allowed_) == 0;
}

void AnsweringCore::set_apart(bool is_apart) {
    if (answering_.empty()) answering_ = answering_threads();
    if (!know_allowed()) return;
    cpu_set_t own = allowed_, rest = allowed_;
    if (is_apart) {
        const auto here = static_cast<std::size_t>(::sched_getcpu());
        CPU_ZERO(&own);
        CPU_SET(here, &own);
        CPU_CLR(here, &rest);
    }
    is_apart_ = is_apart;
    for (const pid_t thread : threads()) {
        const bool answers =
            std::find(answering_.begin(), answering_.end(), thread) != answering_.end();
        // A thread that has just ended, or a cpuset that has just shrunk: the next look sees it.
        ::sched_setaffinity(thread, sizeof own, answers ? &own : &rest);
    }
}

CoreUse AnsweringCore::use_since_last_look() {
    const nanoseconds looked = now(CLOCK_MONOTONIC), all = now(CLOCK_PROCESS_CPUTIME_ID);
    nanoseconds answering{0};
    for (const pid_t thread : answering_) answering += processor_time(thread);
    const auto elapsed = static_cast<double>((looked - looked_).count());
    const auto used = static_cast<double>((all - all_used_).count());
    CoreUse use;
    use.answering = static_cast<double>((answering - answering_used_).count()) / elapsed;
    use.others = std::max(0.0, used / elapsed - use.answering);
    looked_ = looked;
    answering_used_ = answering;
    all_used_ = all;
    return use;
}

}  // namespace syncline::app
