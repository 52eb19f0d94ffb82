#include "app/configuration.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "app/errc.hpp"
#include "http_server/tls.hpp"
#include "plugin/errc.hpp"
#include "secret/local_source.hpp"

namespace syncline::app {
namespace {

class Checker {
  public:
    Checker(Configuration& configuration, std::vector<config::Problem>& problems)
        : configuration_(configuration), problems_(problems) {}

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
            http_server::load_tls({tls->certificate, tls->key});
        if (loaded.has_value()) return;
        report(loaded.error(),
               http_server::is_about_key(loaded.error()) ? tls->key_at : tls->certificate_at);
    }

    void check_account(const config::Account& account) {
        if (account.connector.empty()) return;  // reported by config
        const plugin::Manifest* manifest = find(account.connector);
        if (manifest == nullptr) {
            report(configuration_.catalog->unknown(account.connector), account.connector_at);
            return;
        }
        if (has_problem_in_settings(account)) return;
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
        check_endpoint(connection.from, true);
        check_endpoint(connection.to, false);
        CompiledConnection compiled;
        compiled.source = &connection;
        if (connection.when && !connection.when->text.empty())
            compiled.when = compile(*connection.when);
        for (const config::Mapping& mapping : connection.map) {
            if (mapping.expression.text.empty()) continue;  // reported by config
            if (auto program = compile(mapping.expression))
                compiled.map.emplace_back(mapping.field, std::move(*program));
        }
        configuration_.connections.push_back(std::move(compiled));
    }

    void check_endpoint(const config::Endpoint& endpoint, bool is_source) {
        if (endpoint.stream.empty()) return;  // reported by config
        auto account = configuration_.config.accounts.find(endpoint.account);
        if (account == configuration_.config.accounts.end()) return;  // reported by config
        const plugin::Manifest* manifest = find(account->second.connector);
        if (manifest == nullptr) return;  // reported with the account
        if (is_source ? !manifest->can_webhook : !manifest->can_write) {
            report(Error{kNotCapable,
                         "the connector " + manifest->id +
                             (is_source ? " does not take webhooks" : " does not write records")},
                   endpoint.at);
            return;
        }
        std::string names;
        for (const plugin::StreamSpec& stream : manifest->streams) {
            if (is_source ? !stream.is_source : !stream.is_destination) continue;
            if (stream.name == endpoint.stream) return;
            names += (names.empty() ? "" : ", ") + stream.name;
        }
        report(Error{kUnknownStream, "the connector " + manifest->id +
                                         (is_source ? " reads no" : " writes no") + " stream `" +
                                         endpoint.stream + "`; it has: " + names},
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

    const plugin::Manifest* find(const std::string& id) const {
        return configuration_.catalog->find(id);
    }

    Configuration& configuration_;
    std::vector<config::Problem>& problems_;
};

}  // namespace

Checked load_configuration(const std::filesystem::path& file, const core::Clock& clock) {
    Checked checked;
    secret::LocalSource secrets;
    config::Loaded loaded = config::load(file, secrets);
    checked.problems = std::move(loaded.problems);
    // With problems in the file itself the rest is checked all the same: one run shows everything.
    std::optional<config::Config>& readable = loaded.config ? loaded.config : loaded.draft;
    if (!readable || readable->hub.connectors_dir.empty()) return checked;
    auto configuration = std::make_unique<Configuration>();
    configuration->config = std::move(*readable);
    plugin::Catalog::Options options;
    options.connectors_dir = configuration->config.hub.connectors_dir;
    options.clock = &clock;
    Result<std::unique_ptr<plugin::Catalog>> catalog = plugin::Catalog::open(std::move(options));
    if (!catalog.has_value()) {
        checked.problems.push_back(
            config::Problem{std::move(catalog).error().at(file.string()), {}});
        return checked;
    }
    configuration->catalog = std::move(*catalog);
    Checker{*configuration, checked.problems}.check();
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
