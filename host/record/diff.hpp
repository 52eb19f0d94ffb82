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

// Records with more fields or longer names are told apart as wholes only.
inline constexpr std::size_t kFieldsMax = 1000;
inline constexpr std::size_t kFieldNameBytesMax = 255;

// One top-level field. The name is in clear, so that a field that went away can be named; the hash
// of the value is 64 bits, keyed by the name and the installation's seed.
struct FieldHash {
    std::string name;
    std::uint64_t value = 0;
    bool operator==(const FieldHash&) const = default;
};

// What a key map row remembers of a delivered record.
struct Fingerprint {
    core::Hash128 row;              // over the canonical body
    std::vector<FieldHash> fields;  // sorted by name; none beyond the limits
};

// By names of top-level fields, sorted.
struct FieldChanges {
    std::vector<std::string> changed;  // new or different
    std::vector<std::string> unset;    // there before, not now
};

// Deterministic for equal JSON, whatever the order of members. [any]
Fingerprint fingerprint(const boost::json::object& body, std::uint64_t seed);

// What a key map row remembers of a deletion: no body has this hash, but for one chance in 2^128.
inline core::Hash128 deleted_hash() {
    core::Hash128 hash;
    hash.bytes.fill(0xff);
    return hash;
}

// What differs. [any]
FieldChanges changes(const std::vector<FieldHash>& before, const std::vector<FieldHash>& now);

// One byte of length, the name, 8 bytes little-endian for each field: the format of the key map
// row. decode gives an empty list for malformed bytes (a part of a field, fields out of order):
// what the destination has is then not known by fields. [any]
std::string encode_field_hashes(const std::vector<FieldHash>& fields);
std::vector<FieldHash> decode_field_hashes(std::string_view bytes);

}  // namespace syncline::record
