// The vault: named secrets, encrypted at rest, that an operator stores once and never sees again.
//
// Purpose: hides the keys (a master key wraps the vault's own keys, from which each secret's key is
// derived), the file, and what damage means: a secret that was changed, exchanged, brought back or
// taken away does not open and is named; the others work.
// Errors: see each call; kVaultFailed of any call that touches the disk.
// Limits: values of 1 byte to 64 KiB, a file of at most 64 MiB.
// Concurrency: [any] for get() and list(); what changes the vault: one thread at a time. Between
// processes: who opened it for changing has it alone; readers see the old file or the new one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "secret/master_key.hpp"
#include "secret/vault_file.hpp"
#include "secret/vault_folder.hpp"

namespace syncline::secret {

class Vault {
  public:
    static constexpr std::size_t kValueBytesMax = 64 * 1024;

    struct Entry {
        std::string name;
        std::uint64_t version = 0;
        std::string changed;  // ISO 8601; empty when it can't be read
        bool is_damaged = false;
    };

    static std::filesystem::path folder_of(const std::filesystem::path& data_dir);
    static bool exists(const std::filesystem::path& folder);

    // A new, empty vault. Errors: kVaultExists, kMasterKeyInvalid, kVaultBusy.
    static Result<void> create(const std::filesystem::path& folder, const core::Secret& master,
                               MasterKind kind, core::WallTime now,
                               const ScryptCost& cost = ScryptCost{});

    enum class Access { kRead, kChange };
    // Errors: kVaultMissing, kMasterKeyInvalid, kMasterKeyWrong, kVaultDamaged when nothing of it
    // can be used, kVaultBusy.
    static Result<Vault> open(const std::filesystem::path& folder, const core::Secret& master,
                              Access access = Access::kRead);

    // What is wrong with the file: each names what it is about. Such a vault still gives what is
    // whole.
    const std::vector<Error>& problems() const { return problems_; }
    std::uint64_t generation() const { return head_.generation; }

    std::vector<Entry> list() const;  // by name
    // Errors: kUnknownSecret, kSecretDamaged.
    Result<core::Secret> get(std::string_view name) const;

    // These need Access::kChange and are durable when they return. What is damaged stays as it is
    // in the file, for whoever wants to look at it, until it is set again or removed.
    // Errors: kNameInvalid, kValueInvalid; kVaultRolledBack.
    Result<void> set(std::string_view name, const core::Secret& value, core::WallTime now);
    // Errors: kUnknownSecret, kVaultRolledBack.
    Result<void> remove(std::string_view name);
    // Another key encrypts, and every secret is encrypted anew. Confirms a vault that was rolled
    // back. Errors: kVaultDamaged.
    Result<void> rotate(core::WallTime now);
    // Another master key opens it; the one before does no more. Errors: kMasterKeyInvalid,
    // kVaultRolledBack.
    Result<void> rekey(const core::Secret& master, MasterKind kind,
                       const ScryptCost& cost = ScryptCost{});

  private:
    explicit Vault(VaultFolder folder) : folder_(std::move(folder)) {}

    Result<void> choose_head(const std::vector<Authenticated<VaultHead>>& heads,
                             const core::Secret& master);
    Result<void> unwrap_keys();
    void check_generation();
    void check_secrets(const VaultFile& file);
    void check_secret(const SealedSecret& secret, const Manifest* manifest);
    void add_key(std::uint32_t epoch, core::WallTime now);
    SealedSecret sealed(std::string_view name, std::uint64_t version, const core::Secret& value,
                        std::string changed) const;
    std::optional<core::Secret> opened(const SealedSecret& secret) const;
    void set_wrapping_key(core::Secret key, MasterKind kind, std::string salt,
                          const ScryptCost& cost);
    std::string mac_of(std::string_view text) const;
    Result<void> require_newest() const;
    Result<void> write();

    VaultFolder folder_;
    VaultHead head_;
    core::Secret wrapping_key_;
    core::Secret mac_key_;
    std::map<std::uint32_t, core::Secret> keys_;  // by epoch
    std::map<std::string, SealedSecret, std::less<>> secrets_;
    // Names of which the value is lost, with what the manifest knows of them.
    std::map<std::string, Manifest::Entry, std::less<>> damaged_;
    std::vector<std::pair<std::string, std::string>> kept_;  // name (or empty) and line of damage
    std::uint64_t newest_ = 0;                               // generation that was ever there
    std::vector<Error> problems_;
};

}  // namespace syncline::secret
