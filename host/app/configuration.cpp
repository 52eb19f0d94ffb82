#include "app/configuration.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>
#include <utility>

#include "app/errc.hpp"
#include "app/verifiers.hpp"
#include "config/errc.hpp"
#include "http_server/tls.hpp"
#include "plugin/errc.hpp"
#include "plugin/settings_schema.hpp"
#include "plugin/version_notes.hpp"
#include "secret/errc.hpp"
#include "secret/vault.hpp"
#include "secret/vault_source.hpp"

namespace syncline::app {
namespace {

class Checker {
  public:
    Checker(Configuration& configuration, const plugin::Catalog& catalog,
            std::vector<config::Problem>& problems)
        : configuration_(configuration), catalog_(catalog), problems_(problems) {}

    void check() {
        check_tls();
        for (const auto& [name, account] : configuration_.config.accounts) check_account(account);
        for (const config::Connection& connection : configuration_.config.connections)
            check_connection(connection);
        for (auto& [name, account] : configuration_.config.accounts) make_files_absolute(account);
    }

  private:
    void report(Error error, config::Position at) {
        std::string place = configuration_.config.file.string() + ":" + std::to_string(at.line) +
                            ":" + std::to_string(at.column);
        problems_.push_back(config::Problem{std::move(error).at(std::move(place)), at});
    }

    void check_tls() {
        const std::optional<config::Tls>& tls = configuration_.config.hub.tls;
        if (!tls) return;
        const Result<http_server::TlsContext> loaded =
            http_server::load_tls({tls->certificate, tls->key, tls->client_ca});
        if (loaded.has_value()) return;
        config::Position at = tls->certificate_at;
        if (http_server::is_about_key(loaded.error())) at = tls->key_at;
        if (http_server::is_about_client_ca(loaded.error())) at = tls->client_ca_at;
        report(loaded.error(), at);
    }

    void check_account(const config::Account& account) {
        if (account.connector.empty()) return;  // reported by config
        const plugin::Manifest* manifest = find(account.connector);
        if (manifest == nullptr) {
            report(catalog_.unknown(account.connector), account.connector_at);
            return;
        }
        check_vault(account);
        check_secrets(account, *manifest);
        // What stands in for a sealed value need not be what the settings ask for, and a connector
        // that migrates says at the start what it makes of them.
        if (account.is_sealed || manifest->can_migrate || has_problem_in_settings(account)) return;
        Result<void> settings = plugin::check_settings(*manifest, account.settings);
        if (settings.has_value()) return;
        // Each violation, `/pointer: sentence`, at the setting that it is about.
        const Error invalid = settings.error();
        std::string_view rest = invalid.what();
        while (!rest.empty()) {
            std::size_t end = rest.find("; /");
            std::string_view violation = rest.substr(0, end);
            rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
            report(Error{plugin::kSettingsInvalid, std::string{violation}},
                   position_of_setting(account, violation.substr(0, violation.find(": "))));
        }
    }

    // A refresh token that is used up is gone: the next one has to have a place before that.
    void check_vault(const config::Account& account) {
        const auto* oauth2 =
            account.auth ? std::get_if<config::OAuth2>(&account.auth->credential) : nullptr;
        const std::filesystem::path folder =
            secret::Vault::folder_of(configuration_.config.hub.data_dir);
        if (oauth2 == nullptr || !config::keeps_refresh_token(*oauth2) ||
            secret::Vault::exists(folder))
            return;
        report(Error{secret::kVaultMissing,
                     "the account " + account.name +
                         " keeps a refresh token, and there is no vault in " + folder.string()},
               account.auth->at);
    }

    // The connector says which secrets it reads, the operator agrees to each by giving it.
    void check_secrets(const config::Account& account, const plugin::Manifest& manifest) {
        for (const plugin::SecretNeed& need : manifest.secrets) {
            if (account.secrets.contains(need.name)) continue;
            report(Error{kSecretNotGiven, "the connector " + manifest.id + " reads the secret `" +
                                              need.name + "`: " + need.reason},
                   account.connector_at);
        }
        for (const auto& [name, given] : account.secrets) {
            const bool is_declared =
                std::any_of(manifest.secrets.begin(), manifest.secrets.end(),
                            [&](const plugin::SecretNeed& need) { return need.name == name; });
            if (!is_declared)
                report(Error{kSecretUndeclared,
                             "the connector " + manifest.id + " reads no secret `" + name + "`"},
                       given.at);
        }
    }

    // A setting that could not be read would only be reported a second time as missing.
    bool has_problem_in_settings(const config::Account& account) const {
        int last_line = account.settings_at.line;
        for (const auto& [pointer, at] : account.setting_positions)
            last_line = std::max(last_line, at.line);
        return std::any_of(problems_.begin(), problems_.end(), [&](const auto& problem) {
            return account.settings_at.line > 0 && problem.at.line >= account.settings_at.line &&
                   problem.at.line <= last_line;
        });
    }

    // Of the setting itself, or of what is around it when it is not there.
    static config::Position position_of_setting(const config::Account& account,
                                                std::string_view pointer) {
        while (!pointer.empty()) {
            auto at = account.setting_positions.find(std::string{pointer});
            if (at != account.setting_positions.end()) return at->second;
            std::size_t slash = pointer.rfind('/');
            pointer = pointer.substr(0, slash == std::string_view::npos ? 0 : slash);
        }
        return account.settings_at;
    }

    void check_connection(const config::Connection& connection) {
        const bool is_query = connection.webhook.has_value() &&
                              connection.webhook->answer == config::AnswerMode::kQuery;
        check_endpoint(connection.from, connection.has_triggers ? kReceives : kPages);
        check_endpoint(connection.to, is_query ? kReads : kWrites);
        check_answer(connection);
        check_verify(connection);
        CompiledConnection compiled;
        compiled.source = &connection;
        if (connection.when && !connection.when->text.empty())
            compiled.when = compile(*connection.when);
        compiled.map = compile(connection.map);
        if (connection.webhook) compiled.answer_map = compile(connection.webhook->answer_map);
        configuration_.connections.push_back(std::move(compiled));
    }

    // Whose outcome a sender waits for must be clear as soon as one may wait.
    void check_answer(const config::Connection& connection) {
        const std::optional<config::Webhook>& webhook = connection.webhook;
        if (!webhook || webhook->answer != config::AnswerMode::kConnector ||
            !webhook->answer_from.empty())
            return;
        auto account = configuration_.config.accounts.find(connection.from.account);
        if (account == configuration_.config.accounts.end()) return;  // reported by config
        const plugin::Manifest* manifest = find(account->second.connector);
        if (manifest == nullptr || manifest->answered.empty()) return;
        if (!ambiguous_.insert(webhook->name).second) return;
        report(
            Error{config::kAnswerAmbiguous,
                  "the webhook `" + webhook->name + "` has several connections, and senders of " +
                      "the connector " + manifest->id + " wait for an outcome"},
            webhook->answer_at);
    }

    // Nobody else would look at what is left to the connector.
    void check_verify(const config::Connection& connection) {
        if (connection.webhook) check_verifiers(*connection.webhook);
        auto account = configuration_.config.accounts.find(connection.from.account);
        if (!connection.webhook || account == configuration_.config.accounts.end()) return;
        const plugin::Manifest* manifest = find(account->second.connector);
        if (manifest == nullptr || manifest->verifies_webhooks) return;
        for (const config::VerifyRule& rule : connection.webhook->verify) {
            if (rule.scheme != config::VerifyScheme::kConnector) continue;
            report(
                Error{kNoVerification, "the connector " + manifest->id + " verifies no requests"},
                rule.at);
        }
    }

    // What only the use of a rule can judge: its keys, and what it signs.
    void check_verifiers(const config::Webhook& webhook) {
        // What stands in for a sealed secret need not be a key.
        if (webhook.is_sealed || !verified_.insert(webhook.name).second) return;
        for (const config::VerifyRule& rule : webhook.verify) {
            if (!rule.is_whole) continue;  // reported by config
            const auto checked = check_verifier(rule);
            if (checked.has_error()) report(checked.error(), rule.at);
        }
    }

    std::vector<std::pair<std::string, expr::Program>> compile(
        const std::vector<config::Mapping>& mappings) {
        std::vector<std::pair<std::string, expr::Program>> compiled;
        for (const config::Mapping& mapping : mappings) {
            if (mapping.expression.text.empty()) continue;  // reported by config
            if (auto program = compile(mapping.expression))
                compiled.emplace_back(mapping.field, std::move(*program));
        }
        return compiled;
    }

    // What a connection needs of a connector and a stream.
    struct Need {
        bool plugin::Manifest::*capability;
        bool plugin::StreamSpec::*stream;
        const char *lacks, *lacks_stream;
    };
    static constexpr Need kReceives{&plugin::Manifest::can_webhook, &plugin::StreamSpec::is_source,
                                    " does not take webhooks", " reads no"};
    static constexpr Need kWrites{&plugin::Manifest::can_write, &plugin::StreamSpec::is_destination,
                                  " does not write records", " writes no"};
    static constexpr Need kReads{&plugin::Manifest::can_fetch, &plugin::StreamSpec::can_fetch,
                                 " does not read records by key", " reads by key no"};

    static constexpr Need kPages{&plugin::Manifest::can_read, &plugin::StreamSpec::reads_full,
                                 " is not read page by page, so the connection needs a trigger",
                                 " reads page by page no"};

    void check_endpoint(const config::Endpoint& endpoint, const Need& need) {
        if (endpoint.stream.empty()) return;  // reported by config
        auto account = configuration_.config.accounts.find(endpoint.account);
        if (account == configuration_.config.accounts.end()) return;  // reported by config
        const plugin::Manifest* manifest = find(account->second.connector);
        if (manifest == nullptr) return;  // reported with the account
        if (!(manifest->*need.capability)) {
            report(Error{kNotCapable, "the connector " + manifest->id + need.lacks}, endpoint.at);
            return;
        }
        std::string names;
        for (const plugin::StreamSpec& stream : manifest->streams) {
            if (!(stream.*need.stream)) continue;
            if (stream.name == endpoint.stream) return;
            names += (names.empty() ? "" : ", ") + stream.name;
        }
        report(Error{kUnknownStream, "the connector " + manifest->id + need.lacks_stream +
                                         " stream `" + endpoint.stream + "`; it has: " + names},
               endpoint.at);
    }

    // The connector knows nothing of the configuration's folder, which relative paths are of.
    void make_files_absolute(config::Account& account) {
        const plugin::Manifest* manifest = find(account.connector);
        if (manifest == nullptr) return;
        const std::filesystem::path folder =
            std::filesystem::absolute(configuration_.config.file).parent_path();
        for (const std::string& name : manifest->allowed_files) {
            boost::json::value* setting = account.settings.if_contains(name);
            if (setting == nullptr || !setting->is_string() || setting->get_string().empty())
                continue;
            const std::filesystem::path file{std::string_view{setting->get_string()}};
            *setting = (folder / file).lexically_normal().string();
        }
    }

    std::optional<expr::Program> compile(const config::Located& text) {
        expr::Origin origin{configuration_.config.file.string(), text.at.line, text.at.column};
        Result<expr::Program> program = expr::Program::compile(text.text, origin);
        if (program.has_value()) return std::move(*program);
        problems_.push_back(
            config::Problem{program.error(), position_in(program.error(), text.at)});
        return std::nullopt;
    }

    // The end of `file:line:column`.
    static config::Position position_in(const Error& error, config::Position otherwise) {
        std::string_view where = error.where();
        config::Position at;
        for (int* number : {&at.column, &at.line}) {
            std::size_t colon = where.rfind(':');
            if (colon == std::string_view::npos) return otherwise;
            std::string_view digits = where.substr(colon + 1);
            auto read = std::from_chars(digits.data(), digits.data() + digits.size(), *number);
            if (read.ec != std::errc{} || read.ptr != digits.data() + digits.size())
                return otherwise;
            where = where.substr(0, colon);
        }
        return at;
    }

    const plugin::Manifest* find(const std::string& id) const { return catalog_.find(id); }

    Configuration& configuration_;
    const plugin::Catalog& catalog_;
    std::vector<config::Problem>& problems_;
    std::set<std::string> ambiguous_;  // webhooks that were reported
    std::set<std::string> verified_;   // webhooks whose verification was looked at
};

}  // namespace

Checked load_configuration(const std::filesystem::path& file, const core::Clock& clock,
                           const plugin::Catalog* serving) {
    Checked checked;
    const secret::VaultSource secrets;
    config::Loaded loaded = config::load(file, secrets);
    checked.remarks = secrets.remarks();
    checked.problems = std::move(loaded.problems);
    // With problems in the file itself the rest is checked all the same: one run shows everything.
    std::optional<config::Config>& readable = loaded.config ? loaded.config : loaded.draft;
    if (readable) checked.watches = readable->watches;
    checked.watches.push_back(secrets.watch());
    if (!readable || readable->hub.connectors_dir.empty()) return checked;
    auto configuration = std::make_unique<Configuration>();
    configuration->config = std::move(*readable);
    if (serving == nullptr) {
        plugin::Catalog::Options options;
        options.connectors_dir = configuration->config.hub.connectors_dir;
        options.clock = &clock;
        options.versions = plugin::VersionNotes::open(configuration->config.hub.data_dir, clock,
                                                      plugin::VersionNotes::Access::kRead);
        auto catalog = plugin::Catalog::open(std::move(options));
        if (!catalog.has_value()) {
            checked.problems.push_back(
                config::Problem{std::move(catalog).error().at(file.string()), {}});
            return checked;
        }
        configuration->catalog = std::move(*catalog);
        serving = configuration->catalog.get();
    }
    Checker{*configuration, *serving, checked.problems}.check();
    if (checked.problems.empty()) {
        checked.configuration = std::move(configuration);
    } else {
        std::stable_sort(
            checked.problems.begin(), checked.problems.end(), [](const auto& a, const auto& b) {
                return std::pair{a.at.line, a.at.column} < std::pair{b.at.line, b.at.column};
            });
    }
    return checked;
}

}  // namespace syncline::app
