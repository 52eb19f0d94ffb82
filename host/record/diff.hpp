// What changed in a record since it was last delivered, told from hashes instead of copies
// (invariant 5).
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/hash.hpp"

namespace syncline::record {

// The hash of one top-level field: 64 bits keyed by the field's name and the installation's seed.
struct FieldHash {
    std::uint64_t name;
    std::uint64_t value;
    bool operator==(const FieldHash&) const = default;
};

// What a key map row remembers of a delivered record.
struct Fingerprint {
    core::Hash128 row;                // over the canonical body
    std::vector<FieldHash> fields;    // sorted by the hash of the name
};

// Deterministic for equal JSON, whatever the order of members. [any]
Fingerprint fingerprint(const boost::json::object& body, std::uint64_t seed);

// What a key map row remembers of a deletion: no body has this hash, but for one chance in 2^128.
inline core::Hash128 deleted_hash() {
    core::Hash128 hash;
    hash.bytes.fill(0xff);
    return hash;
}

// 16 bytes a field, little-endian; the format of the key map row. decode gives an empty list for
// malformed bytes (a part of a field, fields out of order): the row then counts as never delivered.
// [any]
std::string encode_field_hashes(const std::vector<FieldHash>& fields);
std::vector<FieldHash> decode_field_hashes(std::string_view bytes);

}  // namespace syncline::record
