// The manifest's text, read into a Manifest. It is untrusted, and written by people: everything
// that is wrong is said.
#pragma once

#include <compare>
#include <string_view>

#include "core/error.hpp"
#include "plugin/connector.hpp"

namespace syncline::plugin {

inline constexpr std::size_t kManifestBytesMax = 256 * 1024;

// Errors: `plugin.abi_mismatch`, `plugin.host_too_old` (both before anything else is looked at,
// with both versions), `plugin.manifest_invalid` (all problems, separated by `; `). [any]
Result<Manifest> parse_manifest(std::string_view text);

// 1 to 64 lower-case letters, digits and '-', beginning with a letter. [any]
bool is_connector_id(std::string_view text);

// The order of semantic versions (precedence; build metadata does not count). Both were accepted by
// parse_manifest.
std::strong_ordering compare_versions(std::string_view a, std::string_view b);

}  // namespace syncline::plugin
