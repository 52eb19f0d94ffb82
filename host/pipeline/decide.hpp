// filter -> map -> diff: what is to become of the record at the head of a lane. A pure function.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "core/error.hpp"
#include "pipeline/mapping.hpp"
#include "pipeline/plan.hpp"
#include "record/diff.hpp"
#include "store/state.hpp"

namespace syncline::pipeline {

// Beside what the mapping says: Filtered, and Unmappable, which becomes a dead letter.
struct Superseded {};  // its key already got something newer (rule 12)
struct Unchanged {     // the destination has it (invariant 5)
    core::Hash128 row_hash;
};
struct Send {
    std::string body;  // after mapping
    record::Fingerprint fingerprint;
    bool is_complete = true;       // what the destination has is not known by fields, or nothing
    record::FieldChanges changes;  // otherwise
};

using Decision = std::variant<Superseded, Filtered, Unchanged, Unmappable, Send>;

// `body` is the source record's. [cpu]
Decision decide(const ConnectionPlan& plan, const store::LaneHead& head, std::string_view body,
                std::uint64_t hash_seed);

}  // namespace syncline::pipeline
