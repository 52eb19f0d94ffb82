// What `${...}` of a configuration stands for: the environment, files, and the vault.
//
// The vault is opened when the first secret of it is asked for, so that who has none needs no key.
// When it can't be opened (no master key, a wrong one), or a secret of it is damaged, the hub can
// start all the same: those values are sealed, which what depends on them has to respect.
#pragma once

#include <optional>
#include <vector>

#include "config/config.hpp"
#include "secret/local_source.hpp"
#include "secret/vault.hpp"

namespace syncline::secret {

// Concurrency: one thread at a time; nothing may change the environment meanwhile.
class VaultSource final : public config::SecretSource {
  public:
    std::optional<std::string> environment(const std::string& name) const override {
        return local_.environment(name);
    }
    Result<std::string> file(const std::filesystem::path& path) const override {
        return local_.file(path);
    }
    // Errors: kVaultMissing, kUnknownSecret.
    Result<VaultValue> vault(const config::Hub& hub, const std::string& name) const override;

    // Why values are sealed, and what is wrong with the vault beside: each once.
    const std::vector<Error>& remarks() const { return remarks_; }
    // Of the master key, while a copy of it lives.
    const core::Watch& watch() const { return watch_; }

  private:
    Result<void> open(const config::Hub& hub) const;
    VaultValue sealed() const;

    LocalSource local_;
    mutable bool is_asked_ = false;
    mutable std::optional<Vault> vault_;  // none: it could not be opened
    mutable std::vector<Error> remarks_;
    mutable core::Watch watch_;
    mutable std::string nobody_knows_;
};

}  // namespace syncline::secret
