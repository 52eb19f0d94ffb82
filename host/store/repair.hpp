// Makes the tables of a state agree again, from whatever rows are left.
//
// What counts are the rows that hold something: events, records, letters, lanes and what waits in
// them, the key map, message ids. All else is derived from them anew: the schedule, the references,
// the ledger. What is lost is counted as given up: `discarded` of a connection, `dead` of a route.
// Concurrency: one thread. Internal to store.
// Limits: 24 bytes of memory for each record that waits, and the names of large bodies.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "store/data_dir.hpp"
#include "store/database.hpp"

namespace syncline::store {

struct RepairInput {
    std::array<bool, kTableCount> is_damaged{};         // may have lost rows
    std::array<std::uint64_t, kTableCount> expected{};  // rows before the damage, 0: not known
    Position newest;                                    // that any row knows
    std::uint64_t fresh_seed = 0;                       // for the hashes, when theirs is lost
    Position letters_from;  // ids for letters that have to be written anew
    std::int64_t now_ns = 0;
};

struct SalvageCount {
    std::uint64_t kept = 0, lost = 0;
};

struct RepairResult {
    static constexpr std::size_t kNamedMax = 100;
    SalvageCount events, records, letters, key_map, message_ids;
    std::vector<std::string> lost;   // what is lost by name, as far as it is known
    std::vector<std::string> notes;  // what an operator should know
};

// Errors: those of the database.
Result<RepairResult> repair(Database& database, const DataDir& directory, const RepairInput& input);

}  // namespace syncline::store
