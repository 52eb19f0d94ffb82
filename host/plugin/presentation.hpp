// What a manifest says for people: `branding`, and `presets`, mappings that an operator can take
// over. The host shows it and acts on none of it; it is checked because it ends in pages and
// terminals. Concurrency: pure functions. [any]
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

namespace syncline::plugin {

inline constexpr std::size_t kLogoBytesMax = 32 * 1024;

// Everything that is wrong with it, one sentence each; the manifest's other fields are not looked
// at but the names of its streams.
std::vector<std::string> presentation_problems(const boost::json::object& manifest);

// For a terminal, some lines; empty when there is nothing of it. The manifest has no such problem.
std::string presentation_text(const boost::json::object& manifest);

}  // namespace syncline::plugin
