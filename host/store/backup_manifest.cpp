#include "store/backup_manifest.hpp"

#include <fcntl.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <memory>
#include <set>
#include <utility>

#include "core/hash.hpp"
#include "core/sha256.hpp"
#include "record/json.hpp"
#include "store/errc.hpp"
#include "store/file.hpp"
#include "store/journal.hpp"
#include "store/pages.hpp"
#include "store/tables.hpp"

namespace syncline::store {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kFormat = 1;
constexpr std::uint64_t kManifestBytesMax = std::uint64_t{1} << 30;
constexpr std::size_t kReadBytes = 1024 * 1024;

std::optional<Position> to_position(std::string_view text) {
    std::uint64_t epoch = 0;
    std::uint64_t counter = 0;
    const char* end = text.data() + text.size();
    auto [dot, wrong] = std::from_chars(text.data(), end, epoch);
    if (wrong != std::errc{} || dot == end || *dot != '.') return std::nullopt;
    auto [stopped, error] = std::from_chars(dot + 1, end, counter);
    if (error != std::errc{} || stopped != end) return std::nullopt;
    const Position position = Position::of(epoch, counter);
    if (to_string(position) != text) return std::nullopt;
    return position;
}

std::optional<std::string> text_in(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string{value->get_string()};
}

std::optional<std::uint64_t> number_in(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr) return std::nullopt;
    if (value->is_uint64()) return value->get_uint64();
    if (value->is_int64() && value->get_int64() >= 0)
        return static_cast<std::uint64_t>(value->get_int64());
    return std::nullopt;
}

// Below the copy, and nowhere else.
bool is_name(const std::string& name) {
    const std::filesystem::path path{name};
    if (name.empty() || path.is_absolute()) return false;
    for (const auto& part : path)
        if (part == ".." || part == ".") return false;
    return true;
}

std::optional<BackupManifest> to_manifest(const json::object& object) {
    BackupManifest manifest;
    const auto version = text_in(object, "version");
    const auto at = text_in(object, "at");
    const auto state = to_position(text_in(object, "state").value_or(""));
    const auto journal = to_position(text_in(object, "journal").value_or(""));
    const json::value* files = object.if_contains("files");
    if (!version || !at || !state || !journal || files == nullptr || !files->is_array())
        return std::nullopt;
    manifest.version = *version;
    manifest.at = *at;
    manifest.state = *state;
    manifest.journal = *journal;
    for (const json::value& entry : files->get_array()) {
        if (!entry.is_object()) return std::nullopt;
        const auto name = text_in(entry.get_object(), "name");
        const auto bytes = number_in(entry.get_object(), "bytes");
        const auto sha256 = text_in(entry.get_object(), "sha256");
        if (!name || !is_name(*name) || !bytes || !sha256) return std::nullopt;
        manifest.files.push_back(BackupFile{*name, *bytes, *sha256});
    }
    return manifest;
}

Error damaged(const std::filesystem::path& file, const std::string& what) {
    return Error{kBackupDamaged, "the backup is damaged: " + what}.at(file.string());
}

Result<void> verify_file(const std::filesystem::path& copy, const BackupFile& named) {
    const std::filesystem::path path = copy / named.name;
    const Result<File> file = File::open(path, O_RDONLY);
    if (!file.has_value()) return damaged(path, "it can't be opened");
    SYNCLINE_TRY(const std::uint64_t size, file->size());
    if (size != named.bytes) return damaged(path, "it has another size");
    core::Sha256 hash;
    std::string chunk(kReadBytes, '\0');
    for (std::uint64_t at = 0; at < size;) {
        SYNCLINE_TRY(const std::size_t got, file->read_at(at, std::span{chunk}));
        if (got == 0) return damaged(path, "it has another size");
        hash.add(std::string_view{chunk}.substr(0, got));
        at += got;
    }
    if (core::to_hex(hash.finish()) != named.sha256) return damaged(path, "it was changed");
    return {};
}

// A file that nobody named may change what a start finds.
Result<void> verify_nothing_else(const std::filesystem::path& copy,
                                 const BackupManifest& manifest) {
    std::set<std::string> named;
    for (const BackupFile& file : manifest.files) named.insert(file.name);
    for (const char* folder : {"state", "journal", "bodies", "vault"}) {
        std::error_code ended;
        for (const auto& entry : std::filesystem::directory_iterator{copy / folder, ended}) {
            const std::string name = folder + ("/" + entry.path().filename().string());
            if (name == "state/lock.mdb") continue;  // who has it open: holds nothing
            if (!named.contains(name)) return damaged(entry.path(), "it is none of its files");
        }
    }
    return {};
}

// The state's position; that of a state without any is 0.
Result<Position> examine_state(const std::filesystem::path& copy) {
    const std::filesystem::path path = copy / "state" / "data.mdb";
    SYNCLINE_TRY(const PageFile pages, PageFile::open(path));
    if (!pages.damage().empty() || pages.commits().empty())
        return damaged(path, "its first pages make no sense");
    Position applied;
    std::string missing;
    auto visit = [&](std::optional<Table> table, std::string_view key,
                     std::string_view value) -> Result<bool> {
        if (table == Table::kMeta && key == meta::kApplied)
            applied = Position{read_big_endian(value.substr(0, 8))};
        std::error_code ignored;
        if (table == Table::kBody && !std::filesystem::exists(copy / "bodies" / key, ignored))
            missing = key;
        return true;
    };
    SYNCLINE_TRY(const PageSurvey survey, pages.survey(pages.commits().front(), visit));
    if (!survey.is_whole()) return damaged(path, survey.damage.front().what);
    if (!missing.empty()) return damaged(copy / "bodies" / missing, "it is not there");
    return applied;
}

}  // namespace

std::uint64_t BackupManifest::bytes() const {
    std::uint64_t sum = 0;
    for (const BackupFile& file : files) sum += file.bytes;
    return sum;
}

std::string to_json(const BackupManifest& manifest) {
    json::array files;
    for (const BackupFile& file : manifest.files)
        files.push_back(
            json::object{{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
    return record::write_json(json::object{{"format", kFormat},
                                           {"version", manifest.version},
                                           {"at", manifest.at},
                                           {"state", to_string(manifest.state)},
                                           {"journal", to_string(manifest.journal)},
                                           {"files", std::move(files)}}) +
           "\n";
}

Result<std::optional<BackupManifest>> read_manifest(const std::filesystem::path& path) {
    std::error_code error;
    if (!std::filesystem::exists(path, error)) return std::optional<BackupManifest>{};
    SYNCLINE_TRY(const File file, File::open(path, O_RDONLY));
    SYNCLINE_TRY(const std::uint64_t size, file.size());
    if (size > kManifestBytesMax) return damaged(path, "it is too large");
    SYNCLINE_TRY(const std::string text, file.read_at(0, size));
    const Result<json::value> parsed = record::parse_json(text);
    if (!parsed.has_value() || !parsed->is_object()) return damaged(path, "it can't be read");
    const auto format = number_in(parsed->get_object(), "format");
    if (format && *format > kFormat)
        return Error{kNewerFormat, "the backup was made by a newer syncline"}.at(path.string());
    std::optional<BackupManifest> manifest = to_manifest(parsed->get_object());
    if (!manifest || format != kFormat) return damaged(path, "it can't be read");
    return manifest;
}

Result<CopyEnds> examine_copy(const std::filesystem::path& copy) {
    CopyEnds ends;
    SYNCLINE_TRY(ends.state, examine_state(copy));
    Journal::Options options;
    options.directory = copy / "journal";
    options.applied = ends.state;
    options.salvage = true;  // this changes nothing
    SYNCLINE_TRY(const std::unique_ptr<Journal> journal, Journal::open(std::move(options)));
    for (const JournalDamage& damage : journal->damage())
        return damaged(damage.error.where(), damage.error.what());
    ends.journal = journal->last();
    if (ends.state > ends.journal || journal->before_first() > ends.state)
        return damaged(copy, "its state and its journal do not belong together");
    return ends;
}

Result<BackupManifest> verify_backup(const std::filesystem::path& copy) {
    SYNCLINE_TRY(std::optional<BackupManifest> manifest, read_manifest(copy / kManifestFile));
    if (!manifest) {
        std::error_code ignored;
        const bool is_used = std::filesystem::exists(copy / kRestoredFile, ignored);
        return Error{kBackupPlace,
                     is_used ? "a hub has run from " + copy.string() + ": it is no backup any more"
                             : "there is no backup in " + copy.string(),
                     "name the folder that `syncline backup` has made"};
    }
    for (const BackupFile& file : manifest->files) SYNCLINE_CHECK(verify_file(copy, file));
    SYNCLINE_CHECK(verify_nothing_else(copy, *manifest));
    SYNCLINE_TRY(const CopyEnds ends, examine_copy(copy));
    if (ends.state != manifest->state || ends.journal != manifest->journal)
        return damaged(copy, "it ends elsewhere than it says");
    return std::move(*manifest);
}

}  // namespace syncline::store
