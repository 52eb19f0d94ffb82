// Want of memory in libraries that do not throw.
#pragma once

#include <new>

namespace syncline::core {

// For a call that, with arguments that are right, fails for want of memory alone: that ends the hub
// in order (see app/last_words.hpp), and is no broken invariant.
inline void require_memory(bool has_worked) {
    if (!has_worked) throw std::bad_alloc();
}

}  // namespace syncline::core
