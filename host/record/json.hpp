// JSON as the hub reads and writes it: bounded in depth and size, exact for 64-bit integers, UTF-8
// checked.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/hash.hpp"

namespace syncline::record {

namespace json = boost::json;

struct JsonLimits {
    std::size_t depth_max = 64;
    // Of members with one name the last holds. Otherwise they are an error: readers would differ
    // about what such a text says, the one that checked it and the one that acts on it.
    bool allows_duplicate_keys = false;
};

// Parses one JSON text. Error `record.json_invalid` names line and column (in characters).
// Integers that fit 64 bits, signed or unsigned, are exact; any
// other number becomes the nearest double, and one too large for a double is refused. [any]
Result<json::value> parse_json(std::string_view text, JsonLimits limits = {});

// Compact text, members in their order, numbers spelled as in canonical_json(). [any]
std::string write_json(const json::value& value);

// Canonical text: members sorted by their bytes, numbers in one spelling, no white space. Two
// values that are equal as JSON give the same bytes; what is hashed and compared is this, never the
// tree. A number is spelled as an integer where its value is an integer of 64 bits (1, 1.0 and 1e0
// are `1`; -0 is `0`), otherwise as the shortest decimal that reads back as the same double. [any]
std::string canonical_json(const json::value& value);

}  // namespace syncline::record
