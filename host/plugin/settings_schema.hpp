// The JSON Schema (draft 7) by which a connector describes its settings. A subset is understood:
// enough for a form, and nothing that could make a schema from a strange file recurse or fetch.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "plugin/manifest.hpp"

namespace syncline::plugin {

// Adds a sentence for everything in the schema that is wrong or outside the subset. [any]
void check_schema(const boost::json::object& schema, std::vector<std::string>& problems);

// Gives the settings the `default` of every property that is absent, so that a connector sees them
// all. In place: they may be in memory for secrets. [any]
void add_defaults(const boost::json::object& schema, boost::json::object& settings);

// The error lists every violation of the manifest's schema as `/pointer: sentence`. [any]
Result<void> check_settings(const Manifest& manifest, const boost::json::object& settings);

}  // namespace syncline::plugin
