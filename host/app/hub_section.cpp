#include "app/hub_section.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <utility>

#include "app/admin_client.hpp"
#include "app/errc.hpp"
#include "app/report.hpp"
#include "secret/local_source.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;

json::object to_json(const config::Problem& problem) {
    return {{"code", problem.error.code()},   {"what", problem.error.what()},
            {"where", problem.error.where()}, {"remedy", problem.error.remedy()},
            {"line", problem.at.line},        {"column", problem.at.column}};
}

constexpr const char* kAssumed = "known-to-the-hub";

// The operator's own environment, and no vault: nothing of the section `hub` comes from there.
class WithoutVault final : public config::SecretSource {
  public:
    std::optional<std::string> environment(const std::string& name) const override {
        return secrets_.environment(name);
    }
    Result<std::string> file(const std::filesystem::path& path) const override {
        return secrets_.file(path);
    }
    Result<VaultValue> vault(const config::Hub&, const std::string&) const override {
        return VaultValue{kAssumed, true};  // it need not be a key where one is asked for
    }

  private:
    secret::LocalSource secrets_;
};

// Stands in for the secrets of the hub, which an operator's shell need not know.
class AssumedSecrets final : public config::SecretSource {
  public:
    std::optional<std::string> environment(const std::string& name) const override {
        std::optional<std::string> value = secrets_.environment(name);
        return value ? std::move(*value) : kAssumed;
    }
    Result<std::string> file(const std::filesystem::path& path) const override {
        Result<std::string> text = secrets_.file(path);
        return text.has_value() ? std::move(*text) : kAssumed;
    }
    Result<VaultValue> vault(const config::Hub&, const std::string&) const override {
        return VaultValue{kAssumed, true};  // it need not be a key where one is asked for
    }

  private:
    secret::LocalSource secrets_;
};

}  // namespace

int print_problems(const std::string& command, const Common& common,
                   const std::vector<config::Problem>& problems) {
    json::array list;
    for (const config::Problem& problem : problems) {
        list.push_back(to_json(problem));
        if (!common.is_json) complain(problem.error.to_string());
    }
    std::size_t count = problems.size();
    bool is_environment =
        count == 1 && problems.front().error.error_class() == core::ErrorClass::kEnvironment;
    Error sum{kConfigInvalid, common.config.string() + " has " + std::to_string(count) +
                                  (count == 1 ? " problem" : " problems")};
    if (common.is_json || count > 1)
        print_error(command, sum, common.is_json, json::object{{"problems", std::move(list)}});
    return static_cast<int>(is_environment ? core::ExitCode::kEnvironment : sum.exit_code());
}

config::Loaded load_hub_section(const Common& common) {
    config::Loaded loaded = config::load(common.config, WithoutVault{});
    if (loaded.config) return loaded;
    config::Loaded without_secrets = config::load(common.config, AssumedSecrets{});
    // What is assumed need not be the key or the URL that a credential is made of.
    const bool is_readable = std::ranges::all_of(
        without_secrets.problems,
        [](const config::Problem& problem) { return problem.error.code().starts_with("auth."); });
    if (is_readable && without_secrets.draft)
        without_secrets.config = std::move(without_secrets.draft);
    if (!without_secrets.config) return loaded;
    const config::Hub& hub = without_secrets.config->hub;
    for (const auto& path : {hub.admin_socket, hub.connectors_dir}) {
        if (path.string().find(kAssumed) != std::string::npos) return loaded;
    }
    return without_secrets;
}

Result<json::value> ask(const Common& common, const std::string& method, const std::string& target,
                        const std::string& body) {
    config::Loaded loaded = load_hub_section(common);
    if (!loaded.config) return loaded.problems.front().error;
    return ask_hub(loaded.config->hub.admin_socket, method, target, body);
}

}  // namespace syncline::app
