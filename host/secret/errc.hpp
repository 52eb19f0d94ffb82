// The error codes of the vault: public contract.
#pragma once

#include "core/error.hpp"

namespace syncline::secret {

using core::ErrorClass;
using core::ErrorCode;

inline constexpr ErrorCode kVaultMissing{"secret.vault_missing", ErrorClass::kConfig,
                                         "make one: syncline secrets init"};
inline constexpr ErrorCode kVaultExists{
    "secret.vault_exists", ErrorClass::kConfig,
    "use it as it is; another master key is given with `syncline secrets rekey`"};
inline constexpr ErrorCode kVaultDamaged{
    "secret.vault_damaged", ErrorClass::kEnvironment,
    "put back a backup of the vault; the generation before this one is beside it"};
inline constexpr ErrorCode kVaultRolledBack{
    "secret.vault_rolled_back", ErrorClass::kEnvironment,
    "put the newest vault back; if an older one is meant, confirm it: syncline secrets rotate"};
inline constexpr ErrorCode kVaultBusy{"secret.vault_busy", ErrorClass::kTransient,
                                      "another command is changing the vault: try again"};
inline constexpr ErrorCode kVaultFailed{"secret.vault_failed", ErrorClass::kEnvironment,
                                        "check the disk and the permissions of the data directory"};

inline constexpr ErrorCode kMasterKeyMissing{
    "secret.master_key_missing", ErrorClass::kEnvironment,
    "give the hub its master key: a systemd credential `syncline-master-key`, "
    "`hub.vault.key_file`, or the variable SYNCLINE_MASTER_KEY"};
inline constexpr ErrorCode kMasterKeyInvalid{
    "secret.master_key_invalid", ErrorClass::kEnvironment,
    "a master key is what `syncline secrets init` made: 64 hexadecimal digits, or the passphrase"};
inline constexpr ErrorCode kMasterKeyWrong{"secret.master_key_wrong", ErrorClass::kEnvironment,
                                           "give the key that belongs to this vault"};

inline constexpr ErrorCode kUnknownSecret{"secret.unknown", ErrorClass::kConfig,
                                          "store it: syncline secrets set NAME"};
inline constexpr ErrorCode kSecretDamaged{"secret.damaged", ErrorClass::kEnvironment,
                                          "store it again: syncline secrets set NAME"};
inline constexpr ErrorCode kNameInvalid{
    "secret.name_invalid", ErrorClass::kConfig,
    "use 1 to 80 letters, digits, `_`, `-` and `.`, beginning with a letter"};
inline constexpr ErrorCode kValueInvalid{"secret.value_invalid", ErrorClass::kConfig,
                                         "give 1 byte to 64 KiB on standard input"};

}  // namespace syncline::secret
