// `syncline doctor`: one line for everything that the hub needs around it.
#include <sys/stat.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <utility>

#include "app/admin_client.hpp"
#include "app/configuration.hpp"
#include "app/doctor.hpp"
#include "app/hub_section.hpp"
#include "app/report.hpp"
#include "app/verbs.hpp"
#include "app/version.hpp"
#include "core/log.hpp"
#include "plugin/version_notes.hpp"
#include "secret/vault.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;

const char* word_of(Health health) {
    switch (health) {
        case Health::kOk:
            return "ok";
        case Health::kWarn:
            return "warn";
        case Health::kFail:
            break;
    }
    return "fail";
}

std::string counter_sum(const json::object& ledgers, std::string_view counter) {
    std::uint64_t sum = 0;
    for (const auto& [name, counters] : ledgers)
        if (const json::value* value = counters.as_object().if_contains(counter))
            sum += value->to_number<std::uint64_t>();
    return std::to_string(sum);
}

// Those with OAuth 2.0.
void examine_accounts(const json::object& accounts, Findings& findings) {
    for (const auto& [name, account] : accounts) {
        const std::string state{account.at("state").as_string()};
        const std::string subject = "account " + std::string{name};
        if (state == "authorised") {
            findings.ok(subject, "it is authorised");
            continue;
        }
        const std::string why{account.at("why").as_string()};
        if (state == "failing")
            findings.warn(subject, "no access token can be had: " + why, "");
        else
            findings.fail(subject, "its connections wait until it is authorised anew: " + why,
                          "syncline auth login " + std::string{name}, core::ExitCode::kRuntime);
    }
}

// What `status` of the hub says of its health.
void examine_status(const json::object& status, Findings& findings) {
    const std::string version{status.at("version").as_string()};
    if (version == kVersion)
        findings.ok("hub", "syncline " + version + " answers");
    else
        findings.warn("hub", "syncline " + version + " runs, and this is " + kVersion,
                      "start it again to run the new version");
    const json::object& ledger = status.at("ledger").as_object();
    if (!ledger.at("balanced").as_bool())
        findings.fail("ledger", "it does not balance", "please report this",
                      core::ExitCode::kRuntime);
    else
        findings.ok("ledger", "it balances");
    const std::string dead = counter_sum(ledger.at("connections").as_object(), "dead");
    const std::string dead_events = counter_sum(ledger.at("routes").as_object(), "dead");
    if (dead != "0" || dead_events != "0")
        findings.warn("dead letters", dead + " records and " + dead_events + " events",
                      "`syncline dlq list` shows them");
    else
        findings.ok("dead letters", "none");
    if (const json::value* accounts = status.if_contains("accounts"))
        examine_accounts(accounts->as_object(), findings);
}

void examine_connectors(const plugin::Catalog& catalog, Findings& findings) {
    for (const plugin::Manifest& manifest : catalog.manifests())
        findings.ok("connector", manifest.id + " " + manifest.version);
    for (const plugin::Catalog::Refusal& refusal : catalog.refusals())
        findings.warn("connector",
                      refusal.file.filename().string() + " is refused: " + refusal.error.what(),
                      refusal.error.remedy());
}

void examine_connectors(const config::Hub& hub, Findings& findings) {
    plugin::Catalog::Options options;
    options.connectors_dir = hub.connectors_dir;
    options.clock = &core::system_clock();
    options.versions = plugin::VersionNotes::open(hub.data_dir, core::system_clock(),
                                                  plugin::VersionNotes::Access::kRead);
    const auto catalog = plugin::Catalog::open(std::move(options));
    if (catalog.has_value())
        examine_connectors(**catalog, findings);
    else
        findings.fail("connectors", catalog.error());
}

// What can be used of the configuration: all of it, or its section `hub` when other places are
// wrong.
std::optional<config::Config> examine_configuration(const Common& common, Findings& findings,
                                                    std::vector<core::Watch>& watches) {
    Checked checked = load_configuration(common.config, core::system_clock());
    watches = std::move(checked.watches);
    if (checked.configuration) {
        findings.ok("configuration", common.config.string() + " is valid");
        return std::move(checked.configuration->config);
    }
    for (const config::Problem& problem : checked.problems)
        findings.fail("configuration", problem.error);
    config::Loaded readable = load_hub_section(common);
    return std::move(readable.config);
}

Report to_report(const Findings& findings) {
    Report report;
    report.command = "doctor";
    json::array list;
    for (const Finding& finding : findings.list()) {
        std::string line = word_of(finding.health);
        line.resize(6, ' ');
        line += finding.name;
        line.resize(std::max<std::size_t>(line.size(), 20), ' ');
        line += "  " + finding.what;
        if (!finding.remedy.empty()) line += " (" + finding.remedy + ")";
        report.text += line + "\n";
        list.push_back(json::object{{"health", word_of(finding.health)},
                                    {"name", finding.name},
                                    {"what", finding.what},
                                    {"remedy", finding.remedy}});
    }
    report.summary = std::to_string(findings.count(Health::kOk)) + " ok, " +
                     std::to_string(findings.count(Health::kWarn)) + " warn, " +
                     std::to_string(findings.count(Health::kFail)) + " fail";
    report.exit_code = findings.exit_code();
    report.result = json::object{{"checks", std::move(list)}};
    return report;
}

}  // namespace

void Findings::fail(std::string name, const Error& error) {
    std::string what = std::string{error.code()} + ": " + error.what();
    if (!error.where().empty()) what = error.where() + ": " + what;
    fail(std::move(name), std::move(what), error.remedy(), error.exit_code());
}

std::size_t Findings::count(Health health) const {
    return static_cast<std::size_t>(
        std::count_if(list_.begin(), list_.end(),
                      [&](const Finding& finding) { return finding.health == health; }));
}

core::ExitCode Findings::exit_code() const {
    for (const core::ExitCode code : {core::ExitCode::kInvalidInput, core::ExitCode::kEnvironment})
        if (std::any_of(list_.begin(), list_.end(),
                        [&](const Finding& finding) { return finding.exit_code == code; }))
            return code;
    return count(Health::kFail) > 0 ? core::ExitCode::kRuntime : core::ExitCode::kDone;
}

std::string examine_hub(const config::Hub& hub, const std::string& holder, Findings& findings) {
    struct stat status {};
    const bool is_there = ::lstat(hub.admin_socket.c_str(), &status) == 0;
    const std::string socket = hub.admin_socket.string();
    if (is_there && S_ISSOCK(status.st_mode)) {
        const Result<json::value> answer = ask_hub(hub.admin_socket, "GET", "/v1/status");
        if (answer.has_value()) {
            findings.ok("admin socket", socket + " answers");
            examine_status(answer->as_object(), findings);
            return std::string{answer->as_object().at("listen").as_string()};
        }
        if (!holder.empty()) {
            findings.fail("admin socket", answer.error());
            return {};
        }
    } else if (!is_there && !holder.empty()) {
        findings.fail("admin socket", "the hub runs, and " + socket + " is not there",
                      "name the hub's own configuration with -c", core::ExitCode::kRuntime);
        return {};
    }
    examine_socket(hub, hub.admin_socket, "admin socket", "hub.admin.listen", findings);
    return {};
}

void examine_vault(const config::Hub& hub, Findings& findings) {
    const std::filesystem::path folder = secret::Vault::folder_of(hub.data_dir);
    if (!secret::Vault::exists(folder)) return;
    const Result<secret::MasterKey> master = secret::find_master_key(hub.vault_key_file);
    if (!master.has_value()) return findings.fail("vault", master.error());
    const Result<secret::Vault> vault = secret::Vault::open(folder, master->text);
    if (!vault.has_value()) return findings.fail("vault", vault.error());
    for (const Error& problem : vault->problems()) findings.fail("vault", problem);
    if (vault->problems().empty())
        findings.ok("vault", "its master key is " + master->source + "; it holds " +
                                 std::to_string(vault->list().size()) + " secrets");
}

int doctor(const Common& common) {
    // What is said here is said once, as a finding.
    core::set_log_level(core::LogLevel::kError);
    Findings findings;
    std::vector<core::Watch> watches;  // until all is said
    if (const auto config = examine_configuration(common, findings, watches)) {
        const config::Hub& hub = config->hub;
        const bool is_there = examine_data_dir(hub, findings);
        const std::string holder =
            is_there ? examine_store(hub.data_dir, core::system_clock(), findings) : "";
        if (is_there) examine_backup(hub.data_dir, findings);
        examine_vault(hub, findings);
        examine_connectors(hub, findings);
        const std::string serving = examine_hub(hub, holder, findings);
        examine_listener(hub, serving, findings);
        examine_tls(hub, findings);
        examine_limits(*config, findings);
        examine_http_client(findings);
    }
    return print(to_report(findings), common.is_json);
}

}  // namespace syncline::app
