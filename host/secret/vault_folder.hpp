// The folder of a vault: one writer at a time, and a file that is the old one or the new one,
// whatever happens.
//
//   secrets            the vault
//   secrets.previous   the generation before
//   generation         the newest generation that was ever here: an older file is noticed
//   lock               held while the vault is being changed
//
// Errors: kVaultFailed, kVaultBusy, kVaultMissing.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/error.hpp"

namespace syncline::secret {

// Fails when there is one of that name, link or not. Durable when it returns. [any]
Result<void> write_new_file(const std::filesystem::path& file, std::string_view text,
                            unsigned mode);

// Concurrency: one thread at a time. Lifetime: the lock goes with the object.
class VaultFolder {
  public:
    static constexpr std::size_t kFileBytesMax = 64 * 1024 * 1024;

    explicit VaultFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}
    VaultFolder(VaultFolder&& other) noexcept;
    VaultFolder& operator=(VaultFolder&& other) noexcept;
    ~VaultFolder();

    bool has_vault() const;
    Result<void> make();  // the folder, where it is missing
    Result<void> lock();
    bool is_locked() const { return lock_ >= 0; }

    Result<std::string> read() const;
    std::string read_generation() const;  // empty when there is none
    // Needs the lock.
    Result<void> replace(std::string_view vault, std::string_view generation);

    const std::filesystem::path& path() const { return folder_; }

  private:
    std::filesystem::path folder_;
    int lock_ = -1;
};

}  // namespace syncline::secret
