// Small files that are replaced whole.
#pragma once

#include <filesystem>
#include <string_view>

namespace syncline::core {

// Puts the text into the file, which its owner alone can read: a reader, and whoever comes after a
// crash, finds the old text or the new one. Durable when it returns. Writes `<file>.new` first.
// Returns 0, or what errno says. [any], one caller for a file.
int replace_file(const std::filesystem::path& file, std::string_view text);

}  // namespace syncline::core
