#include "store/inspect.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <variant>

#include "store/errc.hpp"
#include "store/file.hpp"
#include "store/journal.hpp"

namespace syncline::store {
namespace {

// When the fact came about; 0 where it does not say.
std::int64_t time_of(const Fact& fact) {
    return std::visit(
        [](const auto& what) -> std::int64_t {
            if constexpr (requires { what.at_ns; })
                return what.at_ns;
            else if constexpr (requires { what.received_ns; })
                return what.received_ns;
            else
                return 0;
        },
        fact);
}

}  // namespace

Result<std::optional<std::string>> lock_holder(const std::filesystem::path& data_dir) {
    const std::filesystem::path file = data_dir / ".lock";
    std::error_code error;
    if (!std::filesystem::exists(file, error)) return std::optional<std::string>{};
    SYNCLINE_TRY(const File lock, File::open(file, O_RDONLY));
    if (::flock(lock.descriptor(), LOCK_SH | LOCK_NB) == 0) return std::optional<std::string>{};
    if (errno != EWOULDBLOCK) return io_error("can't try the lock " + file.string(), errno);
    SYNCLINE_TRY(const std::string owner, lock.read_at(0, 32));
    return std::optional<std::string>{owner.substr(0, owner.find('\n'))};
}

Result<JournalSummary> summarize_journal(const std::filesystem::path& data_dir) {
    JournalSummary summary;
    Journal::Options options;
    options.directory = data_dir / "journal";
    options.salvage = true;
    std::error_code error;
    if (!std::filesystem::exists(options.directory, error)) return summary;
    SYNCLINE_TRY(const std::unique_ptr<Journal> journal, Journal::open(std::move(options)));
    for (const JournalDamage& damage : journal->damage()) summary.damage.push_back(damage.error);
    summary.last = journal->last();
    SYNCLINE_CHECK(journal->replay(Position{}, [&](const NumberedFact& numbered) {
        ++summary.facts;
        summary.newest_ns = std::max(summary.newest_ns, time_of(numbered.fact));
        return Result<void>{};
    }));
    return summary;
}

}  // namespace syncline::store
