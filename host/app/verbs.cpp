#include "app/verbs.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <optional>
#include <utility>

#include "admin/views.hpp"
#include "app/admin_client.hpp"
#include "app/configuration.hpp"
#include "app/errc.hpp"
#include "app/hub.hpp"
#include "app/hub_section.hpp"
#include "app/report.hpp"
#include "app/version.hpp"
#include "config/schema.hpp"
#include "core/log.hpp"
#include "core/secret.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;

Result<std::filesystem::path> admin_socket(const Common& common) {
    config::Loaded loaded = load_hub_section(common);
    if (loaded.config) return loaded.config->hub.admin_socket;
    return loaded.problems.front().error;
}

// The reason when something that is to be a dead letter's id is none.
std::optional<Error> check_id(const std::string& id) {
    if (admin::parse_letter_id(id)) return std::nullopt;
    return Error{kBadArgument, "`" + id + "` is not the id of a dead letter",
                 "`syncline dlq list` shows them, such as 3.17"};
}

Result<json::value> ask(const Common& common, const std::string& method,
                        const std::string& target) {
    SYNCLINE_TRY(std::filesystem::path socket, admin_socket(common));
    return ask_hub(socket, method, target);
}

// 0 when it is not there.
std::uint64_t number_of(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_number() ? value->to_number<std::uint64_t>() : 0;
}

// `1 account`, `2 accounts`.
std::string count_of(std::size_t count, const std::string& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string text_of(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr) return {};
    return value->is_string() ? std::string{value->get_string()} : json::serialize(*value);
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

std::string letter_line(const json::object& letter) {
    std::string owner =
        letter.contains("connection") ? text_of(letter, "connection") : text_of(letter, "route");
    std::string line = text_of(letter, "id") + "  " + text_of(letter, "at") + "  " + owner + "  " +
                       text_of(letter, "class");
    if (letter.contains("key")) line += "  key " + text_of(letter, "key");
    return line + "  " + text_of(letter, "message");
}

}  // namespace

int run(const Common& common, bool allow_unsafe_filesystem) {
    core::protect_memory();
    Checked checked = load_configuration(common.config, core::system_clock());
    if (!checked.configuration) return print_problems("run", common, checked.problems);
    HubOptions options;
    options.allow_unsafe_filesystem = allow_unsafe_filesystem;
    options.on_ready = [](const std::string& listen, const std::string& admin) {
        std::printf("syncline ready %s admin %s\n", listen.c_str(), admin.c_str());
        std::fflush(stdout);
    };
    for (const Error& remark : checked.remarks) core::log_error("secret", remark);
    Result<void> ended = run_hub(std::move(*checked.configuration), options);
    return ended.has_value() ? 0 : print_error("run", ended.error(), common.is_json);
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

int schema(const Common& common) {
    Report report;
    report.command = "schema";
    if (common.is_json)
        report.result = json::parse(config::schema());
    else
        report.text = config::schema();
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

int connectors_list(const Common& common) {
    config::Loaded loaded = load_hub_section(common);
    if (!loaded.config) return print_problems("connectors list", common, loaded.problems);
    plugin::Catalog::Options options;
    options.connectors_dir = loaded.config->hub.connectors_dir;
    options.clock = &core::system_clock();
    Result<std::unique_ptr<plugin::Catalog>> catalog = plugin::Catalog::open(std::move(options));
    if (!catalog.has_value())
        return print_error("connectors list", catalog.error(), common.is_json);
    Report report;
    report.command = "connectors list";
    json::array list;
    for (const plugin::Manifest& manifest : (*catalog)->manifests()) {
        list.push_back(json::object{{"id", manifest.id},
                                    {"version", manifest.version},
                                    {"name", manifest.name},
                                    {"summary", manifest.summary}});
        report.text += manifest.id + " " + manifest.version + "  " + manifest.summary + "\n";
    }
    json::array refused;
    for (const plugin::Catalog::Refusal& refusal : (*catalog)->refusals()) {
        refused.push_back(json::object{{"file", refusal.file.string()},
                                       {"code", refusal.error.code()},
                                       {"what", refusal.error.what()},
                                       {"remedy", refusal.error.remedy()}});
        report.text += "refused: " + refusal.error.to_string() + "\n";
    }
    report.summary = count_of(list.size(), "connector") + " in " +
                     loaded.config->hub.connectors_dir.string() +
                     (refused.empty() ? "" : ", " + count_of(refused.size(), "file") + " refused");
    report.result = json::object{{"connectors", std::move(list)}, {"refused", std::move(refused)}};
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
                       (stream.is_destination ? " destination" : "") + "\n";
    }
    append_settings(report.text, manifest->settings_schema);
    report.result = manifest->json;
    return print(report, common.is_json);
}

int dlq_list(const Common& common) {
    json::array letters;
    std::string after;
    do {
        Result<json::value> page =
            ask(common, "GET", "/v1/dlq" + (after.empty() ? "" : "?after=" + after));
        if (!page.has_value()) return print_error("dlq list", page.error(), common.is_json);
        json::object& object = page->as_object();
        for (json::value& letter : object.at("letters").as_array())
            letters.push_back(std::move(letter));
        after = text_of(object, "next");
    } while (!after.empty());
    Report report;
    report.command = "dlq list";
    for (const json::value& letter : letters) report.text += letter_line(letter.as_object()) + "\n";
    report.summary = count_of(letters.size(), "dead letter");
    report.result = json::object{{"letters", std::move(letters)}};
    return print(report, common.is_json);
}

int dlq_show(const Common& common, const std::string& id) {
    if (auto wrong = check_id(id)) return print_error("dlq show", *wrong, common.is_json);
    Result<json::value> letter = ask(common, "GET", "/v1/dlq/" + id);
    if (!letter.has_value()) return print_error("dlq show", letter.error(), common.is_json);
    Report report;
    report.command = "dlq show";
    report.text = letter_line(letter->as_object());
    for (const char* part : {"record", "event", "answer"}) {
        const json::value* inner = letter->as_object().if_contains(part);
        if (inner == nullptr) continue;
        if (std::string_view{part} == "answer") report.text += "\nthe platform answered";
        for (const auto& [name, value] : inner->as_object()) {
            report.text += "\n  " + std::string{name} + ": " + text_of(inner->as_object(), name);
        }
    }
    report.result = std::move(*letter);
    return print(report, common.is_json);
}

namespace {

Result<std::vector<std::string>> select(const Common& common, const LetterSelection& selection) {
    if (!selection.is_all) return selection.ids;
    std::vector<std::string> ids;
    std::string after;
    do {
        SYNCLINE_TRY(json::value page,
                     ask(common, "GET", "/v1/dlq" + (after.empty() ? "" : "?after=" + after)));
        const json::object& object = page.as_object();
        for (const json::value& letter : object.at("letters").as_array()) {
            const json::object& fields = letter.as_object();
            if (!selection.connection.empty() &&
                text_of(fields, "connection") != selection.connection)
                continue;
            ids.push_back(text_of(fields, "id"));
        }
        after = text_of(object, "next");
    } while (!after.empty());
    return ids;
}

}  // namespace

int dlq_change(const Common& common, LetterVerb verb, const LetterSelection& selection) {
    const std::string name = verb == LetterVerb::kReplay ? "replay" : "discard";
    const std::string command = "dlq " + name;
    if (selection.ids.empty() == !selection.is_all) {
        return print_error(command,
                           Error{kBadArgument, "name dead letters by id, or say --all (not both)"},
                           common.is_json);
    }
    if (!selection.connection.empty() && !selection.is_all) {
        return print_error(command, Error{kBadArgument, "--connection goes with --all"},
                           common.is_json);
    }
    for (const std::string& id : selection.ids) {
        if (auto wrong = check_id(id)) return print_error(command, *wrong, common.is_json);
    }
    Result<std::vector<std::string>> ids = select(common, selection);
    if (!ids.has_value()) return print_error(command, ids.error(), common.is_json);
    json::array done;
    for (const std::string& id : *ids) {
        Result<json::value> answer = ask(
            common, "POST", "/v1/dlq/" + id + "/" + name + (selection.is_forced ? "?force=1" : ""));
        if (!answer.has_value()) {
            return print_error(command, answer.error(), common.is_json,
                               json::object{{"done", std::move(done)}});
        }
        done.emplace_back(id);
    }
    Report report;
    report.command = command;
    report.summary =
        std::to_string(done.size()) + (verb == LetterVerb::kReplay ? " replayed" : " discarded");
    report.result = json::object{{"done", std::move(done)}};
    return print(report, common.is_json);
}

}  // namespace syncline::app
