// `syncline salvage`: what was damaged, what was recovered, what is lost, where the originals are.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdio>

#include "app/hub_section.hpp"
#include "app/report.hpp"
#include "app/verbs.hpp"
#include "app/version.hpp"
#include "store/salvage.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;

struct Line {
    const char* name;
    const char* what;
    store::SalvageCount count;
};

std::vector<Line> lines_of(const store::RepairResult& rows) {
    return {{"events", "events that wait for their translation", rows.events},
            {"records", "records that wait for their delivery", rows.records},
            {"letters", "dead letters", rows.letters},
            {"key_map", "rows of the key map (what destinations have)", rows.key_map},
            {"message_ids", "message ids (repeats that are recognised)", rows.message_ids}};
}

json::object to_json(const store::SalvageReport& report) {
    json::array damage;
    for (const store::SalvageDamage& place : report.damage)
        damage.push_back(json::object{{"where", place.where}, {"what", place.what}});
    json::object recovered, lost;
    for (const Line& line : lines_of(report.rows)) {
        recovered[line.name] = line.count.kept;
        lost[line.name] = line.count.lost;
    }
    json::array named(report.rows.lost.begin(), report.rows.lost.end());
    json::array notes(report.rows.notes.begin(), report.rows.notes.end());
    json::object result{{"damage", std::move(damage)},
                        {"damage_not_named", report.damage_not_named},
                        {"previous_commit", report.is_previous_commit},
                        {"facts", report.facts},
                        {"recovered", std::move(recovered)},
                        {"lost", std::move(lost)},
                        {"lost_by_name", std::move(named)},
                        {"notes", std::move(notes)}};
    result["quarantine"] =
        report.quarantine.empty() ? json::value(nullptr) : json::value(report.quarantine.string());
    return result;
}

std::string to_text(const store::SalvageReport& report) {
    std::string text = "Damaged:\n";
    for (const store::SalvageDamage& place : report.damage)
        text += "  " + place.where + ": " + place.what + "\n";
    if (report.damage_not_named > 0)
        text += "  and " + std::to_string(report.damage_not_named) + " more places\n";
    text += "Recovered:\n";
    for (const Line& line : lines_of(report.rows)) {
        text += "  " + std::to_string(line.count.kept) + " " + line.what;
        if (line.count.lost > 0) text += "; " + std::to_string(line.count.lost) + " are lost";
        text += "\n";
    }
    text += "  " + std::to_string(report.facts) + " facts of the journal were applied\n";
    if (report.is_previous_commit) {
        text += "  The state before its last change was whole; the journal has what came after.\n";
    }
    if (!report.rows.lost.empty()) {
        text += "Lost, as far as it has a name:\n";
        for (const std::string& what : report.rows.lost) text += "  " + what + "\n";
    }
    for (const std::string& note : report.rows.notes) text += "Note: " + note + ".\n";
    return text + "The originals are in " + report.quarantine.string() + ".\n";
}

std::uint64_t lost_of(const store::RepairResult& rows) {
    std::uint64_t lost = 0;
    for (const Line& line : lines_of(rows)) lost += line.count.lost;
    return lost;
}

}  // namespace

int salvage(const Common& common, bool allow_unsafe_filesystem) {
    constexpr const char* kCommand = "salvage";
    config::Loaded loaded = load_hub_section(common);
    if (!loaded.config) return print_problems(kCommand, common, loaded.problems);
    store::SalvageOptions options;
    options.data_dir = loaded.config->hub.data_dir;
    options.clock = &core::system_clock();
    options.version = kVersion;
    options.allow_unsafe_filesystem = allow_unsafe_filesystem;
    if (!common.is_json) {
        options.on_progress = [](const std::string& line) { complain("syncline: " + line); };
    }
    Result<store::SalvageReport> salvaged = store::salvage(options);
    if (!salvaged.has_value()) return print_error(kCommand, salvaged.error(), common.is_json);
    Report report;
    report.command = kCommand;
    report.result = to_json(*salvaged);
    if (salvaged->damage.empty()) {
        report.summary =
            "There is no damage in " + options.data_dir.string() + ": nothing was changed.";
        return print(report, common.is_json);
    }
    report.text = to_text(*salvaged);
    std::uint64_t lost = lost_of(salvaged->rows);
    report.summary = lost == 0 ? "Salvaged. Start the hub with `syncline run`."
                               : "Salvaged, with losses. Start the hub with `syncline run`.";
    return print(report, common.is_json);
}

}  // namespace syncline::app
