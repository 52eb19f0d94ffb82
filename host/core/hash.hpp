// Hashes. Keyed where an outsider could choose the input.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace syncline::core {

// 128 bits of XXH3; not cryptographic. Compared, stored, never shown.
struct Hash128 {
    std::array<std::uint8_t, 16> bytes{};
    auto operator<=>(const Hash128&) const = default;
    std::string_view view() const {
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
};

// Keyed with a random seed of the installation: who does not know it can't make two inputs collide.
// [any]
Hash128 hash128(std::string_view data, std::uint64_t seed);

// 64 bits of XXH3, keyed with a seed of this process: for tables in memory, never stored. [any]
std::uint64_t hash64(std::string_view data);

// CRC-32C (Castagnoli), continued from `crc` (0 to begin). [any]
std::uint32_t crc32c(std::string_view data, std::uint32_t crc = 0);

// SHA-256, 32 raw bytes. [any]
std::string sha256(std::string_view data);

// Digests that platforms know persons by; MD5 and SHA-1 keep nothing secret. Raw: 16, 20 or 32
// bytes. [any]
enum class Digest { kMd5, kSha1, kSha256 };
std::string digest(Digest which, std::string_view data);

// HMAC (RFC 2104), raw: 20, 32 or 64 bytes. [any]
enum class HmacDigest { kSha1, kSha256, kSha512 };
std::string hmac(HmacDigest digest, std::string_view key, std::string_view data);

// Lower-case hexadecimal. [any]
std::string to_hex(std::string_view bytes);

}  // namespace syncline::core
