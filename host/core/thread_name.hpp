// Names for threads, as `top -H`, debuggers and profilers show them.
#pragma once

namespace syncline::core {

// Names the calling thread; at most 15 characters are kept. [any]
void name_this_thread(const char* name);

}  // namespace syncline::core
