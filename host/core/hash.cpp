#include "core/hash.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <xxhash.h>

#include <bit>
#include <cstring>
#include <random>

#include "core/memory.hpp"

namespace syncline::core {
namespace {

constexpr std::array<std::uint32_t, 256> make_crc_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0x82F63B78u : 0u);
        table[i] = crc;
    }
    return table;
}

std::uint32_t crc32c_table(const unsigned char* p, std::size_t size, std::uint32_t crc) {
    static constexpr auto kTable = make_crc_table();
    while (size-- > 0) crc = (crc >> 8) ^ kTable[(crc ^ *p++) & 0xff];
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(const unsigned char* p,
                                                             std::size_t size, std::uint32_t crc) {
    std::uint64_t wide = crc;
    for (; size >= 8; size -= 8, p += 8) {
        std::uint64_t word;
        std::memcpy(&word, p, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    auto narrow = static_cast<std::uint32_t>(wide);
    while (size-- > 0) narrow = __builtin_ia32_crc32qi(narrow, *p++);
    return narrow;
}
#endif

}  // namespace

Hash128 hash128(std::string_view data, std::uint64_t seed) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_withSeed(data.data(), data.size(), seed));
    Hash128 result;
    static_assert(sizeof canonical.digest == sizeof result.bytes);
    std::memcpy(result.bytes.data(), canonical.digest, sizeof canonical.digest);
    return result;
}

std::uint64_t hash64(std::string_view data) {
    static const std::uint64_t seed = [] {
        std::random_device device;
        return std::uint64_t{device()} << 32 | device();
    }();
    return XXH3_64bits_withSeed(data.data(), data.size(), seed);
}

std::uint32_t crc32c(std::string_view data, std::uint32_t crc) {
    const auto* p = reinterpret_cast<const unsigned char*>(data.data());
#if defined(__x86_64__)
    static const bool has_instruction = __builtin_cpu_supports("sse4.2");
    if (has_instruction) return ~crc32c_sse42(p, data.size(), ~crc);
#endif
    return ~crc32c_table(p, data.size(), ~crc);
}

std::string sha256(std::string_view data) {
    return digest(Digest::kSha256, data);
}

std::string digest(Digest which, std::string_view data) {
    const EVP_MD* function = which == Digest::kMd5    ? EVP_md5()
                             : which == Digest::kSha1 ? EVP_sha1()
                                                      : EVP_sha256();
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    const int ok = EVP_Digest(data.data(), data.size(), bytes, &size, function, nullptr);
    require_memory(ok == 1);
    return {reinterpret_cast<const char*>(bytes), size};
}

std::string hmac(HmacDigest digest, std::string_view key, std::string_view data) {
    const EVP_MD* function = digest == HmacDigest::kSha1     ? EVP_sha1()
                             : digest == HmacDigest::kSha256 ? EVP_sha256()
                                                             : EVP_sha512();
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    const void* ok =
        HMAC(function, key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(data.data()), data.size(), bytes, &size);
    require_memory(ok != nullptr);
    return {reinterpret_cast<const char*>(bytes), size};
}

std::string to_hex(std::string_view bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (char c : bytes) {
        auto byte = static_cast<unsigned char>(c);
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

}  // namespace syncline::core
