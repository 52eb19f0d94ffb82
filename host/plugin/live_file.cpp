// Appends that a connector has open: done by the hub's appender, answered once each.
#include <algorithm>
#include <filesystem>
#include <utility>

#include "plugin/live_instance.hpp"

namespace syncline::plugin {
namespace {

FailureClass class_of(const Error& error) {
    switch (error.error_class()) {
        case core::ErrorClass::kConfig:
            return FailureClass::kConfig;
        case core::ErrorClass::kPermanent:
            return FailureClass::kPermanent;
        case core::ErrorClass::kBug:
            return FailureClass::kHostBug;
        case core::ErrorClass::kEnvironment:
        case core::ErrorClass::kTransient:
            return FailureClass::kTransient;
    }
    return FailureClass::kTransient;
}

}  // namespace

bool LiveInstance::is_granted(std::string_view path) const {
    return std::find(granted_files_.begin(), granted_files_.end(), path) != granted_files_.end();
}

syncline_status LiveInstance::append(const syncline_str& path, const syncline_str& bytes,
                                     std::uint64_t user_id, syncline_error* error) {
    std::string file, copy;
    Problem problem = copy_text(path, kUrlBytesMax, "a file's path", file);
    if (problem.empty()) problem = copy_bytes(bytes, kAppendBytesMax, "what is appended", copy);
    if (generation_->tables().file == nullptr || options_.files == nullptr) {
        problem = "append() was called by a connector that has no " SYNCLINE_FILE_ID;
    }
    if (!problem.empty()) {
        misbehaved(problem);
        return refuse(error, FailureClass::kPluginBug, problem);
    }
    if (!is_granted(file)) {
        return refuse(error, FailureClass::kConfig,
                      "the file " + file + " is named by no setting that the manifest grants");
    }
    if (!std::filesystem::path{file}.is_absolute())
        return refuse(error, FailureClass::kConfig, "the file " + file + " has no absolute path");
    std::uint64_t id = 0;
    {
        const std::lock_guard lock{mutex_};
        if (state_ == State::kStopping || state_ == State::kOver)
            return refuse(error, FailureClass::kCancelled, "the instance is being stopped");
        if (works_for_nobody()) return refuse(error, FailureClass::kCancelled, kNobodyWaits);
        if (appends_.size() >= kOpenAppendsMax)
            return refuse(error, FailureClass::kRateLimited, "too many appends are open");
        id = appends_.insert({user_id, current_operation_});
    }
    const bool is_taken = options_.files->append(
        std::move(file), std::move(copy), [self = shared_from_this(), id](Result<void> result) {
            self->worker_->post(
                [self, id, shared = std::move(result)] { self->deliver_append(id, shared); });
        });
    if (is_taken) return SYNCLINE_OK;
    const std::lock_guard lock{mutex_};
    appends_.erase(id);
    return refuse(error, FailureClass::kRateLimited, "too much is waiting for the disk");
}

void LiveInstance::deliver_append(std::uint64_t handle, const Result<void>& result) {
    OpenAppend append;
    {
        const std::lock_guard lock{mutex_};
        const OpenAppend* found = appends_.find(handle);
        if (found == nullptr || state_ == State::kOver) return;
        append = *found;
        appends_.erase(handle);
    }
    syncline_error error = empty_error();
    if (!result) error = to_error({class_of(result.error()), result.error().to_string(), "", -1});
    const OnBehalf behalf{*this, append.operation};
    const auto& table = *generation_->tables().file;
    if (!call_connector("done()",
                        [&] { table.done(instance_, append.user_id, result ? nullptr : &error); }))
        misbehaved("an exception escaped from done()");
    const std::lock_guard lock{mutex_};
    destroy_if_idle();
}

}  // namespace syncline::plugin
