#include "plugin/fit_settings.hpp"

#include <boost/json/parse.hpp>
#include <future>
#include <memory>
#include <utility>

#include "core/secret.hpp"
#include "plugin/copy_in.hpp"
#include "plugin/errc.hpp"
#include "plugin/settings_schema.hpp"
#include "plugin/settings_text.hpp"

namespace syncline::plugin {
namespace {

namespace json = boost::json;

// What a migration gives. Shared with the connector's thread, which may be stuck in it.
struct Migration {
    core::Secret given;  // the settings, as text
    core::Secret text;   // what became of them
    std::size_t texts = 0;
    bool is_too_long = false;
    Failure failure;
    std::promise<void> done;
};

void SYNCLINE_CALL take_settings(void* context, syncline_str text) noexcept {
    auto& migration = *static_cast<Migration*>(context);
    ++migration.texts;
    migration.is_too_long = text.len > kSettingsBytesMax;
    if (migration.is_too_long || (text.ptr == nullptr && text.len != 0)) return;
    migration.text = core::Secret{std::string_view{text.len == 0 ? "" : text.ptr, text.len}};
}

// On the generation's thread.
void run_migration(const syncline_plugin_migrate& table, Migration& migration) {
    const syncline_text_sink sink{sizeof sink, 0, &migration, take_settings};
    syncline_error error = empty_error();
    syncline_status status = SYNCLINE_OK;
    note_subjects("", {});
    const bool has_returned = call_connector("migrate()", [&] {
        status = table.migrate(to_str(migration.given.reveal()), &sink, &error);
    });
    if (!has_returned)
        migration.failure = {FailureClass::kPluginBug, "an exception escaped from it", "", -1};
    else if (status != SYNCLINE_OK)
        migration.failure = copy_failure(status, error);
    else if (migration.texts != 1 || migration.is_too_long)
        migration.failure = {FailureClass::kPluginBug, "it gave no settings, or too many", "", -1};
    migration.done.set_value();
}

Error refused(const std::string& why) {
    return Error{kSettingsInvalid, "their migration to this version failed: " + why};
}

Result<record::LockedObject> migrate(Generation& generation, const json::object& settings) {
    const auto migration = std::make_shared<Migration>();
    migration->given = settings_text(settings);
    auto done = migration->done.get_future();
    const std::shared_ptr<Worker> worker = generation.worker();
    const auto self = generation.shared_from_this();
    worker->post([self, migration] { run_migration(*self->tables().migrate, *migration); });
    if (done.wait_for(generation.options().call_limit) != std::future_status::ready) {
        worker->seize();
        return refused("it did not end in time");
    }
    if (migration->failure.failure_class != FailureClass::kNone)
        return refused(migration->failure.message);
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

Result<void> fit_settings(Generation& generation, record::LockedObject& settings) {
    const Manifest& manifest = generation.manifest();
    record::LockedObject whole = settings;
    add_defaults(manifest.settings_schema, whole);
    Result<void> fits = check_settings(manifest, whole);
    if (!fits && manifest.can_migrate) {
        SYNCLINE_TRY(whole, migrate(generation, settings));
        SYNCLINE_CHECK(check_grants(manifest, settings, whole));
        add_defaults(manifest.settings_schema, whole);
        fits = check_settings(manifest, whole);
    }
    settings = std::move(whole);
    return fits;
}

}  // namespace syncline::plugin
