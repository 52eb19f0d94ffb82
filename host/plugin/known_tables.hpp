// The tables that a connector may have: their ids, how many bytes each has at least, and what of
// the manifest promises it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "plugin/manifest.hpp"

namespace syncline::plugin {

struct KnownTable {
    std::string_view id;
    std::uint32_t size_min = 0;
    bool Manifest::*promise = nullptr;  // null: who needs it has it, unasked
    const char* promised = "";          // for people: "to write"
};

std::span<const KnownTable> known_tables();

// Why the code does not hold what the manifest promises, as a sentence; empty if it does. `find` is
// the connector's get_table(). [any]
std::string table_problem(const Manifest& manifest,
                          const std::function<const void*(std::string_view id)>& find);

}  // namespace syncline::plugin
