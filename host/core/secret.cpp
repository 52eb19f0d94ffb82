#include "core/secret.hpp"

#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstring>
#include <new>
#include <utility>

namespace syncline::core {
namespace {

constexpr std::size_t kLockedBytes = 1024 * 1024;
constexpr std::size_t kLockedBytesMin = 32;  // of one value

}  // namespace

Secret::Secret(std::string_view value) : Secret(join({value})) {}

Secret::Secret(std::string&& text) : Secret(std::string_view{text}) {
    cleanse(text);
}

Secret::Secret(const Secret& other) : Secret(other.reveal()) {
    watch_ = other.watch_;
}

Secret::Secret(Secret&& other) noexcept
    : bytes_(std::exchange(other.bytes_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      watch_(std::exchange(other.watch_, {})) {}

Secret& Secret::operator=(const Secret& other) {
    Secret copy{other};
    return *this = std::move(copy);
}

Secret& Secret::operator=(Secret&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    std::swap(watch_, other.watch_);
    Secret past{std::move(other)};
    return *this;
}

Secret::~Secret() {
    free_secret(bytes_, size_);
}

Secret Secret::join(std::initializer_list<std::string_view> parts) {
    std::size_t size = 0;
    for (const std::string_view part : parts) size += part.size();
    Secret secret;
    if (size == 0) return secret;
    secret.bytes_ = static_cast<char*>(allocate_secret(size));
    for (const std::string_view part : parts) {
        if (!part.empty()) std::memcpy(secret.bytes_ + secret.size_, part.data(), part.size());
        secret.size_ += part.size();
    }
    return secret;
}

bool Secret::equals(std::string_view other) const {
    return equal_constant_time(reveal(), other);
}

void* allocate_secret(std::size_t size) {
    void* memory = OPENSSL_secure_malloc(size);
    if (memory == nullptr) memory = OPENSSL_malloc(size);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

void free_secret(void* memory, std::size_t size) {
    OPENSSL_secure_clear_free(memory, size);
}

void cleanse(std::string& text) {
    OPENSSL_cleanse(text.data(), text.size());
    text.clear();
}

bool equal_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void protect_memory() {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::prctl(PR_SET_DUMPABLE, 0);
    CRYPTO_secure_malloc_init(kLockedBytes, kLockedBytesMin);
}

}  // namespace syncline::core
