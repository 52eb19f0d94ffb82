#include "app/browser.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "app/child_environment.hpp"

namespace syncline::app {
namespace {

std::string_view variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string_view{} : std::string_view{value};
}

std::string program() {
    const std::string_view named = variable("BROWSER");
    const std::string_view first = named.substr(0, named.find(':'));
    if (!first.empty()) return std::string{first};
    const bool has_screen = !variable("DISPLAY").empty() || !variable("WAYLAND_DISPLAY").empty();
    return has_screen ? "xdg-open" : "";
}

}  // namespace

bool open_browser(const std::string& url) {
    std::string name = program(), address = url;
    if (name.empty()) return false;
    char* words[] = {name.data(), address.data(), nullptr};
    // The terminal stays the verb's: a code may be pasted there.
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    const int error =
        ::posix_spawnp(&child, name.c_str(), &actions, nullptr, words, child_environment().data());
    ::posix_spawn_file_actions_destroy(&actions);
    return error == 0;
}

}  // namespace syncline::app
