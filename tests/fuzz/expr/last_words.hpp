// What a fuzzing program says when it dies or hangs: which case it was at, so that it can be
// repeated.
#pragma once

#include <csignal>
#include <string>
#include <string_view>

#include <sys/time.h>
#include <unistd.h>

namespace syncline::fuzz {

// Purpose: prints the current case on abort, on a fault and when a case uses too much processor
//   time; then the process ends as it would have. Processor time, because a busy machine is no
//   hang.
// Concurrency: one thread, one object at a time. A sanitizer's own handlers stay in place.
class LastWords {
  public:
    explicit LastWords(int cpu_seconds_max) : cpu_seconds_max_(cpu_seconds_max) {
        static char stack[1 << 16];  // the case may have used up the other one
        stack_t alternative{};
        alternative.ss_sp = stack;
        alternative.ss_size = sizeof stack;
        ::sigaltstack(&alternative, nullptr);
        for (int number : {SIGABRT, SIGSEGV, SIGFPE, SIGPROF}) {
            struct sigaction old {};
            ::sigaction(number, nullptr, &old);
            if (old.sa_handler != SIG_DFL) continue;
            struct sigaction action {};
            action.sa_handler = say;
            action.sa_flags = SA_ONSTACK | static_cast<int>(SA_RESETHAND);
            ::sigaction(number, &action, nullptr);
        }
    }

    // A case begins; `repeat` is what to call to have it again.
    void begin(std::string repeat) {
        text() = "\nDIED OR HUNG; repeat it with " + std::move(repeat) + "\n";
        if (cases_++ % kCasesPerTimer != 0) return;
        const itimerval limit{{}, {cpu_seconds_max_, 0}};
        ::setitimer(ITIMER_PROF, &limit, nullptr);
    }

  private:
    static constexpr unsigned kCasesPerTimer = 64;

    static std::string& text() {
        static std::string text;
        return text;
    }
    static void say(int number) {
        const std::string_view words = text();
        if (::write(STDOUT_FILENO, words.data(), words.size()) < 0) ::_exit(1);
        ::raise(number);  // the handler is reset: the process ends by it
    }

    int cpu_seconds_max_;
    unsigned cases_ = 0;
};

}  // namespace syncline::fuzz
