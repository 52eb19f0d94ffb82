// How verbs come to the vault: the master key from where the hub has it, or from a person.
// Concurrency: the process's first thread.
#pragma once

#include <string>

#include "config/config.hpp"
#include "core/secret.hpp"
#include "secret/master_key.hpp"
#include "secret/vault.hpp"

namespace syncline::app {

// All of standard input, or one line that a terminal does not show; without one line break at its
// end. At most one byte more than a value of the vault may have.
core::Secret ask_for(const std::string& what);

// The first that is given to the hub; on a terminal a person is asked when there is none. Errors:
// those of find_master_key(), kVaultMissing.
Result<secret::MasterKey> master_key_of(const config::Hub& hub);

// Errors: those of Vault::open().
Result<secret::Vault> open_vault(const config::Hub& hub, const secret::MasterKey& master,
                                 secret::Vault::Access access);

}  // namespace syncline::app
