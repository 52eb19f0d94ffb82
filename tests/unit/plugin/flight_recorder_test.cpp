// A process dies in a connector's code; the next one reads who it was.
#include "plugin/flight_recorder.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <thread>

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace syncline::plugin;
using syncline::test::TempDir;

const FlightRecorder::Who kWho{"acme", "1.2.3", "abc123"};
const std::vector<Subject> kMessages{{7, 1, 2}, {8, 0, 2}};

// Runs it in a process of its own, which leaves no core.
void run_apart(const std::function<void()>& body) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const rlimit none{0, 0};
        ::setrlimit(RLIMIT_CORE, &none);
        // Those of the tests would tell of the death as if it were their own.
        for (const int fatal : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS}) std::signal(fatal, SIG_DFL);
        body();
        ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
}

// A connector's call that ends like this.
void die_in_call(const std::filesystem::path& file, const std::function<void()>& end) {
    run_apart([&] {
        auto recorder = FlightRecorder::open(file);
        if (!recorder) return;
        watch_deaths();
        const FlightRecorder::Seat seat{*recorder, kWho};
        note_subjects("acme-main", kMessages);
        const InFlight in_flight{"write()"};
        end();
    });
}

[[gnu::noinline]] int overflow_stack(int depth) {
    volatile char room[4096];
    room[0] = static_cast<char>(depth);
    return depth < 0 ? 0 : overflow_stack(depth + 1) + room[0];
}

void break_point() {
#if defined(__x86_64__)
    asm volatile("int3");
#else
    asm volatile("brk #0");
#endif
}

void call_what_is_forbidden() {
    sock_filter trap = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
    sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1), trap, allow};
    sock_fprog program{std::size(filter), filter};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
    ::getppid();
}

}  // namespace

TEST_CASE("flight recorder: whoever ends the process in a call is named, with its messages",
          "[plugin][flight][B2][B3]") {
    struct Way {
        const char* name;
        std::function<void()> end;
        std::string cause;  // empty: it leaves no trace
    };
    const Way ways[] = {
        {"a segmentation fault", [] { ::raise(SIGSEGV); }, "SIGSEGV"},
        {"abort()", [] { std::abort(); }, "SIGABRT"},
        {"a division by zero", [] { ::raise(SIGFPE); }, "SIGFPE"},
        {"a breakpoint", break_point, "SIGTRAP"},
        {"a system call that is forbidden", call_what_is_forbidden, "SIGSYS"},
        {"exit()", [] { std::exit(0); }, std::string{kExited}},
        {"quick_exit()", [] { std::quick_exit(0); }, std::string{kExited}},
        {"SIGKILL", [] { ::raise(SIGKILL); }, ""},
        {"_exit()", [] { ::_exit(3); }, ""},
    };
    TempDir directory;
    const auto file = directory / "flight";
    for (const Way& way : ways) {
        CAPTURE(way.name);
        die_in_call(file, way.end);
        const std::vector<Crash> crashes = FlightRecorder::read(file);
        REQUIRE(crashes.size() == 1);
        CHECK(crashes[0].connector == kWho.connector);
        CHECK(crashes[0].version == kWho.version);
        CHECK(crashes[0].sha256_hex == kWho.sha256_hex);
        CHECK(crashes[0].account == "acme-main");
        CHECK(crashes[0].call == "write()");
        CHECK(crashes[0].cause == way.cause);
        CHECK(crashes[0].subjects == kMessages);
    }
}

TEST_CASE("flight recorder: a stack that is full is a crash like any other",
          "[plugin][flight][B2]") {
    TempDir directory;
    const auto file = directory / "flight";
    die_in_call(file, [] { overflow_stack(0); });
    const std::vector<Crash> crashes = FlightRecorder::read(file);
    REQUIRE(crashes.size() == 1);
    CHECK(crashes[0].cause == "SIGSEGV");
}

TEST_CASE("flight recorder: nobody is blamed for what happens outside of a call",
          "[plugin][flight]") {
    TempDir directory;
    const auto file = directory / "flight";
    const auto die_after = [&](const std::function<void(FlightRecorder&)>& before) {
        run_apart([&] {
            auto recorder = FlightRecorder::open(file);
            if (!recorder) return;
            watch_deaths();
            const FlightRecorder::Seat seat{*recorder, kWho};
            before(**recorder);
            ::raise(SIGSEGV);
        });
    };
    SECTION("before and after calls") {
        die_after([](FlightRecorder&) { const InFlight in_flight{"write()"}; });
    }
    SECTION("while the call waits in the hub") {
        die_after([](FlightRecorder&) {
            const InFlight in_flight{"write()"};
            const Landed landed;
            ::raise(SIGSEGV);
        });
    }
    SECTION("when the process ends in order with a thread that is stuck") {
        run_apart([&] {
            auto recorder = FlightRecorder::open(file);
            if (!recorder) return;
            const FlightRecorder::Seat seat{*recorder, kWho};
            const InFlight in_flight{"write()"};
            (*recorder)->close();
            ::_exit(0);
        });
    }
    CHECK(FlightRecorder::read(file).empty());
}

#ifndef __SANITIZE_THREAD__  // which allows a forked process no threads
TEST_CASE("flight recorder: of many threads, the guilty alone are named", "[plugin][flight][B2]") {
    TempDir directory;
    const auto file = directory / "flight";
    run_apart([&] {
        auto recorder = FlightRecorder::open(file);
        if (!recorder) return;
        watch_deaths();
        std::promise<void> is_busy;
        std::thread{[&] {
            const FlightRecorder::Seat other{*recorder, {"other", "1.0.0", "def"}};
            const InFlight busy{"write()"};
            is_busy.set_value();
            for (;;) ::pause();
        }}.detach();
        is_busy.get_future().wait();
        const FlightRecorder::Seat seat{*recorder, kWho};
        const InFlight in_flight{"translate()"};
        ::raise(SIGBUS);
    });
    const std::vector<Crash> crashes = FlightRecorder::read(file);
    REQUIRE(crashes.size() == 1);
    CHECK(crashes[0].connector == "acme");
    CHECK(crashes[0].call == "translate()");
}
#endif

TEST_CASE("flight recorder: another file is not read for one", "[plugin][flight]") {
    TempDir directory;
    const auto file = directory / "flight";
    CHECK(FlightRecorder::read(file).empty());
    std::ofstream{file} << "something else";
    CHECK(FlightRecorder::read(file).empty());
    die_in_call(file, [] { ::raise(SIGSEGV); });
    REQUIRE(FlightRecorder::read(file).size() == 1);
    // Of another start of the machine.
    std::fstream{file, std::ios::in | std::ios::out | std::ios::binary}.seekp(8) << "elsewhere";
    CHECK(FlightRecorder::read(file).empty());
    die_in_call(file, [] { ::raise(SIGSEGV); });
    std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
    CHECK(FlightRecorder::read(file).empty());
}
