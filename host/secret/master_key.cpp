#include "secret/master_key.hpp"

#include <openssl/crypto.h>

#include <cstdlib>

#include "core/hash.hpp"
#include "secret/errc.hpp"
#include "secret/local_source.hpp"
#include "secret/vault_folder.hpp"

namespace syncline::secret {
namespace {

constexpr const char* kCredential = "syncline-master-key";
constexpr const char* kVariable = "SYNCLINE_MASTER_KEY";
constexpr std::size_t kPassphraseBytesMin = 12;

int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

MasterKey watched(MasterKey key) {
    key.text.watch();
    return key;
}

Result<MasterKey> from_file(const std::filesystem::path& file) {
    SYNCLINE_TRY(std::string text, LocalSource{}.file(file));
    return watched({core::Secret::take(text), "the file " + file.string()});
}

}  // namespace

Result<MasterKey> find_master_key(const std::filesystem::path& key_file) {
    if (const char* folder = std::getenv("CREDENTIALS_DIRECTORY")) {
        const std::filesystem::path file = std::filesystem::path{folder} / kCredential;
        std::error_code error;
        if (std::filesystem::exists(file, error)) return from_file(file);
    }
    if (!key_file.empty()) return from_file(key_file);
    if (const char* text = std::getenv(kVariable))
        return watched({core::Secret{text}, std::string{"the variable "} + kVariable});
    return Error{kMasterKeyMissing, "there is a vault, and no master key to open it with"};
}

core::Secret make_master_key() {
    std::string bytes = random_bytes(kKeyBytes);
    std::string text = core::to_hex(bytes);
    OPENSSL_cleanse(bytes.data(), bytes.size());
    return core::Secret::take(text);
}

Result<void> write_key_file(const std::filesystem::path& file, const core::Secret& key) {
    std::string text{key.reveal()};
    text += '\n';
    Result<void> written = write_new_file(file, text, 0400);
    OPENSSL_cleanse(text.data(), text.size());
    return written;
}

Result<core::Secret> wrapping_key(const core::Secret& text, MasterKind kind, std::string_view salt,
                                  const ScryptCost& cost) {
    if (kind == MasterKind::kPassphrase) {
        if (text.reveal().size() < kPassphraseBytesMin)
            return Error{kMasterKeyInvalid, "a passphrase has at least " +
                                                std::to_string(kPassphraseBytesMin) + " bytes"};
        return derive(stretch(text, salt, cost), "", "syncline vault wrapping key");
    }
    const std::string_view hex = text.reveal();
    std::string bytes(kKeyBytes, '\0');
    bool is_hex = hex.size() == 2 * kKeyBytes;
    for (std::size_t i = 0; is_hex && i < kKeyBytes; ++i) {
        const int high = digit(hex[2 * i]);
        const int low = digit(hex[2 * i + 1]);
        is_hex = high >= 0 && low >= 0;
        bytes[i] = static_cast<char>(high * 16 + low);
    }
    core::Secret key = derive(core::Secret::take(bytes), "", "syncline vault wrapping key");
    if (!is_hex) return Error{kMasterKeyInvalid, "the master key is not 64 hexadecimal digits"};
    return key;
}

}  // namespace syncline::secret
