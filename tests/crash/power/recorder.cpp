#include "recorder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <fstream>

namespace syncline::test {
namespace {

std::string folder_of(const std::string& name) {
    return name.substr(0, name.find('/'));
}

bool is_ignored(const std::string& name) {
    // Locks mean nothing after a cut; the ballast holds nothing.
    return name.ends_with("lock.mdb") || name == ".lock" || name == "ballast";
}

}  // namespace

struct Recorder::Image {
    struct Content {
        std::string bytes;
        void write(std::uint64_t offset, std::string_view data) {
            if (bytes.size() < offset + data.size()) bytes.resize(offset + data.size(), '\0');
            bytes.replace(offset, data.size(), data);
        }
        void grow(std::uint64_t size) {
            if (bytes.size() < size) bytes.resize(size, '\0');
        }
    };
    std::map<FileId, Content> contents;
    std::map<std::string, FileId> names;

    void apply_name(const Step& step) {
        if (step.kind == Kind::kCreate) names[step.text] = step.file;
        if (step.kind == Kind::kUnlink) names.erase(step.text);
        if (step.kind == Kind::kRename) {
            names[step.to] = step.file;
            names.erase(step.text);
        }
    }
};

Recorder::Recorder(std::filesystem::path root)
    : root_(std::filesystem::canonical(root).string() + "/") {}

std::size_t Recorder::now() {
    std::lock_guard lock{mutex_};
    return steps_.size();
}

void Recorder::go_on_from(std::size_t moment, const std::filesystem::path& root) {
    std::lock_guard lock{mutex_};
    steps_.resize(moment);
    Image image;
    for (const Step& step : steps_) image.apply_name(step);
    names_ = image.names;
    root_ = std::filesystem::canonical(root).string() + "/";
    syncing_.clear();
    synchronous_.clear();
}

std::string Recorder::name_of(const char* path) const {
    std::string name{path};
    if (!name.starts_with(root_)) return {};
    name = name.substr(root_.size());
    return is_ignored(name) ? std::string{} : name;
}

std::string Recorder::name_of(int fd) const {
    char path[PATH_MAX];
    ssize_t size =
        ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path - 1);
    if (size <= 0) return {};
    path[size] = '\0';
    return name_of(path);
}

Recorder::FileId Recorder::file_of(int fd) const {
    auto found = names_.find(name_of(fd));
    return found == names_.end() ? 0 : found->second;
}

void Recorder::opened(int fd, const char* path, int flags, bool is_new) {
    std::lock_guard lock{mutex_};
    std::string name = name_of(path);
    if (name.empty()) return;
    if (is_new) {
        names_[name] = ++last_file_;
        steps_.push_back(Step{Kind::kCreate, last_file_, 0, 0, name, {}});
    }
    synchronous_.erase(fd);
    if ((flags & O_DSYNC) != 0) synchronous_[fd] = names_[name];
}

void Recorder::written(int fd, std::uint64_t offset, std::string_view bytes) {
    std::lock_guard lock{mutex_};
    FileId file = file_of(fd);
    if (file == 0) return;
    steps_.push_back(Step{Kind::kWrite, file, offset, 0, std::string{bytes}, {}});
    auto synchronous = synchronous_.find(fd);
    if (synchronous == synchronous_.end() || synchronous->second != file) return;
    // LMDB's meta page: this write is durable, what others wrote to the file before it is not.
    // Strictly less than a flush.
    steps_.push_back(Step{Kind::kSync, file, 1, steps_.size(), {}, {}});
}

void Recorder::sync_begins(int fd) {
    std::lock_guard lock{mutex_};
    syncing_[fd] = steps_.size();
}

void Recorder::synced(int fd) {
    std::lock_guard lock{mutex_};
    auto began = syncing_.find(fd);
    if (began == syncing_.end()) return;
    std::size_t covers = began->second;
    syncing_.erase(began);
    if (FileId file = file_of(fd); file != 0) {
        steps_.push_back(Step{Kind::kSync, file, 0, covers, {}, {}});
        return;
    }
    char path[PATH_MAX];
    ssize_t size =
        ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path - 1);
    if (size <= 0) return;
    std::string folder{path, static_cast<std::size_t>(size)};
    if (folder.starts_with(root_)) {
        steps_.push_back(Step{Kind::kDirectorySync, 0, 0, covers, folder.substr(root_.size()), {}});
    }
}

bool Recorder::is_sync_lie(int fd) {
    std::lock_guard lock{mutex_};
    return is_lying_ && name_of(fd).starts_with("journal/");
}

void Recorder::allocated(int fd, std::uint64_t size) {
    std::lock_guard lock{mutex_};
    if (FileId file = file_of(fd); file != 0)
        steps_.push_back(Step{Kind::kAllocate, file, size, 0, {}, {}});
}

void Recorder::unlinked(const char* path) {
    std::lock_guard lock{mutex_};
    std::string name = name_of(path);
    if (names_.erase(name) > 0) steps_.push_back(Step{Kind::kUnlink, 0, 0, 0, name, {}});
}

void Recorder::renamed(const char* from, const char* to) {
    std::lock_guard lock{mutex_};
    std::string old_name = name_of(from);
    auto found = names_.find(old_name);
    if (found == names_.end()) return;
    std::string new_name = name_of(to);
    FileId file = found->second;
    names_.erase(found);
    names_[new_name] = file;
    steps_.push_back(Step{Kind::kRename, file, 0, 0, old_name, new_name});
}

// Per step: is it durable at `moment`? Folders: how far their names are.
std::vector<std::size_t> Recorder::durable_until(
    std::size_t moment, std::map<std::string, std::size_t>& folders) const {
    std::vector<std::size_t> until(last_file_ + 1, 0);
    for (std::size_t i = 0; i < moment; ++i) {
        const Step& step = steps_[i];
        if (step.kind == Kind::kSync && step.offset == 0)
            until[step.file] = std::max(until[step.file], step.covers);
        if (step.kind == Kind::kDirectorySync)
            folders[step.text] = std::max(folders[step.text], step.covers);
    }
    return until;
}

void Recorder::build_all(std::size_t moment, const std::filesystem::path& to) const {
    Image image;
    for (std::size_t i = 0; i < moment; ++i) {
        const Step& step = steps_[i];
        if (step.kind == Kind::kWrite) image.contents[step.file].write(step.offset, step.text);
        if (step.kind == Kind::kAllocate) image.contents[step.file].grow(step.offset);
        image.apply_name(step);
    }
    write_out(image, to);
}

void Recorder::build_cut(std::size_t moment, std::mt19937_64& random,
                         const std::filesystem::path& to) const {
    std::map<std::string, std::size_t> folders;
    std::vector<std::size_t> until = durable_until(moment, folders);
    const std::size_t unit = random() % 2 == 0 ? 4096 : 512;
    const std::uint64_t kept_of_ten = random() % 11;  // from "nothing more" to "everything"
    std::map<std::string, std::size_t> names_until;
    for (const char* folder : {"journal", "state", "bodies"}) {
        std::size_t durable = folders.contains(folder) ? folders[folder] : 0;
        names_until[folder] = durable + random() % (moment - durable + 1);
        if (random() % 3 == 0) names_until[folder] = durable;
    }
    Image image;
    for (std::size_t i = 0; i < moment; ++i) {
        const Step& step = steps_[i];
        bool is_durable = i < until[step.file];
        if (step.kind == Kind::kWrite) {
            bool is_flushed_itself =
                i + 1 < moment && steps_[i + 1].kind == Kind::kSync && steps_[i + 1].offset == 1;
            if (is_durable || is_flushed_itself) {
                image.contents[step.file].write(step.offset, step.text);
                continue;
            }
            for (std::size_t at = 0; at < step.text.size();) {
                std::size_t size =
                    std::min(unit - (step.offset + at) % unit, step.text.size() - at);
                if (random() % 10 < kept_of_ten) {
                    image.contents[step.file].write(step.offset + at,
                                                    std::string_view{step.text}.substr(at, size));
                }
                at += size;
            }
        } else if (step.kind == Kind::kAllocate) {
            if (is_durable || random() % 2 == 0) image.contents[step.file].grow(step.offset);
        } else if (step.kind == Kind::kCreate || step.kind == Kind::kUnlink ||
                   step.kind == Kind::kRename) {
            if (i < names_until[folder_of(step.text)]) image.apply_name(step);
        }
    }
    write_out(image, to);
}

void Recorder::write_out(const Image& image, const std::filesystem::path& to) const {
    std::filesystem::remove_all(to);
    for (const char* folder : {"journal", "state", "bodies"})
        std::filesystem::create_directories(to / folder);
    for (const auto& [name, file] : image.names) {
        auto content = image.contents.find(file);
        std::ofstream out{to / name, std::ios::binary};
        if (content != image.contents.end()) out << content->second.bytes;
    }
}

}  // namespace syncline::test
