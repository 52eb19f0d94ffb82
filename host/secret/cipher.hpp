// The vault's cryptography: AES-256-GCM (NIST SP 800-38D), HKDF-SHA256 (RFC 5869), scrypt (RFC
// 7914), all of OpenSSL.
//
// Concurrency: [any]. Running out of memory is std::bad_alloc; any other failure of OpenSSL with
// valid arguments is a programmer error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/secret.hpp"

namespace syncline::secret {

inline constexpr std::size_t kKeyBytes = 32;

std::string random_bytes(std::size_t count);

// A key for one purpose: who has it can't tell the key that it was made from, nor its siblings.
core::Secret derive(const core::Secret& key, std::string_view salt, std::string_view purpose);

// What a guess of a passphrase costs: 128 * r * 2^log2_n bytes of memory, and the time to fill it.
struct ScryptCost {
    std::uint32_t log2_n = 17;
    std::uint32_t r = 8;
    std::uint32_t p = 1;
    bool is_acceptable() const;  // not so cheap that it protects nothing, not above 1 GiB
};
core::Secret stretch(const core::Secret& passphrase, std::string_view salt, const ScryptCost& cost);

// nonce | ciphertext | tag. A key must not seal more than 2^32 texts.
std::string seal(const core::Secret& key, std::string_view associated, std::string_view text);

// Nothing when a single bit of the key, of `associated` or of `sealed` is another one.
std::optional<core::Secret> unseal(const core::Secret& key, std::string_view associated,
                                   std::string_view sealed);

}  // namespace syncline::secret
