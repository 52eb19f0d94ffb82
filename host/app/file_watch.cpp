#include "app/file_watch.hpp"

#include <sys/stat.h>

#include <optional>
#include <tuple>
#include <utility>

namespace syncline::app {
namespace {

using Stamp = std::tuple<dev_t, ino_t, off_t, time_t, long>;

// Nothing while there is no file.
std::optional<Stamp> stamp_of(const std::filesystem::path& file) {
    struct stat seen {};
    if (::stat(file.c_str(), &seen) != 0) return std::nullopt;
    return Stamp{seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtim.tv_sec, seen.st_mtim.tv_nsec};
}

}  // namespace

Result<std::unique_ptr<DirectoryWatch>> watch_file(const std::filesystem::path& file,
                                                   std::function<void()> changed) {
    const std::filesystem::path place = std::filesystem::absolute(file);
    std::error_code ignored;
    const bool is_link = std::filesystem::is_symlink(place, ignored);
    DirectoryWatch::Options options;
    options.directory = place.parent_path();
    // What a link leads to may change by the name of another link in the directory.
    options.is_of_interest = [is_link, name = place.filename().string()](
                                 std::string_view changing) { return is_link || changing == name; };
    options.changed =
        [place, known = stamp_of(place), tell = std::move(changed)](
            const std::stop_token&) mutable -> std::optional<std::chrono::milliseconds> {
        const auto now = stamp_of(place);
        if (!now || now == known) return std::nullopt;
        known = now;
        tell();
        return std::nullopt;
    };
    return DirectoryWatch::start(std::move(options));
}

}  // namespace syncline::app
