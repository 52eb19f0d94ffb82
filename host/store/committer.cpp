#include "store/committer.hpp"

#include <utility>

#include "core/fault.hpp"
#include "store/errc.hpp"

namespace syncline::store {
namespace {

constexpr std::uint64_t kFullBelowBytes = 1024 * 1024;

Result<void> write(Database::Write transaction, const Overlay::Layer& layer) {
    Result<void> written;
    for (std::size_t i = 0; i < kTableCount && written.has_value(); ++i) {
        auto table = static_cast<Table>(i);
        layer[table].each([&](const std::string& key, const Change& change) {
            written = change.value ? transaction.put(table, key, *change.value)
                                   : transaction.erase(table, key);
            return written.has_value();
        });
    }
    SYNCLINE_CHECK(std::move(written));
    core::fail_point("state.before-commit");
    SYNCLINE_CHECK(transaction.commit());
    core::fail_point("state.after-commit");
    return {};
}

}  // namespace

Result<void> write_layer(Database& database, const DataDir& directory,
                         const Overlay::Layer& layer) {
    // LMDB refuses to begin after a meta page could not be written: that is never a matter of room.
    SYNCLINE_TRY(Database::Write transaction, database.begin_write());
    Result<void> written = write(std::move(transaction), layer);
    if (written.has_value() || written.error().is(kMapFull)) return written;
    // LMDB reports a short write, which is how a full disk looks from inside, as an input/output
    // error.
    if (written.error().is(kIo) && room_of(directory.path()).free < kFullBelowBytes) {
        return Error{kDiskFull, "no room to commit the state"};
    }
    return written;
}

Result<void> commit_overlay(Database& database, const DataDir& directory, Overlay& overlay) {
    std::shared_ptr<const Overlay::Layer> layer = overlay.freeze();
    for (;;) {
        Result<void> written = write_layer(database, directory, *layer);
        if (written.has_value()) break;
        if (!written.error().is(kMapFull)) return written;
        database.release();
        SYNCLINE_CHECK(database.grow());
        database.renew();
    }
    database.renew();
    overlay.thaw();
    return {};
}

}  // namespace syncline::store
