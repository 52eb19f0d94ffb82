#include "app/spare_memory.hpp"

#include <cstddef>

// Of jemalloc, when the program is linked with it.
extern "C" __attribute__((weak)) int mallctl(const char* name, void* old_value,
                                             std::size_t* old_size, void* new_value,
                                             std::size_t new_size);

namespace syncline::app {

void give_back_spare_memory() {
    if (mallctl == nullptr) return;
    bool is_wanted = true;
    mallctl("background_thread", nullptr, nullptr, &is_wanted, sizeof is_wanted);
}

}  // namespace syncline::app
