// `syncline secrets`: what operators do with the vault. Values come from standard input, never from
// an argument, and none is ever printed.
#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdio>

#include "app/errc.hpp"
#include "app/hub_section.hpp"
#include "app/report.hpp"
#include "app/vault_access.hpp"
#include "app/verbs.hpp"
#include "core/clock.hpp"
#include "secret/errc.hpp"
#include "secret/vault.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;
using core::Secret;
using secret::MasterKind;
using secret::Vault;

constexpr const char* kAtNextStart = "A running hub takes it at its next start.";

Result<Secret> ask_for_passphrase() {
    Secret passphrase = ask_for("New passphrase");
    if (::isatty(STDIN_FILENO) == 0) return passphrase;
    if (!passphrase.equals(ask_for("Once more").reveal()))
        return Error{secret::kMasterKeyInvalid, "the two passphrases differ", "try again"};
    return passphrase;
}

// A key beside what it opens protects nothing, and every backup would take both.
Result<void> check_key_file(const std::filesystem::path& file, const config::Hub& hub) {
    const auto inside = std::filesystem::absolute(file).lexically_normal().lexically_relative(
        std::filesystem::absolute(hub.data_dir).lexically_normal());
    if (inside.empty() || *inside.begin() == "..") return {};
    return Error{secret::kMasterKeyInvalid,
                 "the key file " + file.string() + " would lie in the data directory",
                 "keep it elsewhere, such as /etc/syncline/master.key"};
}

struct NewMaster {
    Secret text;
    MasterKind kind = MasterKind::kKey;
    std::string told;  // what the operator has to know of it
};

// The key file is durable before anything depends on it.
Result<NewMaster> make_master(const config::Hub& hub, const MasterOptions& options) {
    if (options.is_passphrase) {
        SYNCLINE_TRY(Secret passphrase, ask_for_passphrase());
        return NewMaster{std::move(passphrase), MasterKind::kPassphrase,
                         "Its passphrase opens it: give it to the hub like a master key."};
    }
    const std::filesystem::path file =
        std::filesystem::absolute(options.key_file.empty() ? hub.vault_key_file : options.key_file);
    SYNCLINE_CHECK(check_key_file(file, hub));
    Secret key = secret::make_master_key();
    SYNCLINE_CHECK(secret::write_key_file(file, key));
    std::string told = "Its master key is " + file.string() +
                       ": keep a copy of it, apart from backups of the data directory.";
    if (file != hub.vault_key_file)
        told += "\nTell the hub: hub: { vault: { key_file: " + file.string() + " } }";
    return NewMaster{std::move(key), MasterKind::kKey, std::move(told)};
}

void append_problems(Report& report, const Vault& vault, json::object& result) {
    json::array problems;
    for (const Error& problem : vault.problems()) {
        problems.push_back(json::string{problem.to_string()});
        report.text += "warning: " + problem.to_string() + "\n";
    }
    result["problems"] = std::move(problems);
}

// Does one thing with the vault of the configuration's hub.
template <class Action>
int with_vault(const Common& common, const char* command, Vault::Access access, Action action) {
    const config::Loaded loaded = load_hub_section(common);
    if (!loaded.config) return print_problems(command, common, loaded.problems);
    auto open = [&]() -> Result<Vault> {
        SYNCLINE_TRY(const secret::MasterKey master, master_key_of(loaded.config->hub));
        return open_vault(loaded.config->hub, master, access);
    };
    Result<Vault> vault = open();
    if (!vault.has_value()) return print_error(command, vault.error(), common.is_json);
    Report report;
    report.command = command;
    json::object result;
    append_problems(report, *vault, result);
    if (Result<void> done = action(*vault, report, result); !done.has_value())
        return print_error(command, done.error(), common.is_json);
    report.result = std::move(result);
    return print(report, common.is_json);
}

}  // namespace

int secrets_init(const Common& common, const MasterOptions& options) {
    constexpr const char* kCommand = "secrets init";
    const config::Loaded loaded = load_hub_section(common);
    if (!loaded.config) return print_problems(kCommand, common, loaded.problems);
    const config::Hub& hub = loaded.config->hub;
    const std::filesystem::path folder = Vault::folder_of(hub.data_dir);
    auto init = [&]() -> Result<std::string> {
        if (Vault::exists(folder))
            return Error{secret::kVaultExists, "there is a vault in " + folder.string()};
        NewMaster master;
        const bool is_named = options.is_passphrase || !options.key_file.empty();
        Result<secret::MasterKey> given = secret::find_master_key(hub.vault_key_file);
        const bool is_to_be_made = !given.has_value() && !hub.vault_key_file.empty() &&
                                   !std::filesystem::exists(hub.vault_key_file);
        if (is_named || is_to_be_made) {
            SYNCLINE_TRY(master, make_master(hub, options));
        } else if (given.has_value()) {
            if (!hub.vault_key_file.empty())
                SYNCLINE_CHECK(check_key_file(hub.vault_key_file, hub));
            master = NewMaster{std::move(given->text), MasterKind::kKey,
                               "Its master key is " + given->source + "."};
        } else if (given.error().is(secret::kMasterKeyMissing)) {
            return Error{secret::kMasterKeyMissing, "a vault needs a master key",
                         "name a file for a new one with --key-file, or use --passphrase"};
        } else {
            return given.error();
        }
        SYNCLINE_CHECK(Vault::create(folder, master.text, master.kind,
                                     core::WallTime{core::system_clock().wall_ns()}));
        return master.told;
    };
    Result<std::string> told = init();
    if (!told.has_value()) return print_error(kCommand, told.error(), common.is_json);
    Report report;
    report.command = kCommand;
    report.summary = "There is a vault in " + folder.string() + ".";
    report.text = *told + "\n";
    report.result = json::object{{"vault", folder.string()}};
    return print(report, common.is_json);
}

int secrets_set(const Common& common, const std::string& name) {
    return with_vault(common, "secrets set", Vault::Access::kChange,
                      [&](Vault& vault, Report& report, json::object& result) -> Result<void> {
                          SYNCLINE_CHECK(vault.set(name, ask_for("Value of " + name),
                                                   core::WallTime{core::system_clock().wall_ns()}));
                          report.summary = "Stored `" + name + "`. " + kAtNextStart;
                          result["name"] = name;
                          return {};
                      });
}

int secrets_list(const Common& common) {
    return with_vault(common, "secrets list", Vault::Access::kRead,
                      [](Vault& vault, Report& report, json::object& result) -> Result<void> {
                          json::array secrets;
                          std::size_t width = 0;
                          for (const Vault::Entry& entry : vault.list())
                              width = std::max(width, entry.name.size());
                          for (const Vault::Entry& entry : vault.list()) {
                              std::string line = entry.name;
                              line.resize(width + 2, ' ');
                              line += entry.is_damaged
                                          ? "DAMAGED: store it again"
                                          : "version " + std::to_string(entry.version) +
                                                ", stored " + entry.changed;
                              report.text += line + "\n";
                              secrets.push_back(json::object{{"name", entry.name},
                                                             {"version", entry.version},
                                                             {"changed", entry.changed},
                                                             {"damaged", entry.is_damaged}});
                          }
                          report.summary = secrets.empty()
                                               ? "The vault is empty."
                                               : std::to_string(secrets.size()) + " in the vault.";
                          result["secrets"] = std::move(secrets);
                          return {};
                      });
}

int secrets_remove(const Common& common, const std::string& name) {
    return with_vault(common, "secrets remove", Vault::Access::kChange,
                      [&](Vault& vault, Report& report, json::object& result) -> Result<void> {
                          SYNCLINE_CHECK(vault.remove(name));
                          report.summary = "Removed `" + name + "`.";
                          result["name"] = name;
                          return {};
                      });
}

int secrets_rotate(const Common& common) {
    return with_vault(
        common, "secrets rotate", Vault::Access::kChange,
        [](Vault& vault, Report& report, json::object& result) -> Result<void> {
            SYNCLINE_CHECK(vault.rotate(core::WallTime{core::system_clock().wall_ns()}));
            report.summary = "Every secret is encrypted with a new key of the vault.";
            result["generation"] = vault.generation();
            return {};
        });
}

int secrets_rekey(const Common& common, const MasterOptions& options) {
    constexpr const char* kCommand = "secrets rekey";
    if (!options.is_passphrase && options.key_file.empty())
        return print_error(
            kCommand,
            Error{kBadArgument, "say what shall open the vault from now on",
                  "name a file for the new key with --key-file, or use --passphrase"},
            common.is_json);
    const config::Loaded loaded = load_hub_section(common);
    if (!loaded.config) return print_problems(kCommand, common, loaded.problems);
    return with_vault(common, kCommand, Vault::Access::kChange,
                      [&](Vault& vault, Report& report, json::object& result) -> Result<void> {
                          SYNCLINE_TRY(const NewMaster master,
                                       make_master(loaded.config->hub, options));
                          SYNCLINE_CHECK(vault.rekey(master.text, master.kind));
                          report.summary = "The vault opens with its new master key only.";
                          report.text += master.told + "\n";
                          result["generation"] = vault.generation();
                          return {};
                      });
}

}  // namespace syncline::app
