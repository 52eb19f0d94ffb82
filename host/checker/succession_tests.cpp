// Tests of what a version hands to the next one: settings that it migrates, state that it keeps.
#include <algorithm>
#include <random>

#include "checker/errc.hpp"
#include "checker/loan.hpp"
#include "checker/test.hpp"
#include "checker/tour.hpp"
#include "plugin/copy_in.hpp"
#include "plugin/settings_schema.hpp"
#include "record/json.hpp"

namespace syncline::checker {
namespace {

namespace json = boost::json;

// ---- Settings

struct Migrated {
    syncline_status status = SYNCLINE_OK;
    std::vector<std::string> texts;
    bool operator==(const Migrated&) const = default;
};

Migrated migrate(const syncline_plugin_migrate& table, const std::string& settings) {
    Migrated migrated;
    Loan loan{Lending::kTight};
    const syncline_text_sink sink{sizeof sink, 0, &migrated.texts,
                                  [](void* context, syncline_str text) {
                                      static_cast<std::vector<std::string>*>(context)->emplace_back(
                                          text.len == 0 ? "" : text.ptr, text.len);
                                  }};
    syncline_error error = plugin::empty_error();
    migrated.status = table.migrate(loan.text(settings), &sink, &error);
    return migrated;
}

// Settings as they are, and as an older version may have had them: without each, with others, of
// other types.
std::vector<std::string> older_settings(const Subject& subject) {
    std::vector<std::string> all{subject.settings, "{}", R"({"a_setting_of_old":"x"})"};
    const auto parsed = record::parse_json(subject.settings);
    if (!parsed || !parsed->is_object()) return all;
    for (const auto& [name, value] : parsed->get_object()) {
        json::object fewer = parsed->get_object();
        fewer.erase(name);
        all.push_back(record::write_json(fewer));
        fewer["old_" + std::string{name}] = value;
        all.push_back(record::write_json(fewer));
        json::object other = parsed->get_object();
        other[name] = value.is_string() ? json::value(7) : json::value("seven");
        all.push_back(record::write_json(other));
    }
    return all;
}

Result<const syncline_plugin_migrate*> migration(const Subject& subject, const Loaded& loaded) {
    SYNCLINE_TRY(const plugin::Manifest* manifest, subject.need_manifest());
    const auto* table = loaded.table<syncline_plugin_migrate>(SYNCLINE_MIGRATE_ID);
    if (manifest->can_migrate && table != nullptr) return table;
    return Error{kNotApplicable, "the connector migrates no settings"};
}

Result<Verdict> migrate_fits(const Subject& subject) {
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    SYNCLINE_TRY(const syncline_plugin_migrate* table, migration(subject, loaded));
    for (const std::string& settings : older_settings(subject)) {
        const Migrated migrated = migrate(*table, settings);
        if (migrated.status != SYNCLINE_OK) continue;
        if (migrated.texts.size() != 1)
            return failed("it gave no settings, or several: " + settings);
        auto parsed = record::parse_json(migrated.texts[0]);
        if (!parsed || !parsed->is_object()) return failed("it gave no JSON object: " + settings);
        plugin::add_defaults(subject.manifest->settings_schema, parsed->get_object());
        const auto fits = plugin::check_settings(*subject.manifest, parsed->get_object());
        if (!fits)
            return failed(settings + " became what the schema refuses: " + fits.error().what());
    }
    return passed();
}

Result<Verdict> migrate_same(const Subject& subject) {
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    SYNCLINE_TRY(const syncline_plugin_migrate* table, migration(subject, loaded));
    for (const std::string& settings : older_settings(subject)) {
        if (migrate(*table, settings) != migrate(*table, settings))
            return failed(settings + " became something else the second time");
    }
    return passed();
}

// ---- State

Result<plugin::HandedState> saved_state(const Subject& subject, const Loaded& loaded) {
    SYNCLINE_TRY(const plugin::Manifest* manifest, subject.need_manifest());
    if (!manifest->can_keep_state) return Error{kNotApplicable, "the connector keeps no state"};
    StrictHost host{subject, loaded};
    SYNCLINE_CHECK(host.begin());
    auto saved = host.save();
    host.end();
    if (!saved) return Error{kNotApplicable, "it has no state to hand over"};
    return std::move(*saved);
}

// What a fresh instance makes of it.
Result<Ending> restored(const Subject& subject, const Loaded& loaded,
                        const plugin::HandedState& state) {
    StrictHost host{subject, loaded};
    if (!host.create()) return Error{kNotApplicable, "create() returned NULL; see `life-begins`"};
    if (!host.init(subject.settings).is_ok())
        return Error{kNotApplicable, "the account does not start; see `life-begins`"};
    const Ending ending = host.restore(state);
    const bool goes_on = ending.is_ok() || ending.status == SYNCLINE_E_UNSUPPORTED;
    if (!goes_on || !host.start().is_ok()) {
        host.destroy();
        return ending;
    }
    host.end();
    return ending;
}

Result<Verdict> state_restores(const Subject& subject) {
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    SYNCLINE_TRY(const plugin::HandedState state, saved_state(subject, loaded));
    SYNCLINE_TRY(const Ending ending, restored(subject, loaded, state));
    return ending.is_ok() ? passed() : failed("it does not take what it gave: " + ending.message);
}

Result<Verdict> state_garbage(const Subject& subject) {
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    SYNCLINE_TRY(const plugin::HandedState sound, saved_state(subject, loaded));
    std::mt19937_64 random{subject.seed};
    std::string noise(256, '\0');
    std::ranges::generate(noise, [&] { return static_cast<char>(random()); });
    const std::pair<const char*, plugin::HandedState> cases[] = {
        {"of another form", {"checker.nonsense", sound.version, sound.bytes}},
        {"of another version", {sound.schema_id, sound.version + 4'000'000'000u, sound.bytes}},
        {"of random bytes", {sound.schema_id, sound.version, noise}},
        {"with more behind it", {sound.schema_id, sound.version, sound.bytes + noise}},
    };
    for (const auto& [what, state] : cases) {
        SYNCLINE_TRY(const Ending ending, restored(subject, loaded, state));
        if (ending.is_ok()) return failed(std::string{"it took a state "} + what);
    }
    return passed();
}

constexpr Test kSuccessionTests[] = {
    {"migrate-fits", 6, "what settings become fits the schema",
     "a new version is refused, or the hub does not start with it",
     "give what the manifest's schema accepts, or fail with SYNCLINE_E_CONFIG", migrate_fits},
    {"migrate-same", 6, "the same settings become the same",
     "an account has other settings after each start",
     "use nothing but the settings: no clock, no chance, no memory", migrate_same},
    {"state-restores", 6, "an instance takes the state that another has saved",
     "every new version starts without, or not at all", "read in restore() what save() writes",
     state_restores},
    {"state-garbage", 6, "a state that makes no sense is not taken",
     "a version works with what another one meant",
     "compare schema_id and version, and check all of the bytes; SYNCLINE_E_UNSUPPORTED for what "
     "is "
     "not known",
     state_garbage},
};

}  // namespace

std::span<const Test> succession_tests() {
    return kSuccessionTests;
}

}  // namespace syncline::checker
