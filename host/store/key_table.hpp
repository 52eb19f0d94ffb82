// A table in memory by keys that come from outside: hashed with a seed of the process, asked
// without making a string. Concurrency: as for containers.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <string>
#include <string_view>

#include "core/hash.hpp"

namespace syncline::store {

struct KeyHash {
    using is_transparent = void;
    using is_avalanching = void;
    std::size_t operator()(std::string_view key) const { return core::hash64(key); }
};

struct KeyEqual {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};

template <class Value>
using KeyTable = boost::unordered_flat_map<std::string, Value, KeyHash, KeyEqual>;

}  // namespace syncline::store
