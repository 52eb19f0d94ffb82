// `connectors list`, `install`, `rollback` and `remove`: the versions of connectors that a running
// hub serves.
#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "app/admin_client.hpp"
#include "app/connector_probe.hpp"
#include "app/errc.hpp"
#include "app/hub_section.hpp"
#include "app/report.hpp"
#include "app/verbs.hpp"
#include "app/words.hpp"
#include "core/hash.hpp"
#include "core/replace_file.hpp"
#include "plugin/errc.hpp"
#include "plugin/library.hpp"
#include "plugin/stage.hpp"
#include "plugin/version_notes.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char* kPath = "/v1/connectors";
constexpr milliseconds kAskVersionsEvery{100};
constexpr milliseconds kOutcomeLimit{
    180'000};  // a probe, a start, and the end of what is in flight
constexpr milliseconds kInstallProbeLimit{15'000};
constexpr std::size_t kHashShown = 12;

// A member that is an object; null when there is none.
const json::object* part_of(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_object() ? &value->get_object() : nullptr;
}

std::uint64_t count_in(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_number() ? value->to_number<std::uint64_t>() : 0;
}

const json::array& list_in(const json::object& object, std::string_view name) {
    static const json::array none;
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_array() ? value->get_array() : none;
}

// What a running hub says of its connectors.
class RunningVersions {
  public:
    static Result<RunningVersions> ask(const config::Hub& hub) {
        SYNCLINE_TRY(json::value said, ask_hub(hub.admin_socket, "GET", kPath));
        if (!said.is_object()) return Error{kHubUnreachable, "the hub's answer makes no sense"};
        return RunningVersions{std::move(said.get_object())};
    }

    const json::object* find(std::string_view id) const {
        for (const json::value& each : list_in(said_, "connectors"))
            if (each.is_object() && text_of(each.get_object(), "id") == id)
                return &each.get_object();
        return nullptr;
    }

    std::uint64_t last_event() const {
        const json::array& events = list_in(said_, "events");
        return events.empty() ? 0 : count_in(events.back().as_object(), "number");
    }

    // The first event after that number which fits.
    template <class Fits>
    const json::object* find_event(std::uint64_t after, const Fits& fits) const {
        for (const json::value& each : list_in(said_, "events")) {
            const json::object& event = each.as_object();
            if (count_in(event, "number") > after && fits(event)) return &event;
        }
        return nullptr;
    }

  private:
    explicit RunningVersions(json::object said) : said_(std::move(said)) {}

    json::object said_;
};

// Asks until the hub's answer holds what is looked for.
template <class Look>
Result<json::object> wait_for(const config::Hub& hub, const Look& look) {
    const auto until = steady_clock::now() + kOutcomeLimit;
    while (steady_clock::now() < until) {
        SYNCLINE_TRY(const RunningVersions running, RunningVersions::ask(hub));
        if (const json::object* found = look(running)) return *found;
        std::this_thread::sleep_for(kAskVersionsEvery);
    }
    return Error{kOutcomeUnknown, "the hub did not say within " +
                                      std::to_string(kOutcomeLimit.count() / 1000) +
                                      " s what became of it"};
}

// The hub's reason, with the hub's code where it has one.
Error refusal_of(const json::object& event) {
    const std::string why = text_of(event, "why");
    for (const core::ErrorCode* code :
         {&plugin::kNeedsRestart, &plugin::kProbeFailed, &plugin::kStartFailed,
          &plugin::kLoadFailed, &plugin::kSettingsInvalid, &plugin::kQuarantined,
          &plugin::kFileUntrusted, &plugin::kFileUnreadable, &plugin::kDuplicateId,
          &plugin::kNoPrevious, &plugin::kStageFailed, &plugin::kVersionsFailed}) {
        if (text_of(event, "code") == code->name) return Error{*code, why};
    }
    return Error{kVersionRefused, why};
}

// ---- list

std::string version_line(const json::object& version) {
    return text_of(version, "version") + " (" + text_of(version, "sha256").substr(0, kHashShown) +
           ")";
}

void append_running(std::string& text, const json::object& running) {
    const auto add = [&](const std::string& line) { text += wrapped("  " + line, 4) + "\n"; };
    std::string serving =
        text_of(running, "state") == "unused" ? "no account uses it: " : "in service: ";
    serving += version_line(running);
    if (const std::string since = text_of(running, "since"); !since.empty())
        serving += " since " + since;
    serving += ", generation " + text_of(running, "generation");
    if (const json::object* previous = part_of(running, "previous"))
        serving += "; before it " + version_line(*previous);
    add(serving);
    if (const json::object* trial = part_of(running, "trial")) {
        add("on trial: " + version_line(*trial) + ", generation " + text_of(*trial, "generation") +
            ", with " + text_of(*trial, "share_percent") + " % of the keys; failed " +
            text_of(*trial, "errors") + " of " + text_of(*trial, "records"));
    }
    if (text_of(running, "state") == "rolled_back") add("rolled back: see what is quarantined");
    for (const json::value& each : list_in(running, "quarantined")) {
        const json::object& quarantined = each.as_object();
        add("quarantined: " + version_line(quarantined) + " since " + text_of(quarantined, "at") +
            ": " + text_of(quarantined, "why"));
    }
}

json::value refused_view(const plugin::Catalog::Refusal& refusal) {
    return json::object{{"file", refusal.file.string()},
                        {"code", refusal.error.code()},
                        {"what", refusal.error.what()},
                        {"remedy", refusal.error.remedy()}};
}

// ---- install

struct Candidate {
    std::string id, version, sha256_hex, bytes;
};

Result<Candidate> examine(const std::filesystem::path& file) {
    const std::filesystem::path parent = file.has_parent_path() ? file.parent_path() : ".";
    SYNCLINE_TRY(const auto folder, plugin::DropDirectory::open(parent));
    auto library = plugin::examine_library(folder, file.filename().string());
    if (!library) return std::move(library).error().at(file.string());
    return Candidate{library->manifest.id, library->manifest.version,
                     core::to_hex(core::sha256(library->bytes)), std::move(library->bytes)};
}

// Loads and unloads it in a process of its own; the hub does that again with its accounts.
Result<void> try_out(const Candidate& candidate) {
    std::string pattern = (std::filesystem::temp_directory_path() / "syncline-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
        return Error{kDirectoryUnwritable, "can't make a folder for a copy: " + pattern};
    const std::filesystem::path folder = pattern;
    auto staged =
        plugin::stage_library(folder, candidate.id, 1, candidate.sha256_hex, candidate.bytes);
    Result<void> tried = staged ? make_probe(kInstallProbeLimit)(*staged, {}, std::stop_token{})
                                : Result<void>{staged.error()};
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    return tried;
}

// The file in the connectors directory, and what to put back should the hub refuse the new one.
class Place {
  public:
    // Errors: what is there can't be read, so it could not be put back.
    static Result<Place> open(std::filesystem::path file) {
        Place place{std::move(file)};
        SYNCLINE_TRY(const auto folder, plugin::DropDirectory::open(place.file_.parent_path()));
        if (!folder.stamp(place.name())) return place;
        auto bytes = folder.read(place.name());
        if (!bytes) return std::move(bytes).error().at(place.file_.string());
        place.before_ = std::move(*bytes);
        return place;
    }

    std::string name() const { return file_.filename().string(); }
    Result<void> put(std::string_view bytes) const {
        if (const int error = core::replace_file(file_, bytes, 0644); error != 0)
            return Error{kDirectoryUnwritable, file_.string() + ": " + std::strerror(error)};
        return {};
    }
    Result<void> put_back() const {
        if (before_) return put(*before_);
        std::error_code error;
        std::filesystem::remove(file_, error);
        if (error) return Error{kDirectoryUnwritable, file_.string() + ": " + error.message()};
        return {};
    }

  private:
    explicit Place(std::filesystem::path file) : file_(std::move(file)) {}

    std::filesystem::path file_;
    std::optional<std::string> before_;
};

// Errors: it was taken back before, and nobody insists.
Result<void> let_come_back(const config::Hub& hub, const json::object* running,
                           const Candidate& candidate, bool is_forced) {
    if (running == nullptr) return {};
    for (const json::value& each : list_in(*running, "quarantined")) {
        const json::object& quarantined = each.as_object();
        if (text_of(quarantined, "sha256") != candidate.sha256_hex) continue;
        if (!is_forced)
            return Error{plugin::kQuarantined,
                         candidate.id + " " + candidate.version +
                             " is quarantined: " + text_of(quarantined, "why")};
        SYNCLINE_CHECK(ask_hub(
            hub.admin_socket, "POST",
            std::string{kPath} + "/" + candidate.id + "/release?sha256=" + candidate.sha256_hex));
    }
    return {};
}

// In service or on trial already.
bool has_it(const json::object& running, const Candidate& candidate) {
    const json::object* trial = part_of(running, "trial");
    return text_of(trial != nullptr ? *trial : running, "sha256") == candidate.sha256_hex;
}

std::string file_name_for(const json::object* running, const Candidate& candidate) {
    const std::string known = running == nullptr ? "" : text_of(*running, "file");
    const bool is_plain = !known.empty() && known.find('/') == std::string::npos;
    return is_plain ? known : candidate.id + ".so";
}

Result<json::object> install_into(const config::Hub& hub, const Candidate& candidate,
                                  bool is_forced) {
    SYNCLINE_TRY(const RunningVersions before, RunningVersions::ask(hub));
    const json::object* running = before.find(candidate.id);
    SYNCLINE_CHECK(let_come_back(hub, running, candidate, is_forced));
    SYNCLINE_TRY(const Place place,
                 Place::open(hub.connectors_dir / file_name_for(running, candidate)));
    const std::uint64_t last = before.last_event();
    SYNCLINE_CHECK(place.put(candidate.bytes));
    if (running != nullptr && has_it(*running, candidate)) return *running;
    // What serves already has no event of its own: the trial of another one ends.
    const bool serves = running != nullptr && text_of(*running, "sha256") == candidate.sha256_hex;
    auto event = wait_for(hub, [&](const RunningVersions& now) {
        return now.find_event(last, [&](const json::object& each) {
            const std::string sha256 = text_of(each, "sha256");
            return text_of(each, "file") == place.name() &&
                   (sha256.empty() || sha256 == candidate.sha256_hex ||
                    (serves && text_of(each, "what") == "withdrawn"));
        });
    });
    if (!event) return event;
    if (text_of(*event, "what") == "refused") {
        const Error refused = refusal_of(*event);
        // That one is for the next start, if the operator wants it.
        if (!refused.is(plugin::kNeedsRestart)) SYNCLINE_CHECK(place.put_back());
        return refused;
    }
    SYNCLINE_TRY(const RunningVersions now, RunningVersions::ask(hub));
    const json::object* found = now.find(candidate.id);
    if (found == nullptr) return Error{kOutcomeUnknown, "the hub does not have it"};
    return *found;
}

// ---- rollback

Result<json::object> roll_back_in(const config::Hub& hub, const std::string& id) {
    SYNCLINE_TRY(const json::value begun,
                 ask_hub(hub.admin_socket, "POST", std::string{kPath} + "/" + id + "/rollback"));
    const std::uint64_t after = count_in(begun.as_object(), "after");
    SYNCLINE_TRY(const json::object event, wait_for(hub, [&](const RunningVersions& now) {
                     return now.find_event(after, [&](const json::object& each) {
                         const std::string what = text_of(each, "what");
                         return text_of(each, "id") == id &&
                                (what == "taken_back" || what == "refused");
                     });
                 }));
    if (text_of(event, "what") == "refused") return refusal_of(event);
    const std::string left = text_of(event, "sha256");
    return wait_for(hub, [&](const RunningVersions& now) -> const json::object* {
        const json::object* found = now.find(id);
        const bool has_left = found != nullptr && text_of(*found, "sha256") != left &&
                              part_of(*found, "trial") == nullptr;
        return has_left ? found : nullptr;
    });
}

// ---- remove

// Its files: the hub no longer knows them.
Result<json::array> remove_files(const config::Hub& hub, const std::string& id) {
    SYNCLINE_TRY(const auto folder, plugin::DropDirectory::open(hub.connectors_dir));
    SYNCLINE_TRY(const auto names, folder.names());
    json::array removed;
    for (const std::string& name : names) {
        const auto library = plugin::examine_library(folder, name);
        if (!library || library->manifest.id != id) continue;
        std::error_code error;
        std::filesystem::remove(hub.connectors_dir / name, error);
        if (error)
            return Error{kDirectoryUnwritable,
                         (hub.connectors_dir / name).string() + ": " + error.message()};
        removed.push_back(json::string{name});
    }
    return removed;
}

Result<json::array> remove_from(const config::Hub& hub, const std::string& id) {
    SYNCLINE_CHECK(ask_hub(hub.admin_socket, "POST", std::string{kPath} + "/" + id + "/remove"));
    return remove_files(hub, id);
}

template <class Do>
int with_hub(const Common& common, const char* command, const Do& act) {
    config::Loaded loaded = load_hub_section(common);
    if (!loaded.config) return print_problems(command, common, loaded.problems);
    Result<Report> report = act(loaded.config->hub);
    if (!report) return print_error(command, report.error(), common.is_json);
    report->command = command;
    return print(*report, common.is_json);
}

}  // namespace

int connectors_list(const Common& common) {
    return with_hub(common, "connectors list", [](const config::Hub& hub) -> Result<Report> {
        plugin::Catalog::Options options;
        options.connectors_dir = hub.connectors_dir;
        options.clock = &core::system_clock();
        options.versions = plugin::VersionNotes::open(hub.data_dir, core::system_clock(),
                                                      plugin::VersionNotes::Access::kRead);
        SYNCLINE_TRY(const auto catalog, plugin::Catalog::open(std::move(options)));
        const auto running = RunningVersions::ask(hub);
        Report report;
        json::array list;
        for (const plugin::Manifest& manifest : catalog->manifests()) {
            json::object one{{"id", manifest.id},
                             {"version", manifest.version},
                             {"name", manifest.name},
                             {"summary", manifest.summary}};
            report.text += manifest.id + " " + manifest.version + "  " + manifest.summary + "\n";
            if (const json::object* found = running ? running->find(manifest.id) : nullptr) {
                append_running(report.text, *found);
                one.emplace("running", *found);
            }
            list.push_back(std::move(one));
        }
        json::array refused;
        for (const plugin::Catalog::Refusal& refusal : catalog->refusals()) {
            refused.push_back(refused_view(refusal));
            report.text += "refused: " + refusal.error.to_string() + "\n";
        }
        report.summary =
            count_of(list.size(), "connector") + " in " + hub.connectors_dir.string() +
            (refused.empty() ? "" : ", " + count_of(refused.size(), "file") + " refused");
        report.result =
            json::object{{"connectors", std::move(list)}, {"refused", std::move(refused)}};
        return report;
    });
}

int connectors_install(const Common& common, const InstallWish& wish) {
    return with_hub(common, "connectors install", [&](const config::Hub& hub) -> Result<Report> {
        SYNCLINE_TRY(const Candidate candidate, examine(wish.file));
        SYNCLINE_CHECK(try_out(candidate));
        SYNCLINE_TRY(json::object running, install_into(hub, candidate, wish.is_forced));
        Report report;
        const std::string which = candidate.id + " " + candidate.version;
        if (const json::object* trial = part_of(running, "trial")) {
            report.summary = which + " is on trial with " + text_of(*trial, "share_percent") +
                             " % of the keys; " + text_of(running, "version") +
                             " serves the others";
        } else if (text_of(running, "state") == "unused") {
            report.summary = which + " is there; no account uses it";
        } else {
            report.summary = which + " is in service";
        }
        report.result = std::move(running);
        return report;
    });
}

int connectors_roll_back(const Common& common, const std::string& id) {
    return with_hub(common, "connectors rollback", [&](const config::Hub& hub) -> Result<Report> {
        SYNCLINE_TRY(json::object running, roll_back_in(hub, id));
        Report report;
        report.summary = id + " " + text_of(running, "version") +
                         " serves; the version that was left is quarantined";
        report.result = std::move(running);
        return report;
    });
}

int connectors_remove(const Common& common, const std::string& id) {
    return with_hub(common, "connectors remove", [&](const config::Hub& hub) -> Result<Report> {
        SYNCLINE_TRY(json::array files, remove_from(hub, id));
        Report report;
        report.summary = id + " is removed: " + count_of(files.size(), "file");
        report.result = json::object{{"id", id}, {"files", std::move(files)}};
        return report;
    });
}

}  // namespace syncline::app
