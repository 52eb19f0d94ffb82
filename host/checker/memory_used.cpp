#include "checker/memory_used.hpp"

#include <malloc.h>

#include <cstddef>

// Of jemalloc, when the program is linked with it.
extern "C" __attribute__((weak)) int mallctl(const char* name, void* old_value,
                                             std::size_t* old_size, void* new_value,
                                             std::size_t new_size);

namespace syncline::checker {

std::int64_t memory_used() {
    if (mallctl != nullptr) {
        std::uint64_t allocated = 0, freed = 0;
        std::size_t size = sizeof allocated;
        if (mallctl("thread.allocated", &allocated, &size, nullptr, 0) == 0 &&
            mallctl("thread.deallocated", &freed, &size, nullptr, 0) == 0) {
            return static_cast<std::int64_t>(allocated - freed);
        }
    }
    return static_cast<std::int64_t>(::mallinfo2().uordblks);
}

}  // namespace syncline::checker
