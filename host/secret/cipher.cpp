#include "secret/cipher.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <memory>

#include "core/assert.hpp"
#include "core/memory.hpp"

namespace syncline::secret {
namespace {

constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::uint64_t kScryptBytesMax = 1024ull * 1024 * 1024;

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

unsigned char* bytes_of(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}
const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

// Made in place, so that no copy of it stays behind.
template <class Fill>
core::Secret made_by(std::size_t size, Fill fill) {
    std::string bytes(size, '\0');
    fill(bytes);
    return core::Secret::take(bytes);
}

CipherContext cipher_context() {
    CipherContext context{EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free};
    core::require_memory(context != nullptr);
    return context;
}

core::Secret kdf(const char* name, OSSL_PARAM* parameters) {
    const std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> method{
        EVP_KDF_fetch(nullptr, name, nullptr), &EVP_KDF_free};
    core::require_memory(method != nullptr);
    const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context{
        EVP_KDF_CTX_new(method.get()), &EVP_KDF_CTX_free};
    core::require_memory(context != nullptr);
    return made_by(kKeyBytes, [&](std::string& key) {
        core::require_memory(EVP_KDF_derive(context.get(), bytes_of(key), key.size(), parameters) ==
                             1);
    });
}

OSSL_PARAM octets(const char* name, std::string_view value) {
    // OpenSSL's parameters are not const, and it does not write to these.
    return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(value.data()), value.size());
}

}  // namespace

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    core::require_memory(RAND_bytes(bytes_of(bytes), static_cast<int>(count)) == 1);
    return bytes;
}

core::Secret derive(const core::Secret& key, std::string_view salt, std::string_view purpose) {
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        octets(OSSL_KDF_PARAM_KEY, key.reveal()),
        octets(OSSL_KDF_PARAM_SALT, salt),
        octets(OSSL_KDF_PARAM_INFO, purpose),
        OSSL_PARAM_construct_end(),
    };
    return kdf("HKDF", parameters);
}

bool ScryptCost::is_acceptable() const {
    return log2_n >= 14 && log2_n <= 23 && r >= 8 && r <= 32 && p >= 1 && p <= 16 &&
           (std::uint64_t{128} * r << log2_n) <= kScryptBytesMax;
}

core::Secret stretch(const core::Secret& passphrase, std::string_view salt,
                     const ScryptCost& cost) {
    SYNCLINE_ASSERT(cost.is_acceptable());
    std::uint64_t n = std::uint64_t{1} << cost.log2_n;
    std::uint32_t r = cost.r;
    std::uint32_t p = cost.p;
    std::uint64_t memory = 2 * kScryptBytesMax;
    OSSL_PARAM parameters[] = {
        octets(OSSL_KDF_PARAM_PASSWORD, passphrase.reveal()),
        octets(OSSL_KDF_PARAM_SALT, salt),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
        OSSL_PARAM_construct_end(),
    };
    return kdf("SCRYPT", parameters);
}

std::string seal(const core::Secret& key, std::string_view associated, std::string_view text) {
    SYNCLINE_ASSERT(key.reveal().size() == kKeyBytes);
    const std::string nonce = random_bytes(kNonceBytes);
    std::string sealed = nonce;
    sealed.resize(kNonceBytes + text.size() + kTagBytes);
    const CipherContext context = cipher_context();
    int length = 0;
    unsigned char* out = bytes_of(sealed) + kNonceBytes;
    bool is_done =
        EVP_EncryptInit_ex2(context.get(), EVP_aes_256_gcm(), bytes_of(key.reveal()),
                            bytes_of(std::string_view{nonce}), nullptr) == 1 &&
        EVP_EncryptUpdate(context.get(), nullptr, &length, bytes_of(associated),
                          static_cast<int>(associated.size())) == 1 &&
        EVP_EncryptUpdate(context.get(), out, &length, bytes_of(text),
                          static_cast<int>(text.size())) == 1 &&
        EVP_EncryptFinal_ex(context.get(), out + length, &length) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, out + text.size()) == 1;
    core::require_memory(is_done);
    return sealed;
}

std::optional<core::Secret> unseal(const core::Secret& key, std::string_view associated,
                                   std::string_view sealed) {
    SYNCLINE_ASSERT(key.reveal().size() == kKeyBytes);
    if (sealed.size() < kNonceBytes + kTagBytes) return std::nullopt;
    const std::string_view text =
        sealed.substr(kNonceBytes, sealed.size() - kNonceBytes - kTagBytes);
    std::string tag{sealed.substr(sealed.size() - kTagBytes)};
    const CipherContext context = cipher_context();
    bool is_authentic = false;
    core::Secret opened = made_by(text.size() + 1, [&](std::string& bytes) {
        int length = 0;
        is_authentic =
            EVP_DecryptInit_ex2(context.get(), EVP_aes_256_gcm(), bytes_of(key.reveal()),
                                bytes_of(sealed), nullptr) == 1 &&
            EVP_DecryptUpdate(context.get(), nullptr, &length, bytes_of(associated),
                              static_cast<int>(associated.size())) == 1 &&
            EVP_DecryptUpdate(context.get(), bytes_of(bytes), &length, bytes_of(text),
                              static_cast<int>(text.size())) == 1 &&
            EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
            EVP_DecryptFinal_ex(context.get(), bytes_of(bytes) + length, &length) == 1;
        // What did not prove itself is not shown to anyone.
        if (!is_authentic) OPENSSL_cleanse(bytes.data(), bytes.size());
        bytes.pop_back();
    });
    if (!is_authentic) return std::nullopt;
    return opened;
}

}  // namespace syncline::secret
