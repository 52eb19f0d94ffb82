// YAML whose shape the hub does not know, as JSON: settings of accounts, records of tests.
#pragma once

#include <map>
#include <string>

#include "config/document.hpp"
#include "config/section.hpp"
#include "record/locked_object.hpp"

namespace syncline::config {

struct Settings {
    record::LockedObject values;
    std::map<std::string, Position> positions;  // JSON pointer -> place; "" is the whole
};

// Plain scalars get the type that YAML's core schema gives them; whatever is quoted or holds a
// variable is a text. `path` is how messages call the map. [any]
Settings read_settings(Context& context, const Node& map, const std::string& path, SecretUse use);

}  // namespace syncline::config
