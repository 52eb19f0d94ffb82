#include "core/secret.hpp"

#include <openssl/crypto.h>

#include <utility>

namespace syncline::core {

Secret::Secret(Secret&& other) noexcept : value_(other.value_) {
    OPENSSL_cleanse(other.value_.data(), other.value_.size());
    other.value_.clear();
}

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this == &other) return *this;
    OPENSSL_cleanse(value_.data(), value_.size());
    value_ = other.value_;
    OPENSSL_cleanse(other.value_.data(), other.value_.size());
    other.value_.clear();
    return *this;
}

Secret::~Secret() {
    OPENSSL_cleanse(value_.data(), value_.size());
}

bool Secret::equals(std::string_view other) const {
    return equal_constant_time(value_, other);
}

bool equal_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace syncline::core
