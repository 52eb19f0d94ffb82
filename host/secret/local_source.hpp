// Where `${...}` of a configuration comes from: the environment of the process and files of its
// owner.
//
// Limits: a file holds at most 64 KiB. No value ever gets into an error.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/error.hpp"

namespace syncline::secret {

// Concurrency: [any], as long as nothing changes the environment, which the hub never does.
class LocalSource {
  public:
    static constexpr std::size_t kFileBytesMax = 64 * 1024;

    std::optional<std::string> environment(const std::string& name) const;

    // The content without one line break at its end. Errors: `config.file_missing`,
    // `config.file_unreadable`, and `config.file_mode` unless it is a regular file (no link) that
    // nobody but its owner may read or write.
    Result<std::string> file(const std::filesystem::path& path) const;
};

}  // namespace syncline::secret
