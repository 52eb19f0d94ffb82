// File descriptors: clients take none that the hub itself needs. Without its own it could not reach
// a platform, answer an operator or change a journal file, however little it had to do.
// Concurrency: [any]; at start.
#pragma once

#include <cstddef>

namespace syncline::app {

inline constexpr std::size_t kOperatorsMax = 32;  // connections to the admin socket

// Descriptors for journal, state, bodies, libraries, event loops, operators, and as many
// connections to its platform as each account may open. A set of an issuer's keys counts as one.
std::size_t descriptors_of_hub(std::size_t accounts);

// Raises the process's limit as far as `wanted` clients need and as the system lets it. How many
// clients there may be: `wanted`, or what is left within the limit, at least a quarter of it.
std::size_t make_room_for_clients(std::size_t wanted, std::size_t accounts);

}  // namespace syncline::app
