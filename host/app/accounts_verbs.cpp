// `syncline accounts check` and `discover`: the running hub asks the account's platform.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <utility>

#include "app/admin_client.hpp"
#include "app/hub_section.hpp"
#include "app/report.hpp"
#include "app/verbs.hpp"
#include "app/words.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;

Result<json::value> ask_account(const config::Hub& hub, const std::string& account,
                                const char* question) {
    return ask_hub(hub.admin_socket, "POST", "/v1/accounts/" + account + "/" + question);
}

// "total (number, required): Total"
std::string field_line(const json::object& field) {
    std::string facts = text_of(field, "type");
    for (const char* fact : {"key", "required"})
        if (is_true(field, fact)) facts += (facts.empty() ? "" : ", ") + std::string{fact};
    std::string line = "  " + text_of(field, "name");
    if (!facts.empty()) line += " (" + facts + ')';
    const std::string title = text_of(field, "title");
    return line + (title.empty() ? "" : ": " + title) + '\n';
}

std::string streams_text(const json::array& streams) {
    std::string text;
    for (const json::value& value : streams) {
        const json::object& stream = value.as_object();
        const std::string title = text_of(stream, "title");
        text += text_of(stream, "name") + (title.empty() ? "" : ": " + title) + '\n';
        const json::value* fields = stream.if_contains("fields");
        if (fields == nullptr) continue;
        for (const json::value& field : fields->as_array()) text += field_line(field.as_object());
    }
    return text;
}

}  // namespace

int accounts_check(const Common& common, const std::string& account) {
    constexpr const char* kName = "accounts check";
    config::Loaded loaded = load_hub_section(common);
    if (!loaded.config) return print_problems(kName, common, loaded.problems);
    auto answered = ask_account(loaded.config->hub, account, "check");
    if (!answered) return print_error(kName, answered.error(), common.is_json);
    Report report;
    report.command = kName;
    report.summary = "The credentials of " + account + " are good";
    report.result = std::move(*answered);
    return print(report, common.is_json);
}

int accounts_discover(const Common& common, const std::string& account) {
    constexpr const char* kName = "accounts discover";
    config::Loaded loaded = load_hub_section(common);
    if (!loaded.config) return print_problems(kName, common, loaded.problems);
    auto answered = ask_account(loaded.config->hub, account, "discover");
    if (!answered) return print_error(kName, answered.error(), common.is_json);
    const json::array& streams = answered->as_object().at("streams").as_array();
    Report report;
    report.command = kName;
    report.summary = account + " has " + count_of(streams.size(), "stream");
    report.text = streams_text(streams);
    report.result = std::move(*answered);
    return print(report, common.is_json);
}

}  // namespace syncline::app
