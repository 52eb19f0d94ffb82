// Preloaded into a hub: after SIGUSR2 the allocation with the number in SYNCLINE_FAILING_MALLOC
// fails, once. [A12]
#include <dlfcn.h>
#include <signal.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

constexpr long kDisarmed = -1;
std::atomic<long> left{kDisarmed};

bool fails() {
    long count = left.load(std::memory_order_relaxed);
    while (count != kDisarmed) {
        if (!left.compare_exchange_weak(count, count - 1)) continue;
        return count == 0;  // the next one finds kDisarmed
    }
    return false;
}

void arm(int) {
    const char* number = std::getenv("SYNCLINE_FAILING_MALLOC");
    if (number != nullptr) left = std::atol(number);
}

__attribute__((constructor)) void listen() {
    ::signal(SIGUSR2, arm);
}

template <class Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) {
    static auto* const real = next<void*(std::size_t)>("malloc");
    if (!fails()) return real(size);
    errno = ENOMEM;
    return nullptr;
}

void* realloc(void* block, std::size_t size) {
    static auto* const real = next<void*(void*, std::size_t)>("realloc");
    if (!fails()) return real(block, size);
    errno = ENOMEM;
    return nullptr;
}

}  // extern "C"

void* operator new(std::size_t size) {
    if (void* block = malloc(size)) return block;
    throw std::bad_alloc{};
}

void* operator new[](std::size_t size) {
    return operator new(size);
}
