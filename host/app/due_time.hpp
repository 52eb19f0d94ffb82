// When an account's work is next due, in the hub's state.
#pragma once

#include <memory>

#include "app/periodic.hpp"
#include "store/store.hpp"

namespace syncline::app {

// Kept by the number of the account, in an id map of the hub's own. The store must outlive what is
// returned. [any]
std::shared_ptr<DueTime> make_due_time(store::Store& store, store::AccountId account);

}  // namespace syncline::app
