#include "app/verbs.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <optional>
#include <utility>

#include "app/admin_client.hpp"
#include "app/configuration.hpp"
#include "app/errc.hpp"
#include "app/hub.hpp"
#include "app/hub_section.hpp"
#include "app/model_schemas.hpp"
#include "app/report.hpp"
#include "app/version.hpp"
#include "app/words.hpp"
#include "config/schema.hpp"
#include "core/log.hpp"
#include "core/secret.hpp"
#include "plugin/presentation.hpp"
#include "plugin/version_notes.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;

// 0 when it is not there.
std::uint64_t number_of(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_number() ? value->to_number<std::uint64_t>() : 0;
}

void append_ledger(std::string& text, const char* title, const json::object& ledgers) {
    for (const auto& [name, counters] : ledgers) {
        text += std::string{title} + " " + std::string{name} + ":";
        for (const auto& [counter, value] : counters.as_object()) {
            if (value.to_number<std::uint64_t>() == 0 && counter != "pending" && counter != "dead")
                continue;
            text += "  " + std::string{counter} + " " + json::serialize(value);
        }
        text += '\n';
    }
}

// One line for each setting: its type, whether it has to be there, what it is.
void append_settings(std::string& text, const json::object& schema) {
    const json::value* properties = schema.if_contains("properties");
    if (properties == nullptr || !properties->is_object()) return;
    json::array required;
    if (const json::value* names = schema.if_contains("required");
        names != nullptr && names->is_array())
        required = names->get_array();
    for (const auto& [name, property] : properties->get_object()) {
        if (!property.is_object()) continue;
        const json::object& about = property.get_object();
        bool is_required =
            std::find(required.begin(), required.end(), json::value(name)) != required.end();
        text += "setting " + std::string{name} + ": " + text_of(about, "type") +
                (is_required ? ", required. " : ". ") + text_of(about, "description") + "\n";
    }
}

// Empty when all is well.
std::string standing_of(const std::string& account, const json::object& standing) {
    const std::string state = text_of(standing, "state");
    if (state == "authorised") return {};
    const bool is_waiting = state == "needs_authorisation";
    return "account " + account +
           (is_waiting ? " needs to be authorised anew; its connections wait: "
                       : " gets no access token; it is tried again: ") +
           text_of(standing, "why") + "\n";
}

}  // namespace

int run(const Common& common, const RunOptions& wish) {
    core::protect_memory();
    Checked checked = load_configuration(common.config, core::system_clock());
    if (!checked.configuration) return print_problems("run", common, checked.problems);
    HubOptions options;
    options.allow_unsafe_filesystem = wish.allow_unsafe_filesystem;
    options.watches_config = wish.watches_config;
    options.on_ready = [](const std::string& listen, const std::string& admin) {
        std::printf("syncline ready %s admin %s\n", listen.c_str(), admin.c_str());
        std::fflush(stdout);
    };
    for (const Error& remark : checked.remarks) core::log_error("secret", remark);
    Result<void> ended = run_hub(std::move(*checked.configuration), options);
    const int code = ended.has_value() ? 0 : print_error("run", ended.error(), common.is_json);
    std::fflush(stdout);
    std::fflush(stderr);
    // All is done and kept. What connectors that stay loaded have left for the end of a process
    // could only spoil it: their threads may still run.
    ::_exit(code);
}

int validate(const Common& common) {
    Checked checked = load_configuration(common.config, core::system_clock());
    if (!checked.configuration) return print_problems("validate", common, checked.problems);
    const config::Config& config = checked.configuration->config;
    Report report;
    report.command = "validate";
    report.summary = common.config.string() +
                     " is valid: " + count_of(config.accounts.size(), "account") + ", " +
                     count_of(config.connections.size(), "connection");
    json::array remarks;
    for (const Error& remark : checked.remarks) {
        remarks.push_back(json::string{remark.to_string()});
        report.text += "warning: " + remark.to_string() + "\n";
    }
    report.result = json::object{{"problems", json::array{}}, {"remarks", std::move(remarks)}};
    return print(report, common.is_json);
}

int schema(const Common& common, const std::string& model) {
    const std::string_view text = model.empty() ? config::schema() : model_schema(model);
    if (text.empty()) {
        std::string known;
        for (const std::string_view name : model_names())
            known += (known.empty() ? "" : ", ") + std::string{name};
        return print_error(
            "schema", {kBadArgument, "there is no model \"" + model + "\"; there are " + known},
            common.is_json);
    }
    Report report;
    report.command = "schema";
    if (common.is_json)
        report.result = json::parse(text);
    else
        report.text = text;
    return print(report, common.is_json);
}

int status(const Common& common) {
    Result<json::value> answer = ask(common, "GET", "/v1/status");
    if (!answer.has_value()) return print_error("status", answer.error(), common.is_json);
    json::object& status = answer->as_object();
    const json::object& ledger = status.at("ledger").as_object();
    bool is_balanced = ledger.at("balanced").as_bool();
    Report report;
    report.command = "status";
    report.text =
        "syncline " + text_of(status, "version") + " at " + text_of(status, "listen") + "\n";
    append_ledger(report.text, "route", ledger.at("routes").as_object());
    if (const std::uint64_t count = number_of(status, "altered_repeats"); count > 0) {
        report.text += "warning: a message id came again with another body, " +
                       count_of(count, "time") + " since the start\n";
    }
    append_ledger(report.text, "connection", ledger.at("connections").as_object());
    if (const json::value* paused = status.if_contains("paused")) {
        for (const json::value& name : paused->as_array()) {
            report.text += "connection " + std::string{name.as_string()} +
                           " is paused: its platform fails and is probed now and then\n";
        }
    }
    if (const json::value* sealed = status.if_contains("sealed")) {
        for (const json::value& name : sealed->as_array()) {
            report.text += std::string{name.as_string()} +
                           " waits: a secret of it can't be opened (see `syncline doctor`)\n";
        }
    }
    if (const json::value* accounts = status.if_contains("accounts")) {
        for (const auto& [name, account] : accounts->as_object())
            report.text += standing_of(std::string{name}, account.as_object());
    }
    report.summary =
        is_balanced ? "The ledger balances." : "The ledger does not balance: please report this.";
    report.exit_code = is_balanced ? core::ExitCode::kDone : core::ExitCode::kUnbalanced;
    report.result = std::move(*answer);
    return print(report, common.is_json);
}

int version(const Common& common) {
    Report report;
    report.command = "version";
    report.summary = std::string{"syncline "} + kVersion;
    report.result = json::object{{"version", kVersion}};
    return print(report, common.is_json);
}

int connectors_describe(const Common& common, const std::string& file_or_id) {
    constexpr const char* kCommand = "connectors describe";
    std::optional<plugin::Manifest> manifest;
    std::error_code ignored;
    if (std::filesystem::exists(file_or_id, ignored)) {
        Result<plugin::Manifest> read = plugin::read_manifest(file_or_id);
        if (!read.has_value()) return print_error(kCommand, read.error(), common.is_json);
        manifest = std::move(*read);
    } else {
        config::Loaded loaded = load_hub_section(common);
        if (!loaded.config) return print_problems(kCommand, common, loaded.problems);
        plugin::Catalog::Options options;
        options.connectors_dir = loaded.config->hub.connectors_dir;
        options.clock = &core::system_clock();
        options.versions = plugin::VersionNotes::open(
            loaded.config->hub.data_dir, core::system_clock(), plugin::VersionNotes::Access::kRead);
        Result<std::unique_ptr<plugin::Catalog>> catalog =
            plugin::Catalog::open(std::move(options));
        if (!catalog.has_value()) return print_error(kCommand, catalog.error(), common.is_json);
        const plugin::Manifest* found = (*catalog)->find(file_or_id);
        if (found == nullptr)
            return print_error(kCommand, (*catalog)->unknown(file_or_id), common.is_json);
        manifest = *found;
    }
    Report report;
    report.command = kCommand;
    report.text = manifest->name + " (" + manifest->id + ") " + manifest->version + "\n" +
                  manifest->summary + "\n";
    for (const plugin::StreamSpec& stream : manifest->streams) {
        report.text += "stream " + stream.name + ":" + (stream.is_source ? " source" : "") +
                       (stream.is_destination ? " destination" : "") +
                       (stream.model.empty() ? "" : ", of the model " + stream.model) + "\n";
    }
    append_settings(report.text, manifest->settings_schema);
    for (const plugin::SecretNeed& need : manifest->secrets)
        report.text += "reads the secret " + need.name + ": " + need.reason + "\n";
    report.text += plugin::data_contract_text(manifest->data);
    report.text += plugin::presentation_text(manifest->json);
    report.result = manifest->json;
    return print(report, common.is_json);
}

}  // namespace syncline::app
