#include "app/answering_core.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace syncline::app {
namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::milliseconds kLookEvery{500};
const std::filesystem::path kThreads = "/proc/self/task";

// Cores' worth of work from which on the answering threads are apart, and stay so.
constexpr double kBusy = 0.4, kStillBusy = 0.2;
// How much more than theirs the work of every other core may be then. Half as much again leaves a
// third of one core idle, which is what two cores lose where the kernel chooses.
constexpr double kShare = 1.25, kStillShare = 1.6;
// With less than this share of their time left the cores are full. What is left before they are
// apart is what the kernel's choices waste, and all that there is to gain.
constexpr double kIdle = 0.15, kStillIdle = 0.05;
constexpr std::chrono::seconds kTogetherWhenFull{30};

nanoseconds now(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return std::chrono::seconds{time.tv_sec} + nanoseconds{time.tv_nsec};
}

std::size_t number_in(const std::string& text) {
    std::size_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

std::vector<pid_t> threads() {
    std::vector<pid_t> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator{kThreads, error})
        found.push_back(static_cast<pid_t>(number_in(entry.path().filename())));
    return found;
}

}  // namespace

bool shall_answer_apart(const CoreUse& use, unsigned cores, bool is_apart) {
    if (cores < 2) return false;
    const double others_on_each = use.others / (cores - 1);
    // While it is not known nothing is changed.
    const double idle = use.idle.value_or(is_apart ? kStillIdle : 0);
    return idle >= (is_apart ? kStillIdle : kIdle) &&
           use.answering >= (is_apart ? kStillBusy : kBusy) &&
           others_on_each <= use.answering * (is_apart ? kStillShare : kShare);
}

// The fourth and fifth figure of proc_stat(5): idle, and idle while a disk works.
double idle_time(std::istream& stat, const cpu_set_t& cores) {
    constexpr std::string_view kCore = "cpu";
    double ticks = 0;
    for (std::string line, word; std::getline(stat, line);) {
        std::istringstream columns{line};
        columns >> word;
        if (!word.starts_with(kCore) || word.size() == kCore.size()) continue;
        if (!CPU_ISSET(number_in(word.substr(kCore.size())), &cores)) continue;
        double user = 0, nice = 0, system = 0, idle = 0, waiting = 0;
        columns >> user >> nice >> system >> idle >> waiting;
        ticks += idle + waiting;
    }
    return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::optional<std::size_t> most_interrupted(std::istream& interrupts, const cpu_set_t& allowed) {
    std::string line, word;
    std::getline(interrupts, line);
    std::vector<std::pair<std::size_t, std::uint64_t>> cores;  // by column
    for (std::istringstream names{line}; names >> word;)
        cores.emplace_back(number_in(word.substr(std::min<std::size_t>(3, word.size()))), 0);
    while (std::getline(interrupts, line)) {
        std::istringstream columns{line};
        columns >> word;
        if (word.empty() || word.find_first_not_of("0123456789:") != std::string::npos) continue;
        std::uint64_t count = 0;
        for (auto core = cores.begin(); core != cores.end() && columns >> count; ++core)
            core->second += count;
    }
    std::optional<std::pair<std::size_t, std::uint64_t>> most;
    for (const auto& core : cores)
        if (CPU_ISSET(core.first, &allowed) && (!most || core.second > most->second)) most = core;
    if (!most) return std::nullopt;
    return most->first;
}

void AnsweringCore::start() {
    timer_.expires_after(kLookEvery);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error || is_over_) return;
        look();
        start();
    });
}

void AnsweringCore::stop() {
    is_over_ = true;
    timer_.cancel();
    if (is_apart_) set_apart(false);
}

void AnsweringCore::look() {
    const bool is_first = looked_ == nanoseconds{0};
    if (!know_allowed()) return;
    const CoreUse use = use_since_last_look();
    if (is_first) return;
    const auto cores = static_cast<unsigned>(CPU_COUNT(&allowed_));
    if (is_apart_ && use.idle.value_or(1) < kStillIdle)
        together_until_ = looked_ + kTogetherWhenFull;
    const bool shall_be_apart =
        looked_ >= together_until_ && shall_answer_apart(use, cores, is_apart_);
    // Apart is said again and again: threads have been made meanwhile.
    if (shall_be_apart || is_apart_) set_apart(shall_be_apart);
}

// While they are apart it is what was known before.
bool AnsweringCore::know_allowed() {
    return is_apart_ || ::sched_getaffinity(0, sizeof allowed_, &allowed_) == 0;
}

cpu_set_t AnsweringCore::cores_of_others() const {
    cpu_set_t cores = allowed_;
    if (is_apart_) CPU_CLR(core_, &cores);
    return cores;
}

void AnsweringCore::set_apart(bool is_apart) {
    if (!know_allowed()) return;
    if (is_apart && !is_apart_) {
        std::ifstream interrupts{"/proc/interrupts"};
        core_ = most_interrupted(interrupts, allowed_)
                    .value_or(static_cast<std::size_t>(::sched_getcpu()));
    }
    if (is_apart != is_apart_) idle_s_.reset();  // it is of other cores now
    is_apart_ = is_apart;
    cpu_set_t own = allowed_;
    const cpu_set_t rest = cores_of_others();
    if (is_apart) {
        CPU_ZERO(&own);
        CPU_SET(core_, &own);
    }
    for (const pid_t thread : threads()) {
        const bool answers = thread == ::gettid() || thread == journal_.id;
        // A thread that has just ended, or a cpuset that has just shrunk: the next look sees it.
        ::sched_setaffinity(thread, sizeof own, answers ? &own : &rest);
    }
}

CoreUse AnsweringCore::use_since_last_look() {
    const nanoseconds looked = now(CLOCK_MONOTONIC), all = now(CLOCK_PROCESS_CPUTIME_ID);
    const nanoseconds answering = now(CLOCK_THREAD_CPUTIME_ID) + now(journal_.clock);
    const auto elapsed = static_cast<double>((looked - looked_).count());
    const auto used = static_cast<double>((all - all_used_).count());
    CoreUse use;
    use.answering = static_cast<double>((answering - answering_used_).count()) / elapsed;
    use.others = std::max(0.0, used / elapsed - use.answering);
    // The text is long on a machine of many cores: a hub at rest does not read it.
    if (use.answering < kStillBusy) {
        idle_s_.reset();
    } else {
        std::ifstream stat{"/proc/stat"};
        const cpu_set_t cores = cores_of_others();
        const double idle_s = idle_time(stat, cores);
        if (idle_s_) use.idle = (idle_s - *idle_s_) * 1e9 / elapsed / CPU_COUNT(&cores);
        idle_s_ = idle_s;
    }
    looked_ = looked;
    answering_used_ = answering;
    all_used_ = all;
    return use;
}

}  // namespace syncline::app
