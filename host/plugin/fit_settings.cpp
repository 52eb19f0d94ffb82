#include "plugin/fit_settings.hpp"

#include <boost/json/parse.hpp>
#include <memory>
#include <utility>

#include "core/secret.hpp"
#include "plugin/copy_in.hpp"
#include "plugin/errc.hpp"
#include "plugin/gather.hpp"
#include "plugin/settings_schema.hpp"
#include "plugin/settings_text.hpp"

namespace syncline::plugin {
namespace {

namespace json = boost::json;

// What a migration gives. Shared with its thread, which may be stuck in it.
struct Migration {
    core::Secret given;  // the settings, as text
    core::Secret text;   // what became of them
    std::size_t texts = 0;
    bool is_too_long = false;
};

void SYNCLINE_CALL take_settings(void* context, syncline_str text) noexcept {
    auto& migration = *static_cast<Migration*>(context);
    ++migration.texts;
    migration.is_too_long = text.len > kSettingsBytesMax;
    if (migration.is_too_long || (text.ptr == nullptr && text.len != 0)) return;
    migration.text = core::Secret{std::string_view{text.len == 0 ? "" : text.ptr, text.len}};
}

// On a thread of its own.
Failure run_migration(const syncline_plugin_migrate& table, Migration& migration) {
    const syncline_text_sink sink{sizeof sink, 0, &migration, take_settings};
    syncline_error error = empty_error();
    syncline_status status = SYNCLINE_OK;
    note_subjects("", {});
    const bool has_returned = call_connector("migrate()", [&] {
        status = table.migrate(to_str(migration.given.reveal()), &sink, &error);
    });
    if (!has_returned) return {FailureClass::kPluginBug, "an exception escaped from it", "", -1};
    if (status != SYNCLINE_OK) return copy_failure(status, error);
    if (migration.texts != 1 || migration.is_too_long)
        return {FailureClass::kPluginBug, "it gave no settings, or too many", "", -1};
    return {};
}

Error refused(const std::string& why) {
    return Error{kSettingsInvalid, "their migration to this version failed: " + why};
}

// The thread that serves accounts is not held up by it, nor given up for it.
Result<record::LockedObject> migrate(Generation& generation, const json::object& settings,
                                     const std::stop_token& stop) {
    const auto migration = std::make_shared<Migration>();
    migration->given = settings_text(settings);
    Gather<Failure> ended{1};
    const std::shared_ptr<Worker> worker = generation.start_worker();
    worker->post([self = generation.shared_from_this(), migration, tell = ended.expect(0)] {
        tell(run_migration(*self->tables().migrate, *migration));
    });
    auto failure = ended.wait(generation.options().call_limit, stop).front();
    if (!failure) failure = ended.wait(generation.options().cancel_grace, {}).front();
    if (!failure) {
        worker->seize();
        return refused("it did not end in time");
    }
    worker->finish();
    if (failure->failure_class != FailureClass::kNone) return refused(failure->message);
    boost::system::error_code error;
    json::value value = json::parse(migration->text.reveal(), error, record::locked_storage());
    if (error || !value.is_object()) return refused("it gave no JSON object");
    return record::LockedObject{std::move(value.get_object())};
}

// The grants are the operator's own words.
Result<void> check_grants(const Manifest& manifest, const json::object& before,
                          const json::object& after) {
    std::vector<std::string> names = manifest.allowed_files;
    for (const HostGrant& grant : manifest.allowed_hosts)
        if (!grant.from_setting.empty()) names.push_back(grant.from_setting);
    for (const std::string& name : names) {
        const json::value* was = before.if_contains(name);
        const json::value* is = after.if_contains(name);
        if ((was == nullptr) != (is == nullptr) || (was != nullptr && *was != *is))
            return refused("it changes `" + name + "`, which grants a host or a file");
    }
    return {};
}

}  // namespace

Result<void> fit_settings(Generation& generation, record::LockedObject& settings,
                          const std::stop_token& stop) {
    const Manifest& manifest = generation.manifest();
    record::LockedObject whole = settings;
    add_defaults(manifest.settings_schema, whole);
    Result<void> fits = check_settings(manifest, whole);
    if (!fits && manifest.can_migrate) {
        SYNCLINE_TRY(whole, migrate(generation, settings, stop));
        SYNCLINE_CHECK(check_grants(manifest, settings, whole));
        add_defaults(manifest.settings_schema, whole);
        fits = check_settings(manifest, whole);
    }
    settings = std::move(whole);
    return fits;
}

}  // namespace syncline::plugin
