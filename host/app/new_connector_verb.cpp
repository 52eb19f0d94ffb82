#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "app/connector_template.hpp"
#include "app/report.hpp"
#include "app/verbs.hpp"
#include "app/words.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;

Result<std::vector<std::filesystem::path>> make(const NewConnector& wish,
                                                const std::filesystem::path& directory) {
    if (!wish.from.empty()) return make_connector(wish.from, wish.name, directory);
    SYNCLINE_TRY(const std::filesystem::path from, installed_template());
    return make_connector(from, wish.name, directory);
}

}  // namespace

int connectors_new(const Common& common, const NewConnector& wish) {
    constexpr const char* kCommand = "connectors new";
    const std::filesystem::path directory =
        wish.directory.empty() ? std::filesystem::path{wish.name} : wish.directory;
    const auto files = make(wish, directory);
    if (files.has_error()) return print_error(kCommand, files.error(), common.is_json);
    Report report;
    report.command = kCommand;
    json::array names;
    for (const std::filesystem::path& name : *files) {
        names.emplace_back(name.string());
        report.text += (directory / name).string() + "\n";
    }
    report.summary = "Made " + count_of(files->size(), "file") + ". Next: cd " +
                     directory.string() + " && cmake --workflow --preset default";
    report.result = json::object{{"directory", directory.string()}, {"files", std::move(names)}};
    return print(report, common.is_json);
}

}  // namespace syncline::app
