#include "app/connector_template.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <utility>

#include "app/errc.hpp"
#include "app/words.hpp"
#include "plugin/manifest.hpp"

namespace syncline::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFilesMax = 256;
constexpr std::size_t kFileBytesMax = 1024 * 1024;

struct TemplateFile {
    fs::path name;  // relative, already under the new name
    std::string text;
    fs::perms permissions;
};

Error unusable(const fs::path& what, const std::string& why) {
    return Error{kTemplateUnusable, "the template " + what.string() + ": " + why};
}

// `fresh-fruit` as a C++ class has it: FreshFruit.
std::string in_words(std::string_view id) {
    std::string words;
    bool is_begin = true;
    for (const char c : id) {
        if (c != '-') words += is_begin && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
        is_begin = c == '-';
    }
    return words;
}

std::string in_capitals(std::string_view id) {
    std::string capitals{id};
    for (char& c : capitals) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
        if (c == '-') c = '_';
    }
    return capitals;
}

bool is_left_out(const fs::path& name) {
    return name == "build" || name == ".git";
}

Result<TemplateFile> read_one(const fs::path& from, const fs::path& name, std::string_view id) {
    std::ifstream file{from / name, std::ios::binary};
    std::string text{std::istreambuf_iterator<char>{file}, {}};
    if (!file.good() && !file.eof()) return unusable(from / name, "it can't be read");
    if (text.size() > kFileBytesMax) return unusable(from / name, "it has more than 1 MiB");
    std::error_code error;
    const fs::perms permissions = fs::status(from / name, error).permissions();
    if (error) return unusable(from / name, error.message());
    return TemplateFile{renamed(name.string(), id), renamed(text, id), permissions};
}

// All of it is read before anything is written.
Result<std::vector<TemplateFile>> read_template(const fs::path& from, std::string_view id) {
    std::vector<TemplateFile> files;
    std::error_code error;
    fs::recursive_directory_iterator at{from, error};
    if (error) return unusable(from, error.message());
    for (; at != fs::recursive_directory_iterator{}; at.increment(error)) {
        if (is_left_out(at->path().filename())) {
            at.disable_recursion_pending();
        } else if (!at->is_symlink(error) && at->is_regular_file(error)) {
            if (files.size() == kFilesMax) return unusable(from, "it has more than 256 files");
            SYNCLINE_TRY(TemplateFile file,
                         read_one(from, at->path().lexically_relative(from), id));
            files.push_back(std::move(file));
        }
        if (error) return unusable(from, error.message());
    }
    if (error) return unusable(from, error.message());
    if (files.empty()) return unusable(from, "it has no files");
    std::sort(files.begin(), files.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    return files;
}

Result<void> write_one(const fs::path& directory, const TemplateFile& file) {
    const fs::path path = directory / file.name;
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    std::ofstream out{path, std::ios::binary};
    out << file.text;
    out.close();
    if (!error && !out.fail()) fs::permissions(path, file.permissions, error);
    if (error || out.fail())
        return Error{kDirectoryUnwritable,
                     "can't write " + path.string() + (error ? ": " + error.message() : "")};
    return {};
}

Result<void> make_directory(const fs::path& directory) {
    std::error_code error;
    if (fs::exists(fs::symlink_status(directory, error)))
        return Error{kDirectoryExists, directory.string() + " is there already"};
    if (directory.has_parent_path()) fs::create_directories(directory.parent_path(), error);
    if (!fs::create_directory(directory, error))
        return Error{kDirectoryUnwritable,
                     "can't make the directory " + directory.string() + ": " + error.message()};
    return {};
}

}  // namespace

Result<fs::path> installed_template() {
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    if (error) return Error{kTemplateUnusable, "can't tell where this program is"};
    fs::path found = program.parent_path().parent_path() / "share/syncline/sdk-template";
    if (!fs::is_directory(found, error)) return unusable(found, "it is not there");
    return found;
}

std::string renamed(std::string_view text, std::string_view id) {
    const std::array<std::pair<std::string_view, std::string>, 3> forms{
        {{"acme", std::string{id}}, {"Acme", in_words(id)}, {"ACME", in_capitals(id)}}};
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        const auto form = std::find_if(forms.begin(), forms.end(), [&](const auto& each) {
            return text.starts_with(each.first);
        });
        if (form != forms.end()) {
            result += form->second;
            text.remove_prefix(form->first.size());
        } else {
            result += text.front();
            text.remove_prefix(1);
        }
    }
    return result;
}

Result<std::vector<fs::path>> make_connector(const fs::path& from, std::string_view id,
                                             const fs::path& directory) {
    if (!plugin::is_connector_id(id))
        return Error{kBadArgument,
                     "`" + std::string{id} + "` is no id for a connector: it has 1 to 64 " +
                         "lower-case letters, digits and `-`, and begins with a letter"};
    SYNCLINE_TRY(const std::vector<TemplateFile> files, read_template(from, id));
    SYNCLINE_CHECK(make_directory(directory));
    std::vector<fs::path> names;
    for (const TemplateFile& file : files) {
        const Result<void> written = write_one(directory, file);
        if (written.has_error()) {
            std::error_code ignored;
            fs::remove_all(directory, ignored);
            return written.error();
        }
        names.push_back(file.name);
    }
    return names;
}

}  // namespace syncline::app
