// Applies what a damaged journal still holds.
// Concurrency: one thread. Internal to store.
#pragma once

#include <cstdint>
#include <functional>

#include "core/error.hpp"
#include "store/journal.hpp"
#include "store/state.hpp"

namespace syncline::store {

// Applies every fact behind the state's position, over gaps. An event that is lost while its
// translation is not takes its place again, so that its records do; a result whose lane is lost is
// remembered for its key, so that what was delivered is not sent again. `commit` is called now and
// then, to empty the overlay. Returns the number of facts. Errors: those of State::apply and
// `commit`, store.newer_format.
Result<std::uint64_t> apply_leftover(const Journal& journal, State& state,
                                     const std::function<Result<void>()>& commit);

}  // namespace syncline::store
