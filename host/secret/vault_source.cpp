#include "secret/vault_source.hpp"

#include <algorithm>

#include "core/hash.hpp"
#include "secret/errc.hpp"

namespace syncline::secret {

Result<config::SecretSource::VaultValue> VaultSource::vault(const config::Hub& hub,
                                                            const std::string& name) const {
    SYNCLINE_CHECK(open(hub));
    if (!vault_) return sealed();
    Result<core::Secret> value = vault_->get(name);
    if (value.has_value()) return VaultValue{std::string{value->reveal()}};
    // Opening the vault has told which secrets are damaged.
    if (value.error().is(kSecretDamaged)) return sealed();
    return value.error();
}

Result<void> VaultSource::open(const config::Hub& hub) const {
    const std::filesystem::path folder = Vault::folder_of(hub.data_dir);
    if (!Vault::exists(folder))
        return Error{kVaultMissing, "there is no vault in " + folder.string()};
    if (std::exchange(is_asked_, true)) return {};
    Result<MasterKey> master = find_master_key(hub.vault_key_file);
    if (!master.has_value()) {
        remarks_.push_back(master.error());
        return {};
    }
    watch_ = core::Watch{master->text.reveal()};
    Result<Vault> vault = Vault::open(folder, master->text);
    if (!vault.has_value()) {
        remarks_.push_back(std::move(vault).error().at(master->source));
        return {};
    }
    vault_ = std::move(*vault);
    remarks_ = vault_->problems();
    return {};
}

// Whoever forgets to look whether a value is sealed holds one that fits nothing.
config::SecretSource::VaultValue VaultSource::sealed() const {
    if (nobody_knows_.empty()) nobody_knows_ = core::to_hex(random_bytes(kKeyBytes));
    return VaultValue{nobody_knows_, true};
}

}  // namespace syncline::secret
