// Memory that a burst needed, and that nothing needs any more.
#pragma once

namespace syncline::app {

// From now on threads of the allocator's own give it back to the system, when its time is over
// (main.cpp). Without them it goes back when somebody comes by, and of a hub at rest nobody does.
// Does nothing where jemalloc is not linked in, or gets no thread.
// Only for a hub: the checker counts the threads of its process. [any]
void give_back_spare_memory();

}  // namespace syncline::app
