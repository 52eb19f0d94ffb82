// What programs that are no part of the hub get of its environment.
#pragma once

#include <vector>

namespace syncline::app {

// The process's variables without the vault's master key; a null at the end, as posix_spawn wants
// them. They are the process's own: valid until one is set. [any]
std::vector<char*> child_environment();

}  // namespace syncline::app
