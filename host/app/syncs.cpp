#include "app/syncs.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <memory>
#include <string>

#include "admin/errc.hpp"
#include "app/errc.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;

const char* to_string(pipeline::Sync::Stage stage) {
    switch (stage) {
        case pipeline::Sync::Stage::kIdle:
            return "idle";
        case pipeline::Sync::Stage::kRunning:
            return "running";
        case pipeline::Sync::Stage::kDone:
            return "done";
        case pipeline::Sync::Stage::kFailed:
            return "failed";
    }
    return "";
}

json::value view_of(const std::string& connection, const pipeline::Sync::Progress& progress) {
    json::object view{{"connection", connection},      {"stage", to_string(progress.stage)},
                      {"pages", progress.pages},       {"records", progress.records},
                      {"restarts", progress.restarts}, {"continued", progress.is_continued}};
    if (!progress.waits_for.empty()) view.emplace("waits_for", progress.waits_for);
    if (!progress.failure.empty()) view.emplace("failure", progress.failure);
    return json::value(std::move(view));
}

Result<std::shared_ptr<pipeline::Sync>> find(const Current& current,
                                             const pipeline::Pipeline& pipeline,
                                             const std::string& name) {
    if (auto sync = pipeline.sync(name)) return sync;
    const auto running = current.get();
    const auto& connections = running->config.connections;
    const auto connection =
        std::find_if(connections.begin(), connections.end(),
                     [&](const config::Connection& each) { return each.name == name; });
    if (connection == connections.end())
        return Error{admin::kNotFound, "there is no connection " + name};
    return Error{kNotReadable, "the connector of the account " + connection->from.account +
                                   " does not read the stream " + connection->from.stream +
                                   " page by page"};
}

}  // namespace

admin::Syncs make_syncs(const Current& current, const pipeline::Pipeline& pipeline) {
    admin::Syncs syncs;
    syncs.begin = [&current, &pipeline](const std::string& name) -> Result<json::value> {
        SYNCLINE_TRY(const auto sync, find(current, pipeline, name));
        SYNCLINE_CHECK(sync->begin());
        return view_of(name, sync->progress());
    };
    syncs.look = [&current, &pipeline](const std::string& name) -> Result<json::value> {
        SYNCLINE_TRY(const auto sync, find(current, pipeline, name));
        return view_of(name, sync->progress());
    };
    return syncs;
}

}  // namespace syncline::app
