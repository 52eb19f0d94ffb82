#include "core/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace syncline::core {

void assertion_failed(const char* what, const char* file, int line) {
    std::fprintf(stderr, "syncline: broken invariant at %s:%d: %s\n", file, line, what);
    std::abort();
}

}  // namespace syncline::core
