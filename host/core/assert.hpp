// Checks that stay on in release builds: a broken invariant stops the process before it reaches the
// disk (invariant 8).
#pragma once

namespace syncline::core {

// Prints what and where to standard error and aborts. [any]
[[noreturn]] void assertion_failed(const char* what, const char* file, int line);

}  // namespace syncline::core

#define SYNCLINE_ASSERT(condition)      \
    ((condition) ? static_cast<void>(0) \
                 : ::syncline::core::assertion_failed(#condition, __FILE__, __LINE__))
