// The process of one test.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <iterator>
#include <utility>

#include "checker/check.hpp"
#include "checker/errc.hpp"

namespace syncline::checker {
namespace {

// The verdict's way out: what the connector prints must not get between. -1 when there is none.
int take_output() {
    const int output = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
    if (output < 0 || ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) return -1;
    return output;
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

Verdict judge(const Test& test, const Subject& subject) {
    const Result<Verdict> verdict = test.run(subject);
    return verdict ? *verdict : Verdict{Status::kSkipped, verdict.error().what()};
}

}  // namespace

int run_test(std::string_view name, const std::filesystem::path& library, std::uint64_t seed,
             std::shared_ptr<plugin::Expressions> expressions) {
    // Whoever waits for it has gone: so does it. And a crash is expected now and then.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    const int output = take_output();
    const Test* test = find_test(name);
    Verdict verdict{Status::kSkipped, "there is no such test"};
    if (test != nullptr) {
        auto subject = read_subject(library);
        if (subject) {
            subject->seed = seed;
            subject->expressions = std::move(expressions);
            subject->settings.assign(std::istreambuf_iterator<char>{std::cin}, {});
            verdict = judge(*test, *subject);
        } else {
            verdict.what = subject.error().what();
        }
    }
    const bool is_told = output >= 0 && write_all(output, write_verdict(verdict));
    // What a connector has left behind must not run now: the test is over.
    ::_exit(is_told ? 0 : 1);
}

}  // namespace syncline::checker
