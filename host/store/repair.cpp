#include "store/repair.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "store/codec.hpp"
#include "store/repair_work.hpp"

namespace syncline::store {
namespace {

Result<void> read_names(RepairWork& work) {
    return work.each(Table::kName, "", [&](const std::string& key, const std::string& value) {
        Reader in{value};
        in.integer<std::uint8_t>();
        auto id = static_cast<std::uint32_t>(read_big_endian(std::string_view{key}.substr(1)));
        work.names[key.front() == static_cast<char>(NameKind::kRoute) ? 0 : 1][id] = in.text();
        return Result<void>{};
    });
}

Result<void> write_meta(RepairWork& work, const RepairTally& tally) {
    SYNCLINE_TRY(auto seed, work.overlay.get(Table::kMeta, meta::kSeed));
    if (!seed) {
        work.overlay.put(Table::kMeta, meta::kSeed, Key{}.u64(work.input.fresh_seed).str());
        work.result.notes.push_back(
            "the seed of the hashes is lost: a record that a destination has already goes out "
            "once more, and message ids of before are not recognised");
    }
    SYNCLINE_TRY(auto applied, work.overlay.get(Table::kMeta, meta::kApplied));
    if (!applied)
        work.overlay.put(Table::kMeta, meta::kApplied, Key{}.u64(work.input.newest.value).str());
    work.overlay.put(Table::kMeta, meta::kFormat, Key{}.u64(meta::kFormatNumber).str());
    work.overlay.put(Table::kMeta, meta::kPendingBytes, Key{}.u64(tally.pending_bytes).str());
    work.overlay.put(Table::kMeta, meta::kOutcomeBytes, Key{}.u64(tally.outcomes_bytes).str());
    return {};
}

Result<void> count_rows(RepairWork& work) {
    auto count = [&](Table table, SalvageCount& tally) -> Result<void> {
        tally.kept = 0;
        SYNCLINE_CHECK(work.each(table, "", [&](const std::string&, const std::string&) {
            ++tally.kept;
            return Result<void>{};
        }));
        std::uint64_t expected = work.input.expected[static_cast<std::size_t>(table)];
        if (expected > tally.kept) tally.lost = std::max(tally.lost, expected - tally.kept);
        return {};
    };
    SYNCLINE_CHECK(count(Table::kEvent, work.result.events));
    SYNCLINE_CHECK(count(Table::kLetter, work.result.letters));
    SYNCLINE_CHECK(count(Table::kKeyMap, work.result.key_map));
    return count(Table::kDedup, work.result.message_ids);
}

}  // namespace

Result<RepairResult> repair(Database& database, const DataDir& directory,
                            const RepairInput& input) {
    RepairWork work{database, directory, input};
    RepairTally tally;
    SYNCLINE_CHECK(read_names(work));
    SYNCLINE_CHECK(repair_places(work, tally));
    SYNCLINE_CHECK(repair_events(work, tally));
    SYNCLINE_CHECK(repair_ledger(work, tally));
    SYNCLINE_CHECK(write_meta(work, tally));
    SYNCLINE_CHECK(count_rows(work));
    SYNCLINE_CHECK(work.commit());
    return std::move(work.result);
}

}  // namespace syncline::store
