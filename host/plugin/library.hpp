// A connector's file as it was examined: whole, trusted, of our ABI, with a valid manifest. No code
// of it has run.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/error.hpp"
#include "plugin/drop_file.hpp"
#include "plugin/manifest.hpp"

namespace syncline::plugin {

struct Library {
    Manifest manifest;
    std::string manifest_text;  // as it stands in the file; the loaded code has to hold the same
    std::string bytes;
    std::string sha256_hex;  // of the bytes
};

// By the names of their files, each with what its file was like before it was read.
struct ExaminedLibraries {
    struct Examined {
        FileStamp stamp;
        Library library;
    };
    std::map<std::string, Examined> by_name;
};

// Reads and checks the file `name`. Errors: all that `plugin.file_*`, `plugin.not_a_*`,
// `plugin.manifest_invalid`, `plugin.abi_mismatch` and `plugin.host_too_old` stand for. [any]
Result<Library> examine_library(const DropDirectory& directory, const std::string& name);

// The same for bytes that were read already.
Result<Library> examine_bytes(std::string bytes);

}  // namespace syncline::plugin
