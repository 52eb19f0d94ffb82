// Text that a person corrects in an editor, and text from files.
// Concurrency: blocks; for the verbs, which have one thread. [any]
// Limit: what is read has at most kTextBytesMax bytes; the rest of it is left, and stays an error
// of whoever checks the length.
#pragma once

#include <filesystem>
#include <string>

#include "core/error.hpp"

namespace syncline::app {

// Something longer than any record may be.
inline constexpr std::size_t kTextBytesMax = 64 * 1024 * 1024;

// Error: app.input_unreadable.
Result<std::string> read_all(int descriptor);
Result<std::string> read_all(const std::filesystem::path& file);

// $VISUAL, or $EDITOR. Error: app.bad_argument when neither is set.
Result<std::string> editor_command();

// What the editor makes of the text. It is in a folder of its own meanwhile, which only this user
// may enter; nothing of it stays, also when a signal ends the process. Error: app.editor_failed.
Result<std::string> edit_text(const std::string& editor, const std::string& text);

}  // namespace syncline::app
