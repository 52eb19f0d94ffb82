#include "checker/processes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <list>
#include <utility>

#include "plugin/file_descriptor.hpp"

namespace syncline::checker {
namespace {

using plugin::FileDescriptor;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLook{20};

struct Running {
    std::size_t index;
    pid_t pid;
    FileDescriptor output, said;
    steady_clock::time_point begun;
    std::chrono::milliseconds limit;
    Ended ended;
};

// Not inherited; the end that is read from does not block.
bool make_pipe(FileDescriptor& from, FileDescriptor& to) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    from = FileDescriptor{ends[0]};
    to = FileDescriptor{ends[1]};
    return ::fcntl(from.get(), F_SETFL, O_NONBLOCK) == 0;
}

// 0, or the number of the error. The process leads a group of its own.
int spawn(const Command& command, int output, int said, pid_t& pid) {
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, command.input.c_str(), O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, said, STDERR_FILENO);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    std::vector<char*> words;
    for (const std::string& word : command.words) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const int failed = ::posix_spawn(&pid, words[0], &actions, &attributes, words.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    return failed;
}

// What has come; false at the end.
bool drain(int fd, std::string& into) {
    char piece[4096];
    for (;;) {
        const ssize_t got = ::read(fd, piece, sizeof piece);
        if (got == 0) return false;
        if (got < 0) return errno == EAGAIN || errno == EINTR;
        if (into.size() < 16 * kOutputBytesMax) into.append(piece, static_cast<std::size_t>(got));
    }
}

// Whether it has ended, by itself or because its time is over.
bool has_ended(Running& running) {
    drain(running.output.get(), running.ended.output);
    drain(running.said.get(), running.ended.last_said);
    if (running.ended.last_said.size() > kSaidBytesMax)
        running.ended.last_said.erase(0, running.ended.last_said.size() - kSaidBytesMax);
    running.ended.took =
        std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - running.begun);
    int status = 0;
    pid_t gone = ::waitpid(running.pid, &status, WNOHANG);
    if (gone == 0 && running.ended.took < running.limit) return false;
    if (gone == 0) {
        running.ended.is_late = true;
        ::kill(-running.pid, SIGKILL);
        gone = ::waitpid(running.pid, &status, 0);
    }
    ::kill(-running.pid, SIGKILL);  // whoever it has left behind
    drain(running.output.get(), running.ended.output);
    drain(running.said.get(), running.ended.last_said);
    if (WIFSIGNALED(status)) running.ended.signal = WTERMSIG(status);
    if (WIFEXITED(status)) running.ended.exit_code = WEXITSTATUS(status);
    return true;
}

void wait_for_some(const std::list<Running>& all) {
    std::vector<pollfd> fds;
    for (const Running& running : all) {
        fds.push_back({running.output.get(), POLLIN, 0});
        fds.push_back({running.said.get(), POLLIN, 0});
    }
    ::poll(fds.data(), fds.size(), static_cast<int>(kLook.count()));
}

}  // namespace

std::vector<Ended> run_all(const std::vector<Command>& commands, std::size_t jobs) {
    std::vector<Ended> results(commands.size());
    std::list<Running> running;
    std::size_t next = 0;
    while (next < commands.size() || !running.empty()) {
        while (next < commands.size() && running.size() < std::max<std::size_t>(jobs, 1)) {
            const Command& command = commands[next];
            FileDescriptor output, said, to_output, to_said;
            pid_t pid = 0;
            int failed = EMFILE;
            if (make_pipe(output, to_output) && make_pipe(said, to_said))
                failed = spawn(command, to_output.get(), to_said.get(), pid);
            if (failed != 0) {
                results[next].exit_code = 127;
                results[next].last_said = std::string{"no process: "} + std::strerror(failed);
            } else {
                running.push_back({next,
                                   pid,
                                   std::move(output),
                                   std::move(said),
                                   steady_clock::now(),
                                   command.limit,
                                   {}});
            }
            ++next;
        }
        wait_for_some(running);
        for (auto each = running.begin(); each != running.end();) {
            if (!has_ended(*each)) {
                ++each;
                continue;
            }
            results[each->index] = std::move(each->ended);
            each = running.erase(each);
        }
    }
    return results;
}

std::string describe_end(const Ended& ended) {
    std::string what;
    if (ended.is_late) {
        what = "it did not end in " + std::to_string(ended.took.count() / 1000) + " s";
    } else if (ended.signal != 0) {
        const char* name = ::sigabbrev_np(ended.signal);
        what = std::string{"its process was killed by SIG"} + (name != nullptr ? name : "?");
    } else {
        what = "its process ended with the exit code " + std::to_string(ended.exit_code) +
               " before the test was over";
    }
    std::string said = ended.last_said;
    while (!said.empty() && (said.back() == '\n' || said.back() == ' ')) said.pop_back();
    return said.empty() ? what : what + "; it said: " + said;
}

}  // namespace syncline::checker
