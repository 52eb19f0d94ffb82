// The file of a vault, before anyone has a key to it: lines of JSON, one for each thing, with an
// empty line between them, so that damage stays where it is.
//
//   {"vault":{...},"mac":...}      the head: generation, wrapped keys, how to test a master key
//   {"secret":{...}}               one for each
//   {"manifest":{...},"mac":...}   which secrets there are: none can go, or come back, unnoticed
//   the head once more
//
// Bytes are written in lower-case hexadecimal, which leaves one way to write each value: any
// changed byte is noticed. Concurrency: values. [any]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "secret/cipher.hpp"

namespace syncline::secret {

enum class MasterKind { kKey, kPassphrase };

struct VaultHead {
    struct WrappedKey {
        std::uint32_t epoch = 0;
        std::string created;  // ISO 8601
        std::string wrapped;
    };

    std::string id;  // 16 random bytes: records of another vault are none of this one
    std::uint64_t generation = 0;
    MasterKind kind = MasterKind::kKey;
    std::string salt;   // of the passphrase; empty for a key
    ScryptCost cost;    // of the passphrase
    std::string check;  // tells a wrong master key from a damaged file
    std::vector<WrappedKey> keys;

    std::string text() const;  // what the code of authenticity covers
};

struct SealedSecret {
    std::string name;
    std::uint64_t version = 0;  // counts the values that the name has had
    std::uint32_t epoch = 0;    // of the key that sealed it
    std::string changed;        // ISO 8601
    std::string salt;
    std::string sealed;

    std::string line() const;
    // Binds the value to its place: moved, renamed or older, it does not open.
    std::string associated(std::string_view vault_id) const;
};

struct Manifest {
    struct Entry {
        std::string name;
        std::uint64_t version = 0;
        std::string digest;  // of the secret's line
    };

    std::uint64_t generation = 0;
    std::vector<Entry> entries;

    std::string text() const;
    const Entry* find(std::string_view name) const;
};

std::string digest_of(std::string_view line);

template <class T>
struct Authenticated {
    T value;
    std::string mac;
};

// What could be read of a file; nothing of it is proven yet.
struct VaultFile {
    std::vector<Authenticated<VaultHead>> heads;  // two of a file that is whole
    std::vector<SealedSecret> secrets;
    std::optional<Authenticated<Manifest>> manifest;
    std::vector<std::string> unreadable;  // lines

    static VaultFile parse(std::string_view text);
    std::string text() const;
};

}  // namespace syncline::secret
