#include "store/check.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/log.hpp"
#include "store/database.hpp"
#include "store/errc.hpp"
#include "store/state.hpp"

namespace syncline::store {
namespace {

constexpr int kCheckDeadlineMs = 300'000;
constexpr std::size_t kReportBytesMax = 400;

// In the child. An empty string when all is well.
std::string look_through(const std::filesystem::path& directory) {
    Result<std::unique_ptr<Database>> database =
        Database::open(Database::Options{directory, std::uint64_t{64} << 30, true});
    if (!database.has_value()) return database.error().what();
    State state{**database};
    if (Result<void> loaded = state.load(); !loaded.has_value()) {
        // Another version's rows are no damage: the parent will find them, and say so.
        return loaded.error().is(kNewerFormat) ? std::string{} : loaded.error().what();
    }
    if (state.was_closed_cleanly()) return {};
    for (std::size_t table = 0; table < kTableCount; ++table) {
        std::string from(1, '\0');
        for (;;) {
            auto row = (*database)->seek(static_cast<Table>(table), from);
            if (!row.has_value()) return row.error().what();
            if (!*row) break;
            from.assign((*row)->key);
            from += '\0';
        }
    }
    return {};
}

struct Pipe {
    int ends[2] = {-1, -1};
    ~Pipe() {
        for (int end : ends) {
            if (end >= 0) ::close(end);
        }
    }
    void close_end(int index) {
        ::close(ends[index]);
        ends[index] = -1;
    }
};

// Reads what the child says until it closes the pipe; gives up at the deadline.
bool read_report(int descriptor, std::string& report) {
    for (;;) {
        pollfd wait{descriptor, POLLIN, 0};
        int ready = ::poll(&wait, 1, kCheckDeadlineMs);
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) return false;
        char buffer[512];
        ssize_t got = ::read(descriptor, buffer, sizeof buffer);
        if (got <= 0) return got == 0;
        report.append(buffer, static_cast<std::size_t>(got));
    }
}

// Did a power cut hit the very first start? LMDB begins a file with two pages, of which a cut may
// leave any part; only then does the journal get its first file. What is left is removed.
bool is_unborn(const std::filesystem::path& database, const std::filesystem::path& journal) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(database, error);
    if (error) return true;
    const auto two_pages = 2 * static_cast<std::uintmax_t>(::sysconf(_SC_PAGESIZE));
    if (size > two_pages || !std::filesystem::is_empty(journal, error)) return false;
    std::filesystem::remove(database, error);
    return true;
}

}  // namespace

Result<void> check_state_if_unclean(const std::filesystem::path& directory,
                                    const std::filesystem::path& journal) {
    if (is_unborn(directory / "data.mdb", journal)) return {};
    Pipe pipe;
    if (::pipe(pipe.ends) != 0)
        return Error{kIo, std::string{"pipe failed: "} + std::strerror(errno)};
    pid_t child = ::fork();
    if (child < 0) return Error{kIo, std::string{"fork failed: "} + std::strerror(errno)};
    if (child == 0) {
        // Nothing of the hub's may outlive it in here: the lock of the data directory, above all.
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::dup2(pipe.ends[1],
               STDERR_FILENO);  // LMDB's last words before it aborts become the report
        ::close_range(STDERR_FILENO + 1, ~0u, 0);
        std::string report = look_through(directory);
        ssize_t ignored = ::write(STDERR_FILENO, report.data(), report.size());
        ::_exit(report.empty() && ignored == 0 ? 0 : 1);
    }
    pipe.close_end(1);
    std::string report;
    if (!read_report(pipe.ends[0], report)) {
        ::kill(child, SIGKILL);
        report = "the check did not end in time";
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    report = report.substr(0, std::min(report.find('\n'), kReportBytesMax));
    if (report.empty()) report = "its pages make no sense";
    return Error{kStateDamaged, (directory / "data.mdb").string() + " is damaged: " + report};
}

}  // namespace syncline::store
