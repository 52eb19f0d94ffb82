// `syncline sync`: the running hub reads a connection's source to its end; this process watches.
#include <boost/json/object.hpp>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include "app/admin_client.hpp"
#include "app/errc.hpp"
#include "app/hub_section.hpp"
#include "app/report.hpp"
#include "app/verbs.hpp"
#include "app/words.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;

constexpr const char* kSyncCommand = "sync";
constexpr std::chrono::milliseconds kAskSyncEvery{100};
constexpr std::chrono::seconds kTellSyncEvery{2};

std::string so_far(const json::object& run) {
    std::string line = count_of(run.at("pages").to_number<std::size_t>(), "page") + ", " +
                       count_of(run.at("records").to_number<std::size_t>(), "record");
    const auto restarts = run.at("restarts").to_number<std::size_t>();
    if (restarts > 0) {
        line += "; begun anew " + std::to_string(restarts) + (restarts == 1 ? " time" : " times") +
                ", as the cursor was not known any more";
    }
    return line;
}

// Until the run is over. The hub goes on with it when this process ends before.
Result<json::object> watch(const config::Hub& hub, const std::string& path, bool is_silent) {
    auto told = std::chrono::steady_clock::now();
    for (;;) {
        SYNCLINE_TRY(json::value seen, ask_hub(hub.admin_socket, "GET", path));
        json::object& run = seen.as_object();
        if (text_of(run, "stage") != "running") return std::move(run);
        const auto now = std::chrono::steady_clock::now();
        if (now - told >= kTellSyncEvery) {
            told = now;
            const std::string waits_for = text_of(run, "waits_for");
            const std::string why = waits_for.empty() ? "" : "; waits: " + waits_for;
            if (!is_silent)
                std::fprintf(stderr, "syncline: %s%s\n", so_far(run).c_str(), why.c_str());
        }
        std::this_thread::sleep_for(kAskSyncEvery);
    }
}

}  // namespace

int sync(const Common& common, const std::string& connection) {
    config::Loaded loaded = load_hub_section(common);
    if (!loaded.config) return print_problems(kSyncCommand, common, loaded.problems);
    const config::Hub& hub = loaded.config->hub;
    const std::string path = "/v1/connections/" + connection + "/sync";
    const auto begun = ask_hub(hub.admin_socket, "POST", path);
    if (!begun.has_value()) return print_error(kSyncCommand, begun.error(), common.is_json);
    Result<json::object> run = watch(hub, path, common.is_json);
    if (!run.has_value()) return print_error(kSyncCommand, run.error(), common.is_json);
    if (text_of(*run, "stage") != "done") {
        const Error failed{kSyncFailed, "after " + so_far(*run) + ": " + text_of(*run, "failure")};
        return print_error(kSyncCommand, failed, common.is_json);
    }
    Report report;
    report.command = kSyncCommand;
    report.summary = "Read " + so_far(*run);
    if (run->at("continued").as_bool()) report.summary += "; with those before it was cut off";
    report.text = report.summary + ".\n";
    report.result = std::move(*run);
    return print(report, common.is_json);
}

}  // namespace syncline::app
