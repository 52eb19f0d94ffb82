// What the parts of a repair share. Internal to repair: each part makes the tables of one idea
// agree and says in the tally what it found. Concurrency: one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "store/committer.hpp"
#include "store/overlay.hpp"
#include "store/repair.hpp"
#include "store/rows.hpp"

namespace syncline::store {

// The rows, as they are and as they become, and what the operator will read.
class RepairWork {
  public:
    RepairWork(Database& database, const DataDir& directory, const RepairInput& of)
        : overlay(database, Overlay::Search::kAll),
          input(of),
          database_(database),
          directory_(directory) {}

    // Calls visit(key, value) for every row whose key begins so, in order. It may write rows: what
    // has been written is committed from time to time.
    template <class Visit>
    Result<void> each(Table table, std::string_view prefix, Visit visit) {
        std::string from = prefix.empty() ? std::string(1, '\0') : std::string{prefix};
        for (;;) {
            SYNCLINE_TRY(auto row, overlay.seek(table, from, prefix));
            if (!row) return {};
            std::string value{row->value};
            SYNCLINE_CHECK(visit(row->key, value));
            from = row->key + '\0';
            if (overlay.dirty_bytes() > kCommitBytes) SYNCLINE_CHECK(commit());
        }
    }

    Result<void> commit() { return commit_overlay(database_, directory_, overlay); }

    bool is_damaged(Table table) const { return input.is_damaged[static_cast<std::size_t>(table)]; }

    void lose(std::string what) {
        if (result.lost.size() < RepairResult::kNamedMax) result.lost.push_back(std::move(what));
    }

    Overlay overlay;
    const RepairInput& input;
    RepairResult result;
    std::map<std::uint32_t, std::string> names[2];  // routes, connections

  private:
    static constexpr std::size_t kCommitBytes = 8 * 1024 * 1024;

    Database& database_;
    const DataDir& directory_;
};

// What is there.
struct RepairTally {
    std::map<RouteId, std::uint64_t> pending_events, event_letters;
    std::map<ConnectionId, std::uint64_t> pending_records, parked_records, record_letters;
    std::uint64_t pending_bytes = 0;
    std::uint64_t outcomes_bytes = 0;
    std::uint64_t dropped = 0;  // places in lanes whose record is lost, or the other way round
};

// Lanes, their queues and schedules, letters, and the records that these hold. Records that nothing
// holds go back to where they were, when that is certain, or end.
Result<void> repair_places(RepairWork& work, RepairTally& tally);

// Events, message ids, outcomes, and the files of bodies. After repair_places().
Result<void> repair_events(RepairWork& work, RepairTally& tally);

// The ledger, from what the others found; and names for the numbers that it is kept by.
Result<void> repair_ledger(RepairWork& work, const RepairTally& tally);

}  // namespace syncline::store
