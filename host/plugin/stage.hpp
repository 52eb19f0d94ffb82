// Private copies of libraries: only they are ever loaded, so what happens to the dropped file later
// has no effect, and each has a name of its own, because the loader answers a known name with the
// library that it already has.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/error.hpp"

namespace syncline::plugin {

// Makes the directory with mode 0700, or checks that it is ours alone, and removes the copies that
// an earlier process left. Errors: `plugin.stage_failed`. [any]
Result<void> prepare_stage(const std::filesystem::path& directory);

// Writes `<id>-<first digits of the SHA-256>-g<generation>.so` with mode 0500 and returns its path.
// Errors: `plugin.stage_failed`, also when the file exists. [any]
Result<std::filesystem::path> stage_library(const std::filesystem::path& directory,
                                            std::string_view id, std::uint64_t generation,
                                            std::string_view sha256_hex, std::string_view bytes);

// Makes the directory with mode 0700 unless it is there. Errors: `plugin.stage_failed`. [any]
Result<void> make_private_directory(const std::filesystem::path& directory);

}  // namespace syncline::plugin
