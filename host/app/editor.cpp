#include "app/editor.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "app/child_environment.hpp"
#include "app/errc.hpp"

namespace syncline::app {
namespace {

class File {
  public:
    explicit File(int descriptor) : descriptor_(descriptor) {}
    ~File() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    int descriptor() const { return descriptor_; }

  private:
    const int descriptor_;
};

// Signals that end a process wait until what has to be removed is gone.
class SignalsHeld {
  public:
    SignalsHeld() {
        sigset_t ending;
        ::sigemptyset(&ending);
        for (int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP}) ::sigaddset(&ending, signal);
        ::pthread_sigmask(SIG_BLOCK, &ending, &before_);
    }
    ~SignalsHeld() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsHeld(const SignalsHeld&) = delete;
    SignalsHeld& operator=(const SignalsHeld&) = delete;
    const sigset_t& before() const { return before_; }

  private:
    sigset_t before_{};
};

// A folder that only this user may enter; removed with all that an editor left in it.
class PrivateFolder {
  public:
    PrivateFolder() {
        std::error_code error;
        std::filesystem::path base = std::filesystem::temp_directory_path(error);
        std::string name = ((error ? "/tmp" : base) / "syncline-edit.XXXXXX").string();
        if (::mkdtemp(name.data()) != nullptr) path_ = name;
    }
    ~PrivateFolder() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }
    PrivateFolder(const PrivateFolder&) = delete;
    PrivateFolder& operator=(const PrivateFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

Error failed(const std::string& what) {
    return Error{kEditorFailed, what + ": " + std::strerror(errno)};
}

Result<void> write_private(const std::filesystem::path& path, std::string_view text) {
    File file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (file.descriptor() < 0) return failed("can't make a file for the editor");
    while (!text.empty()) {
        ssize_t n = ::write(file.descriptor(), text.data(), text.size());
        if (n < 0) return failed("can't write a file for the editor");
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

// The editor's command may have words of its own; the file is one more.
Result<void> run_editor(const std::string& editor, const std::filesystem::path& file,
                        const sigset_t& mask) {
    std::string command = editor + " \"$1\"", name = "sh", option = "-c", path = file.string();
    char* words[] = {name.data(), option.data(), command.data(), name.data(), path.data(), nullptr};
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    ::posix_spawnattr_setsigmask(&attributes, &mask);
    pid_t child = 0;
    errno =
        ::posix_spawn(&child, "/bin/sh", nullptr, &attributes, words, child_environment().data());
    ::posix_spawnattr_destroy(&attributes);
    if (errno != 0) return failed("can't start the editor");
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return failed("can't wait for the editor");
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    return Error{kEditorFailed, "the editor did not end well: nothing was changed"};
}

}  // namespace

Result<std::string> read_all(int descriptor) {
    std::string text;
    char buffer[64 * 1024];
    while (text.size() < kTextBytesMax) {
        ssize_t n = ::read(descriptor, buffer, sizeof buffer);
        if (n == 0) break;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return Error{kInputUnreadable, std::string{"can't read: "} + std::strerror(errno)};
        text.append(buffer, static_cast<std::size_t>(n));
    }
    return text;
}

Result<std::string> read_all(const std::filesystem::path& file) {
    File opened{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
    if (opened.descriptor() < 0)
        return Error{kInputUnreadable, "can't read " + file.string() + ": " + std::strerror(errno)};
    return read_all(opened.descriptor());
}

Result<std::string> editor_command() {
    for (const char* name : {"VISUAL", "EDITOR"}) {
        const char* value = std::getenv(name);
        if (value != nullptr && *value != '\0') return std::string{value};
    }
    return Error{kBadArgument, "there is no new body: neither VISUAL nor EDITOR is set",
                 "set one of them, write the body to standard input, or name it with --file"};
}

Result<std::string> edit_text(const std::string& editor, const std::string& text) {
    const SignalsHeld held;
    const PrivateFolder folder;
    if (folder.path().empty()) return failed("can't make a folder for the editor");
    const std::filesystem::path file = folder.path() / "record.json";
    SYNCLINE_CHECK(write_private(file, text));
    SYNCLINE_CHECK(run_editor(editor, file, held.before()));
    return read_all(file);
}

}  // namespace syncline::app
