#include "store/committer.hpp"

#include "core/fault.hpp"
#include "store/errc.hpp"

namespace syncline::store {
namespace {

constexpr std::uint64_t kFullBelowBytes = 1024 * 1024;

Result<void> write(Database& database, const Overlay::Layer& layer) {
    SYNCLINE_TRY(Database::Write transaction, database.begin_write());
    for (std::size_t table = 0; table < kTableCount; ++table) {
        for (const auto& [key, change] : layer[table]) {
            if (change.value) {
                SYNCLINE_CHECK(transaction.put(static_cast<Table>(table), key, *change.value));
            } else {
                SYNCLINE_CHECK(transaction.erase(static_cast<Table>(table), key));
            }
        }
    }
    core::fail_point("state.before-commit");
    SYNCLINE_CHECK(transaction.commit());
    core::fail_point("state.after-commit");
    return {};
}

}  // namespace

Result<void> write_layer(Database& database, const DataDir& directory, const Overlay::Layer& layer) {
    Result<void> written = write(database, layer);
    if (written.has_value() || written.error().is(kMapFull)) return written;
    // LMDB reports a short write, which is how a full disk looks from inside, as an input/output error.
    if (written.error().is(kIo) && directory.bytes_free() < kFullBelowBytes) {
        return Error{kDiskFull, "no room to commit the state"};
    }
    return written;
}

}  // namespace syncline::store
