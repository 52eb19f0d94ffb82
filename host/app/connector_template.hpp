// The template of a connector, copied under another name: `acme` becomes the new id, `Acme` the
// words of it (`FreshFruit`), and `ACME` a name for variables (`FRESH_FRUIT`), in texts and in
// names of files.
//
// Limits: 256 files of 1 MiB each. Links are left out, and so are `build` and `.git`.
// Concurrency: plain functions on files of the caller. [any]
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace syncline::app {

// Where the template is: beside the folder of the running program,
// `../share/syncline/sdk-template`, as it is installed and in a build alike. Error:
// app.template_unusable.
Result<std::filesystem::path> installed_template();

// `text` with the template's name replaced by `id` in its three forms.
std::string renamed(std::string_view text, std::string_view id);

// Makes `directory` and fills it; what was made is removed again when that fails. Returns the
// files, relative to the directory, in alphabetical order. Errors: app.bad_argument (no id for a
// connector), app.directory_exists, app.template_unusable, app.directory_unwritable.
Result<std::vector<std::filesystem::path>> make_connector(const std::filesystem::path& from,
                                                          std::string_view id,
                                                          const std::filesystem::path& directory);

}  // namespace syncline::app
