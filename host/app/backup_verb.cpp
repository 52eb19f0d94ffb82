// `syncline backup`: a copy of the data directory, made by the hub that runs or, where none does,
// by this process; and whether a copy is what was written.
#include <pthread.h>

#include <boost/json/object.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <utility>

#include "admin/backups.hpp"
#include "app/admin_client.hpp"
#include "app/doctor.hpp"
#include "app/errc.hpp"
#include "app/hub_section.hpp"
#include "app/report.hpp"
#include "app/verbs.hpp"
#include "app/version.hpp"
#include "app/words.hpp"
#include "record/json.hpp"
#include "secret/vault.hpp"
#include "store/inspect.hpp"
#include "store/store.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;

constexpr const char* kBackupCommand = "backup";
constexpr std::chrono::milliseconds kAskEvery{100};
constexpr std::chrono::seconds kTellEvery{2};

// Signals that end a backup: asked for, because none of the calls in between may be cut short.
class Interrupts {
  public:
    Interrupts() {
        sigemptyset(&signals_);
        for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals_, signal);
        pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    }

    // Whether one has come, now or before; waits for it.
    bool wait(std::chrono::nanoseconds time) {
        const timespec limit{0, static_cast<long>(time.count())};
        if (::sigtimedwait(&signals_, nullptr, &limit) > 0) has_come_ = true;
        return has_come_;
    }

  private:
    sigset_t signals_{};
    bool has_come_ = false;
};

// A line for people now and then, when it takes longer.
class Progress {
  public:
    explicit Progress(bool is_silent) : is_silent_(is_silent) {}

    void tell(std::uint64_t bytes, std::uint64_t total) {
        const auto now = std::chrono::steady_clock::now();
        if (now - told_ < kTellEvery) return;
        told_ = now;
        say(bytes_in_words(bytes) + " of at least " + bytes_in_words(total));
    }

    void say(const std::string& line) const {
        if (!is_silent_) std::fprintf(stderr, "syncline: %s\n", line.c_str());
    }

  private:
    const bool is_silent_;
    std::chrono::steady_clock::time_point told_ = std::chrono::steady_clock::now();
};

Result<json::object> back_up_running(const config::Hub& hub, const std::string& to,
                                     Interrupts& interrupts, Progress& progress) {
    const std::string request = record::write_json(json::object{{"to", to}});
    SYNCLINE_TRY(const json::value begun, ask_hub(hub.admin_socket, "POST", "/v1/backup", request));
    const std::string path = "/v1/backup/" + text_of(begun.as_object(), "id");
    bool is_cancelled = false;
    for (;;) {
        if (interrupts.wait(kAskEvery) && !std::exchange(is_cancelled, true)) {
            SYNCLINE_CHECK(ask_hub(hub.admin_socket, "POST", path + "/cancel"));
            progress.say("the backup is cancelled");
        }
        SYNCLINE_TRY(const json::value seen, ask_hub(hub.admin_socket, "GET", path));
        const json::object& said = seen.as_object();
        if (const json::value* made = said.if_contains("backup")) return made->as_object();
        progress.tell(said.at("bytes").to_number<std::uint64_t>(),
                      said.at("bytes_total").to_number<std::uint64_t>());
    }
}

Result<json::object> back_up_stopped(const config::Hub& hub, const BackupWish& wish,
                                     const std::string& to, Interrupts& interrupts,
                                     Progress& progress) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(hub.data_dir / "journal", ignored) ||
        !std::filesystem::is_directory(hub.data_dir / "state", ignored)) {
        return Error{store::kDirectoryUnusable, "there is no data in " + hub.data_dir.string(),
                     "name the configuration of the hub with -c"};
    }
    store::Store::Options options;
    options.data_dir = hub.data_dir;
    options.clock = &core::system_clock();
    options.version = kVersion;
    options.allow_unsafe_filesystem = wish.allow_unsafe_filesystem;
    options.on_fatal = [](const Error&) {};  // nothing is written
    SYNCLINE_TRY(const std::unique_ptr<store::Store> opened,
                 store::Store::open(std::move(options)));
    store::BackupOptions backup;
    backup.to = to;
    backup.clock = &core::system_clock();
    backup.version = kVersion;
    backup.limits.time_max = std::chrono::hours{24 * 365};  // nobody is held up
    backup.may_go_on = [&] { return !interrupts.wait(std::chrono::nanoseconds{0}); };
    backup.on_progress = [&](const store::BackupProgress& at) {
        progress.tell(at.bytes, at.bytes_total);
    };
    SYNCLINE_TRY(const store::BackupManifest manifest, opened->back_up(backup));
    return admin::backup_view(to, manifest);
}

std::string to_text(const json::object& backup) {
    return "State at " + text_of(backup, "state") + ", journal to " + text_of(backup, "journal") +
           "; " + count_of(backup.at("files").to_number<std::size_t>(), "file") + ", " +
           bytes_in_words(backup.at("bytes").to_number<std::uint64_t>()) + ".\n";
}

int verify(const Common& common, const std::filesystem::path& copy) {
    const Result<store::BackupManifest> verified = store::verify_backup(copy);
    if (!verified.has_value()) return print_error(kBackupCommand, verified.error(), common.is_json);
    Report report;
    report.command = kBackupCommand;
    json::object backup = admin::backup_view(copy.string(), *verified);
    report.text = to_text(backup);
    report.summary = copy.string() + " is whole, and is the backup of " + verified->at;
    report.result = std::move(backup);
    return print(report, common.is_json);
}

}  // namespace

int backup(const Common& common, const BackupWish& wish) {
    std::error_code error;
    const std::filesystem::path to = std::filesystem::absolute(wish.folder, error);
    if (wish.is_verified) return verify(common, to);
    config::Loaded loaded = load_hub_section(common);
    if (!loaded.config) return print_problems(kBackupCommand, common, loaded.problems);
    const config::Hub& hub = loaded.config->hub;
    const auto holder = store::lock_holder(hub.data_dir);
    if (!holder.has_value()) return print_error(kBackupCommand, holder.error(), common.is_json);
    Interrupts interrupts;
    Progress progress{common.is_json};
    Result<json::object> made = holder->has_value()
                                    ? back_up_running(hub, to.string(), interrupts, progress)
                                    : back_up_stopped(hub, wish, to.string(), interrupts, progress);
    if (!made.has_value()) return print_error(kBackupCommand, made.error(), common.is_json);
    Report report;
    report.command = kBackupCommand;
    report.text = to_text(*made);
    if (secret::Vault::exists(secret::Vault::folder_of(hub.data_dir)))
        report.text += "The vault is in it; its master key is not: keep that elsewhere.\n";
    report.summary = "Backed up to " + text_of(*made, "to") +
                     ": everything that was acknowledged before " + text_of(*made, "at");
    report.result = std::move(*made);
    return print(report, common.is_json);
}

}  // namespace syncline::app
