// Functions on arrays, objects and values of any type. All [any]; errors as of Program::run().
#pragma once

#include "expr/functions.hpp"

namespace syncline::expr {

Flow length(const Call& call);
Flow keys(const Call& call);
Flow keys_unsorted(const Call& call);
Flow has(const Call& call);
Flow contains(const Call& call);
Flow add_all(const Call& call);
Flow any(const Call& call);
Flow all(const Call& call);
Flow first(const Call& call);
Flow last(const Call& call);
Flow reverse(const Call& call);
Flow sort(const Call& call);
Flow unique(const Call& call);
Flow minimum(const Call& call);
Flow maximum(const Call& call);
Flow to_entries(const Call& call);
Flow from_entries(const Call& call);

}  // namespace syncline::expr
