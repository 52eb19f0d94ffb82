// The refresh tokens of the accounts in the hub's vault, beside whom operators change it: read and
// replaced while nobody else does.
//
// The vault is opened anew each time, and locked for as long as it is being changed. What an
// operator holds for a moment is secret.vault_busy then: to be tried again.
// Errors: those of module secret.
#pragma once

#include <string>

#include "config/config.hpp"
#include "core/clock.hpp"
#include "secret/vault.hpp"

namespace syncline::app {

// An account of which the hub keeps the refresh token. `initial`: that of the configuration, or
// empty.
struct KeptAccount {
    std::string name;
    core::Secret initial;
};

// Opens the vault of this hub. It may wait for the disk, and for the work of a passphrase. [any]
Result<secret::Vault> open_vault(const config::Hub& hub, secret::Vault::Access access);

// The token that counts: the one of the vault, unless it goes back to another initial one than the
// configuration has now, which somebody has changed since; or else the initial one. May be empty.
// [any]
Result<core::Secret> refresh_token_of(const secret::Vault& vault, const KeptAccount& account);

// Makes `token` durable as one that goes back to the account's initial one. Changes follow each
// other: the vault is open for a change. [any]
Result<void> store_refresh_token(secret::Vault& vault, const KeptAccount& account,
                                 const core::Secret& token, core::WallTime now);

// Makes `fresh` durable if `used` still counts. Returns the one that counts then. [any]
Result<core::Secret> replace_refresh_token(const config::Hub& hub, const KeptAccount& account,
                                           const core::Secret& used, const core::Secret& fresh,
                                           const core::Clock& clock);

}  // namespace syncline::app
