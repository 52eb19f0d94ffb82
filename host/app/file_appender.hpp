// Files that connectors append to: one thread writes for all of them, and what has queued up for a
// file goes out in one write and one flush.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "plugin/services.hpp"

namespace syncline::app {

// Purpose: durable appends, in order for each file; accounts that name the same file share it.
// Lifecycle: its thread lives from the first append to stop(); whoever holds a share may outlive
//   that and is told false.
// Errors, to the completions: `app.file_unusable` (the path is no file that can be written),
//   `app.append_failed` (a full or failing disk). Both may be over at the next append.
// Limits: kQueueBytesMax; one append alone may have more.
// Concurrency: [any].
class FileAppender final : public plugin::FileAppender {
  public:
    static constexpr std::size_t kQueueBytesMax = 64 * 1024 * 1024;

    FileAppender();
    ~FileAppender() override;

    // Files are made with mode 0640, in a folder that is there. One that was moved away or removed
    // is made anew, as log rotation wants it. Bytes that end with a line end are preceded by one
    // when the file ends in the midst of a line.
    bool append(std::filesystem::path file, std::string bytes,
                std::function<void(Result<void>)> done) override;

    // Takes no more, and waits until what is queued is written; a thread that the disk holds past
    // the deadline is left behind. Idempotent.
    void stop(std::chrono::milliseconds deadline);

  private:
    struct Shared;
    const std::shared_ptr<Shared> shared_;
};

}  // namespace syncline::app
