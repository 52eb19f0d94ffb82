#include "store/bodies.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "core/hash.hpp"
#include "core/log.hpp"
#include "store/codec.hpp"
#include "store/errc.hpp"
#include "store/file.hpp"

namespace syncline::store {

Result<Body> Bodies::keep(std::string text) {
    if (text.size() <= kInlineBodyBytesMax) return Body::inline_text(std::move(text));
    Body body;
    body.size = text.size();
    body.file = std::to_string(epoch_) + "-" + std::to_string(++counter_);
    auto write = [&]() -> Result<void> {
        SYNCLINE_TRY(File file, File::open(directory_ / body.file, O_WRONLY | O_CREAT | O_EXCL));
        Writer crc;
        crc.integer(core::crc32c(text));
        SYNCLINE_CHECK(file.write_at(0, crc.bytes()));
        SYNCLINE_CHECK(file.write_at(crc.bytes().size(), text));
        SYNCLINE_CHECK(file.sync());
        return sync_directory(directory_);
    };
    Result<void> written = write();
    if (!written.has_value()) {
        ::unlink((directory_ / body.file).c_str());
        return written.error();
    }
    return body;
}

Result<std::string> Bodies::read(const Body& body) const {
    if (body.file.empty()) return body.text;
    auto missing = [&](const char* why) {
        return Error{kBodyMissing,
                     std::string{"the body "} + (directory_ / body.file).string() + why};
    };
    Result<File> file = File::open(directory_ / body.file, O_RDONLY);
    if (!file.has_value()) return missing(" can't be opened");
    SYNCLINE_TRY(std::string bytes, file->read_at(0, body.size + 4));
    if (bytes.size() != body.size + 4) return missing(" has the wrong size");
    Reader in{bytes};
    auto crc = in.integer<std::uint32_t>();
    std::string text = bytes.substr(4);
    if (crc != core::crc32c(text)) return missing(" has a wrong checksum");
    return text;
}

void Bodies::remove(const std::vector<std::string>& files) {
    std::lock_guard lock{hold_mutex_};
    if (hold_ && !hold_->is_over()) {
        for (const std::string& file : files) {
            std::error_code gone;
            const std::uintmax_t bytes = std::filesystem::file_size(directory_ / file, gone);
            if (!gone) hold_->add_bodies(bytes);
        }
        held_.insert(held_.end(), files.begin(), files.end());
        return;
    }
    unlink_held();
    for (const std::string& file : files) ::unlink((directory_ / file).c_str());
}

void Bodies::set_hold(std::shared_ptr<Hold> hold) {
    std::lock_guard lock{hold_mutex_};
    unlink_held();
    hold_ = std::move(hold);
}

// Called with hold_mutex_ held.
void Bodies::unlink_held() {
    for (const std::string& file : held_) ::unlink((directory_ / file).c_str());
    held_.clear();
    hold_.reset();
}

void Bodies::remove_orphans(const std::set<std::string>& referenced) {
    std::error_code error;
    std::vector<std::string> orphans;
    for (const auto& entry : std::filesystem::directory_iterator{directory_, error}) {
        std::string name = entry.path().filename().string();
        if (!referenced.contains(name)) orphans.push_back(std::move(name));
    }
    if (!orphans.empty())
        core::log_info("store", "removing bodies without a fact", {{"count", orphans.size()}});
    remove(orphans);
}

}  // namespace syncline::store
