// The master key: what opens a vault. It is never stored beside it.
#pragma once

#include <filesystem>
#include <string>

#include "core/error.hpp"
#include "secret/vault_file.hpp"

namespace syncline::secret {

// What an operator gave, and from where.
struct MasterKey {
    core::Secret text;
    std::string source;  // for messages: `the file /etc/syncline/master.key`
};

// The first of: the systemd credential `syncline-master-key` ($CREDENTIALS_DIRECTORY), `key_file`
// unless it is empty, the variable SYNCLINE_MASTER_KEY. Errors: kMasterKeyMissing when there is
// none; those of LocalSource::file(). [any]
Result<MasterKey> find_master_key(const std::filesystem::path& key_file);

// A new key of 256 bits, as a line of text.
core::Secret make_master_key();

// Writes it to a new file that only its owner can read, durably. Errors: kVaultFailed, also when
// the file exists: a key is never overwritten.
Result<void> write_key_file(const std::filesystem::path& file, const core::Secret& key);

// The key that wraps a vault's keys. Errors: kMasterKeyInvalid for a text that can't be one.
Result<core::Secret> wrapping_key(const core::Secret& text, MasterKind kind, std::string_view salt,
                                  const ScryptCost& cost);

}  // namespace syncline::secret
