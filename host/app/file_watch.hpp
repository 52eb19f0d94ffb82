// Tells when a file has become another one.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "app/directory_watch.hpp"

namespace syncline::app {

// Its directory is watched, so that an editor may write a new file and rename it; of a link, what
// it leads to counts. What is written and then is as it was, a moment, a file that is gone: none of
// these is told. `changed` is called on the watch's thread, 200 ms after the last change.
// Errors: `app.watch_failed`. [any]
Result<std::unique_ptr<DirectoryWatch>> watch_file(const std::filesystem::path& file,
                                                   std::function<void()> changed);

}  // namespace syncline::app
