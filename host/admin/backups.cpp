#include "admin/backups.hpp"

#include <boost/json/object.hpp>
#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

#include "admin/errc.hpp"
#include "core/log.hpp"
#include "core/thread_name.hpp"
#include "record/json.hpp"
#include "store/errc.hpp"

namespace syncline::admin {

namespace json = boost::json;

json::object backup_view(const std::string& to, const store::BackupManifest& manifest) {
    return json::object{{"to", to},
                        {"at", manifest.at},
                        {"state", store::to_string(manifest.state)},
                        {"journal", store::to_string(manifest.journal)},
                        {"files", manifest.files.size()},
                        {"bytes", manifest.bytes()}};
}

Backups::~Backups() {
    is_cancelled_ = true;
    if (thread_.joinable()) thread_.join();
}

Result<json::value> Backups::begin(std::string_view request) {
    const Result<json::value> asked = record::parse_json(request);
    const json::value* to =
        asked.has_value() && asked->is_object() ? asked->get_object().if_contains("to") : nullptr;
    if (to == nullptr || !to->is_string() ||
        !std::filesystem::path{std::string_view{to->get_string()}}.is_absolute())
        return Error{kBadArgument, "`to` is the absolute path of a new folder"};
    if (is_running_) return Error{store::kBackupRunning, "a backup is being made already"};
    if (thread_.joinable()) thread_.join();  // it has ended
    is_running_ = true;
    is_cancelled_ = false;
    looked_at_ = clock_.monotonic();
    bytes_ = 0;
    bytes_total_ = 0;
    ended_.reset();
    ++last_;
    try {
        thread_ = std::thread{[this, folder = std::string{to->get_string()}] { run(folder); }};
    } catch (const std::system_error& error) {
        is_running_ = false;
        return Error{store::kIo, std::string{"no thread can be had: "} + error.what()};
    }
    return json::value(json::object{{"id", last_}});
}

void Backups::run(const std::string& to) {
    core::name_this_thread("backup");
    Result<json::value> outcome = json::value{};
    try {
        outcome = make(to);
    } catch (const std::exception& error) {
        outcome = Error{store::kIo, std::string{"the backup broke off: "} + error.what()};
    }
    if (outcome.has_error())
        core::log_warning("admin", "a backup failed",
                          {{"to", to}, {"why", outcome.error().what()}});
    const std::lock_guard lock{ended_mutex_};
    ended_.emplace(std::move(outcome));
    is_running_ = false;
}

Result<json::value> Backups::make(const std::string& to) {
    store::BackupOptions options;
    options.to = to;
    options.clock = &clock_;
    options.version = version_;
    options.may_go_on = [this] { return may_go_on(); };
    options.on_progress = [this](const store::BackupProgress& progress) {
        bytes_ = progress.bytes;
        bytes_total_ = progress.bytes_total;
    };
    SYNCLINE_TRY(const store::BackupManifest made, store_.back_up(options));
    core::log_info("admin", "a backup was made", {{"to", to}, {"bytes", made.bytes()}});
    return json::value(json::object{{"state", "done"}, {"backup", backup_view(to, made)}});
}

bool Backups::may_go_on() const {
    return !is_cancelled_ && clock_.monotonic() - looked_at_.load() < kForgottenAfter;
}

bool Backups::is_last(std::string_view id) const {
    return last_ != 0 && id == std::to_string(last_);
}

Result<json::value> Backups::look(std::string_view id) {
    if (!is_last(id)) return Error{kNotFound, "there is no such backup"};
    looked_at_ = clock_.monotonic();
    std::lock_guard lock{ended_mutex_};
    if (ended_) return *ended_;
    return json::value(json::object{
        {"state", "running"}, {"bytes", bytes_.load()}, {"bytes_total", bytes_total_.load()}});
}

Result<json::value> Backups::cancel(std::string_view id) {
    if (!is_last(id)) return Error{kNotFound, "there is no such backup"};
    is_cancelled_ = true;
    return json::value(json::object{{"cancelled", true}});
}

}  // namespace syncline::admin
