// Small files that are replaced whole.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string_view>

namespace syncline::core {

// Puts the bytes into the file, with this mode whatever the umask: a reader, and whoever comes
// after a crash, finds the old bytes or the new ones. Durable when it returns. Writes `.<name>.new`
// beside it first. Returns 0, or what errno says. [any], one caller for a file.
int replace_file(const std::filesystem::path& file, std::string_view bytes, mode_t mode = 0600);

}  // namespace syncline::core
