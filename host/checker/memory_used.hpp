// What the process has allocated and not freed.
#pragma once

#include <cstdint>

namespace syncline::checker {

// Bytes on the heap. Of jemalloc, where it is linked: those of the calling thread. Under a
// sanitizer always the same. Concurrency: one thread.
std::int64_t memory_used();

}  // namespace syncline::checker
