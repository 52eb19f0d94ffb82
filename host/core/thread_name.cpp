#include "core/thread_name.hpp"

#include <pthread.h>

#include <string>

namespace syncline::core {

void name_this_thread(const char* name) {
    constexpr std::size_t kLengthMax = 15;
    ::pthread_setname_np(::pthread_self(), std::string{name}.substr(0, kLengthMax).c_str());
}

}  // namespace syncline::core
