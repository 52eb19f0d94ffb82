// `syncline reload`: the running hub takes the configuration as it is now; this process watches.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/admin_client.hpp"
#include "app/errc.hpp"
#include "app/hub_section.hpp"
#include "app/report.hpp"
#include "app/verbs.hpp"
#include "app/words.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;

constexpr const char* kReloadCommand = "reload";
constexpr std::chrono::milliseconds kAskReloadEvery{50};

// Where the hub listens stands in the file, also when something else in it is wrong: the hub then
// says all of it.
std::optional<std::filesystem::path> socket_of(const config::Loaded& loaded) {
    const std::optional<config::Config>& readable = loaded.config ? loaded.config : loaded.draft;
    if (!readable || readable->hub.admin_socket.empty()) return std::nullopt;
    return readable->hub.admin_socket;
}

Result<json::object> reload(const std::filesystem::path& socket, bool is_check) {
    SYNCLINE_TRY(const json::value begun,
                 ask_hub(socket, "POST", is_check ? "/v1/reload?check=1" : "/v1/reload"));
    const std::string path = "/v1/reload/" + text_of(begun.as_object(), "id");
    for (;;) {
        SYNCLINE_TRY(json::value seen, ask_hub(socket, "GET", path));
        json::object& view = seen.as_object();
        const std::string stage = text_of(view, "stage");
        if (stage == "done" || stage == "failed") return std::move(view);
        std::this_thread::sleep_for(kAskReloadEvery);
    }
}

Error error_of(const json::object& about) {
    const auto error_class = static_cast<core::ErrorClass>(about.at("class").to_number<int>());
    return told_error(text_of(about, "code"), error_class, text_of(about, "what"),
                      text_of(about, "remedy"))
        .at(text_of(about, "where"));
}

int print_refused(const Common& common, const json::object& view) {
    if (const json::value* error = view.if_contains("error"))
        return print_error(kReloadCommand, error_of(error->as_object()), common.is_json);
    std::vector<config::Problem> problems;
    for (const json::value& each : view.at("problems").as_array()) {
        const json::object& about = each.as_object();
        problems.push_back(
            {error_of(about),
             {about.at("line").to_number<int>(), about.at("column").to_number<int>()}});
    }
    return print_problems(kReloadCommand, common, problems);
}

}  // namespace

int reload(const Common& common, bool is_check) {
    const config::Loaded loaded = load_hub_section(common);
    const auto socket = socket_of(loaded);
    if (!socket) return print_problems(kReloadCommand, common, loaded.problems);
    Result<json::object> view = reload(*socket, is_check);
    if (!view.has_value()) return print_error(kReloadCommand, view.error(), common.is_json);
    if (text_of(*view, "stage") == "failed") return print_refused(common, *view);
    Report report;
    report.command = kReloadCommand;
    for (const json::value& line : view->at("lines").as_array())
        report.text += std::string{line.as_string()} + "\n";
    for (const json::value& remark : view->at("remarks").as_array())
        report.text += "warning: " + std::string{remark.as_string()} + "\n";
    report.summary = common.config.string() + (is_check ? " can be loaded: " : " is in service: ") +
                     text_of(*view, "summary");
    report.result = std::move(*view);
    return print(report, common.is_json);
}

}  // namespace syncline::app
