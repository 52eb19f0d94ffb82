#include "plugin/version_notes.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstring>
#include <set>
#include <utility>

#include "core/hash.hpp"
#include "core/log.hpp"
#include "core/replace_file.hpp"
#include "plugin/drop_file.hpp"
#include "plugin/errc.hpp"
#include "plugin/stage.hpp"
#include "record/json.hpp"

namespace syncline::plugin {
namespace {

namespace json = boost::json;

constexpr const char* kNotesFile = "notes.json";
constexpr const char* kDamagedFile = "notes.damaged.json";
constexpr std::size_t kNoteTextMax = 255;  // of an id, a version, a name
constexpr std::size_t kHexDigits = 64;

bool is_hash(std::string_view text) {
    return text.size() == kHexDigits &&
           text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// It becomes part of a file's name.
bool is_note_id(std::string_view text) {
    return !text.empty() && text.size() <= kNoteTextMax && text.front() != '.' &&
           text.find('/') == std::string_view::npos && text.find('\0') == std::string_view::npos;
}

std::string library_name(std::string_view id, std::string_view sha256_hex) {
    return std::string{id} + "-" + std::string{sha256_hex} + ".so";
}

Error notes_failed(std::string what) {
    return Error{kVersionsFailed, std::move(what)};
}

// ---- To JSON

json::object to_note(const KnownVersion& known) {
    return {{"sha256", known.sha256_hex},
            {"version", known.version},
            {"file", known.file},
            {"since", core::format_iso8601(known.since_ns).text}};
}

json::object to_note(const ConnectorNote& note) {
    json::object value;
    if (note.serving) value.emplace("serving", to_note(*note.serving));
    if (note.previous) value.emplace("previous", to_note(*note.previous));
    json::array list;
    for (const QuarantinedVersion& quarantined : note.quarantined) {
        list.push_back(json::object{{"sha256", quarantined.sha256_hex},
                                    {"version", quarantined.version},
                                    {"why", quarantined.why},
                                    {"at", core::format_iso8601(quarantined.at_ns).text}});
    }
    value.emplace("quarantined", std::move(list));
    return value;
}

std::string to_text(const VersionNotes::All& notes) {
    json::object connectors;
    for (const auto& [id, note] : notes) connectors.emplace(id, to_note(note));
    return record::write_json(json::object{{"version", 1}, {"connectors", std::move(connectors)}}) +
           "\n";
}

// ---- From JSON; what is not as it was written makes all of it unusable

std::optional<std::string> note_text(const json::object& object, std::string_view name,
                                     std::size_t bytes_max) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_string() || value->get_string().size() > bytes_max)
        return std::nullopt;
    return std::string{value->get_string()};
}

std::optional<core::WallTime> note_time(const json::object& object, std::string_view name) {
    const auto text = note_text(object, name, kNoteTextMax);
    return text ? core::parse_iso8601(*text) : std::nullopt;
}

bool read_known(const json::object& object, std::string_view name,
                std::optional<KnownVersion>& into) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr) return true;
    if (!value->is_object()) return false;
    const json::object& about = value->get_object();
    auto sha256 = note_text(about, "sha256", kHexDigits);
    auto version = note_text(about, "version", kNoteTextMax);
    auto file = note_text(about, "file", kNoteTextMax);
    const auto since = note_time(about, "since");
    if (!sha256 || !is_hash(*sha256) || !version || !file || !since) return false;
    into = KnownVersion{std::move(*sha256), std::move(*version), std::move(*file), *since};
    return true;
}

bool read_quarantined(const json::object& object, std::vector<QuarantinedVersion>& into) {
    const json::value* list = object.if_contains("quarantined");
    if (list == nullptr || !list->is_array() || list->get_array().size() > kQuarantinedMax)
        return false;
    for (const json::value& value : list->get_array()) {
        if (!value.is_object()) return false;
        const json::object& about = value.get_object();
        auto sha256 = note_text(about, "sha256", kHexDigits);
        auto version = note_text(about, "version", kNoteTextMax);
        auto why = note_text(about, "why", kReasonBytesMax);
        const auto at = note_time(about, "at");
        if (!sha256 || !is_hash(*sha256) || !version || !why || !at) return false;
        into.push_back({std::move(*sha256), std::move(*version), std::move(*why), *at});
    }
    return true;
}

std::optional<VersionNotes::All> from_text(std::string_view text) {
    const auto parsed = record::parse_json(text);
    if (!parsed.has_value() || !parsed->is_object()) return std::nullopt;
    const json::object& whole = parsed->get_object();
    const json::value* version = whole.if_contains("version");
    const json::value* connectors = whole.if_contains("connectors");
    if (version == nullptr || *version != json::value(1)) return std::nullopt;
    if (connectors == nullptr || !connectors->is_object()) return std::nullopt;
    if (connectors->get_object().size() > kNotedConnectorsMax) return std::nullopt;
    VersionNotes::All notes;
    for (const auto& [id, value] : connectors->get_object()) {
        if (!is_note_id(id) || !value.is_object()) return std::nullopt;
        const json::object& object = value.get_object();
        ConnectorNote note;
        if (!read_known(object, "serving", note.serving) ||
            !read_known(object, "previous", note.previous) ||
            !read_quarantined(object, note.quarantined)) {
            return std::nullopt;
        }
        notes.emplace(std::string{id}, std::move(note));
    }
    return notes;
}

}  // namespace

const QuarantinedVersion* ConnectorNote::find_quarantined(std::string_view sha256_hex) const {
    const auto found = std::find_if(quarantined.begin(), quarantined.end(), [&](const auto& each) {
        return each.sha256_hex == sha256_hex;
    });
    return found == quarantined.end() ? nullptr : &*found;
}

std::shared_ptr<VersionNotes> VersionNotes::open(const std::filesystem::path& data_dir,
                                                 const core::Clock& clock, Access access) {
    const std::shared_ptr<VersionNotes> notes{
        new VersionNotes{data_dir / "versions", clock, access}};
    notes->read();
    if (access == Access::kWrite) notes->sweep(notes->notes_);
    return notes;
}

void VersionNotes::read() {
    std::error_code ignored;
    const auto kind = std::filesystem::symlink_status(folder_ / kNotesFile, ignored).type();
    if (kind == std::filesystem::file_type::not_found) return;  // none were ever made
    const auto folder = DropDirectory::open(folder_);
    const auto text = folder ? folder->read(kNotesFile) : Result<std::string>{folder.error()};
    auto notes = text ? from_text(*text) : std::nullopt;
    if (notes) {
        notes_ = std::move(*notes);
        return;
    }
    if (access_ == Access::kRead) return;
    const std::string why = text ? "they are not as they were written" : text.error().to_string();
    is_damaged_ = true;
    std::filesystem::rename(folder_ / kNotesFile, folder_ / kDamagedFile, ignored);
    core::log_error("plugin",
                    "the notes of connectors' versions are begun anew; versions that were taken "
                    "back may come again",
                    {{"file", (folder_ / kDamagedFile).string()}, {"why", why}});
}

// Removes the libraries that no note names, and what a cut write left. Who repairs notes that were
// put aside needs the libraries that they name.
void VersionNotes::sweep(const All& notes) const {
    if (is_damaged_) return;
    std::set<std::string> wanted{kNotesFile, kDamagedFile};
    for (const auto& [id, note] : notes) {
        for (const auto* known : {&note.serving, &note.previous})
            if (*known) wanted.insert(library_name(id, (*known)->sha256_hex));
    }
    std::error_code error;
    std::filesystem::directory_iterator entry{folder_, error};
    for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
        std::error_code ignored;
        if (!wanted.contains(entry->path().filename().string()))
            std::filesystem::remove(entry->path(), ignored);
    }
}

VersionNotes::All VersionNotes::all() const {
    const std::lock_guard lock{mutex_};
    return notes_;
}

ConnectorNote VersionNotes::of(std::string_view id) const {
    const std::lock_guard lock{mutex_};
    const auto found = notes_.find(id);
    return found == notes_.end() ? ConnectorNote{} : found->second;
}

bool VersionNotes::is_quarantined(std::string_view id, std::string_view sha256_hex) const {
    const std::lock_guard lock{mutex_};
    const auto found = notes_.find(id);
    return found != notes_.end() && found->second.find_quarantined(sha256_hex) != nullptr;
}

Result<std::string> VersionNotes::library(const std::string& id,
                                          const std::string& sha256_hex) const {
    const std::string name = library_name(id, sha256_hex);
    const std::string place = (folder_ / name).string();
    auto folder = DropDirectory::open(folder_);
    if (!folder) return notes_failed(folder.error().what()).at(place);
    auto bytes = folder->read(name);
    if (!bytes) return notes_failed(bytes.error().what()).at(place);
    if (core::to_hex(core::sha256(*bytes)) != sha256_hex)
        return notes_failed("the library of a version is not as it was kept").at(place);
    return std::move(*bytes);
}

// ---- Changes

template <class Change>
Result<void> VersionNotes::change(const std::string& id, const Change& change) {
    if (!is_note_id(id)) return notes_failed("this is no connector's id: " + id);
    All next = all();
    if (!next.contains(id) && next.size() >= kNotedConnectorsMax)
        return notes_failed("there are notes of " + std::to_string(next.size()) +
                            " connectors, and no more are taken");
    ConnectorNote& note = next[id];
    change(note);
    if (!note.serving && !note.previous && note.quarantined.empty()) next.erase(id);
    {
        const std::lock_guard lock{mutex_};
        notes_ = next;
    }
    if (access_ == Access::kRead) return {};
    SYNCLINE_CHECK(write(kNotesFile, to_text(next), 0600));
    sweep(next);
    return {};
}

// Copied once: the name says what is in it.
Result<void> VersionNotes::keep(const std::string& id, const std::string& sha256_hex,
                                const std::filesystem::path& library) const {
    const std::string name = library_name(id, sha256_hex);
    std::error_code ignored;
    if (access_ == Access::kRead || std::filesystem::exists(folder_ / name, ignored)) return {};
    SYNCLINE_TRY(const auto staged, DropDirectory::open(library.parent_path()));
    SYNCLINE_TRY(const std::string bytes, staged.read(library.filename().string()));
    return write(name, bytes, 0400);
}

Result<void> VersionNotes::write(const std::string& name, std::string_view bytes,
                                 mode_t mode) const {
    const auto made = make_private_directory(folder_);
    if (!made) return notes_failed(made.error().what()).at(made.error().where());
    const std::filesystem::path file = folder_ / name;
    if (const int error = core::replace_file(file, bytes, mode); error != 0)
        return notes_failed(std::string{"can't write it: "} + std::strerror(error))
            .at(file.string());
    return {};
}

Result<void> VersionNotes::serve(const std::string& id, KnownVersion version,
                                 const std::filesystem::path& library) {
    if (!is_hash(version.sha256_hex) || !is_note_id(id))
        return notes_failed("this is no version of a connector: " + id);
    const std::lock_guard lock{change_mutex_};
    if (auto kept = keep(id, version.sha256_hex, library); !kept)
        return notes_failed(kept.error().what()).at(kept.error().where());
    const ConnectorNote before = of(id);
    const bool is_known = before.serving && before.serving->sha256_hex == version.sha256_hex;
    if (is_known && before.serving->file == version.file) return {};
    version.since_ns = is_known ? before.serving->since_ns : clock_.wall_ns();
    return change(id, [&](ConnectorNote& note) {
        const QuarantinedVersion* left =
            note.serving ? note.find_quarantined(note.serving->sha256_hex) : nullptr;
        const bool is_back =
            note.previous && note.previous->sha256_hex == version.sha256_hex && left != nullptr;
        if (is_back) version.since_ns = left->at_ns;
        if (note.serving && !is_known && left == nullptr) note.previous = std::move(note.serving);
        if (note.previous && note.previous->sha256_hex == version.sha256_hex) note.previous.reset();
        note.serving = std::move(version);
    });
}

void VersionNotes::add_quarantined(ConnectorNote& note, const std::string& sha256_hex,
                                   const std::string& version, std::string_view why) const {
    std::string reason{why.substr(0, kReasonBytesMax)};
    while (!reason.empty() && why.size() > reason.size() &&
           (static_cast<unsigned char>(why[reason.size()]) & 0xC0) == 0x80) {
        reason.pop_back();  // no half of a character
    }
    auto& list = note.quarantined;
    std::erase_if(list, [&](const auto& each) { return each.sha256_hex == sha256_hex; });
    if (list.size() >= kQuarantinedMax) list.erase(list.begin());
    list.push_back(
        {sha256_hex, version.substr(0, kNoteTextMax), std::move(reason), clock_.wall_ns()});
}

Result<void> VersionNotes::quarantine(const std::string& id, const std::string& sha256_hex,
                                      const std::string& why, const std::string& version) {
    if (!is_hash(sha256_hex)) return notes_failed("this is no SHA-256: " + sha256_hex);
    const std::lock_guard lock{change_mutex_};
    return change(id, [&](ConnectorNote& note) {
        std::string known = version;
        for (const auto* each : {&note.serving, &note.previous})
            if (known.empty() && *each && (*each)->sha256_hex == sha256_hex)
                known = (*each)->version;
        add_quarantined(note, sha256_hex, known, why);
    });
}

Result<void> VersionNotes::go_back(const std::string& id, const std::string& why) {
    const std::lock_guard lock{change_mutex_};
    const ConnectorNote before = of(id);
    if (!before.previous || before.find_quarantined(before.previous->sha256_hex) != nullptr)
        return Error{kNoPrevious, "no version of " + id + " served before"};
    return change(id, [&](ConnectorNote& note) {
        if (note.serving)
            add_quarantined(note, note.serving->sha256_hex, note.serving->version, why);
        note.serving = std::exchange(note.previous, std::nullopt);
        note.serving->since_ns =
            note.quarantined.empty() ? clock_.wall_ns() : note.quarantined.back().at_ns;
    });
}

Result<void> VersionNotes::release(const std::string& id, const std::string& sha256_hex) {
    const std::lock_guard lock{change_mutex_};
    return change(id, [&](ConnectorNote& note) {
        std::erase_if(note.quarantined,
                      [&](const auto& each) { return each.sha256_hex == sha256_hex; });
    });
}

Result<void> VersionNotes::forget(const std::string& id) {
    const std::lock_guard lock{change_mutex_};
    return change(id, [](ConnectorNote& note) { note = ConnectorNote{}; });
}

}  // namespace syncline::plugin
