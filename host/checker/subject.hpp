// The connector that is checked, as its file says it is. No code of it has run.
// Concurrency: [any].
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "core/error.hpp"
#include "plugin/manifest.hpp"
#include "plugin/services.hpp"

namespace syncline::checker {

struct Subject {
    std::filesystem::path library;  // a private copy: what is loaded
    std::string bytes;
    std::optional<plugin::Manifest> manifest;  // without one, `manifest_problem` says why
    std::string manifest_text;
    std::string manifest_problem;
    std::string settings = "{}";  // JSON, for init()
    std::uint64_t seed = 1;
    std::shared_ptr<plugin::Expressions> expressions;  // null: the host has none

    // The manifest, or why tests that need it are skipped.
    Result<const plugin::Manifest*> need_manifest() const;
};

// Errors: `checker.file_unreadable`. A file that is no connector is a subject as well.
Result<Subject> read_subject(const std::filesystem::path& file);

// The smallest settings that fit the manifest's schema: defaults, the first of an enum, "x", 1,
// http://127.0.0.1 and the like. Secret texts get words that can be told from all others. Errors:
// `checker.settings_invalid`: a person has to give them.
Result<std::string> make_settings(const plugin::Manifest& manifest);

}  // namespace syncline::checker
