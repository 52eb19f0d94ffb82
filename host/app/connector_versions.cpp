#include "app/connector_versions.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <utility>

#include "admin/errc.hpp"
#include "core/clock.hpp"
#include "plugin/errc.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;

json::object view_of(const plugin::VersionStatus& version) {
    return {{"version", version.version},
            {"sha256", version.sha256_hex},
            {"file", version.file},
            {"generation", version.generation}};
}

json::object view_of(const plugin::KnownVersion& version) {
    return {{"version", version.version},
            {"sha256", version.sha256_hex},
            {"file", version.file},
            {"since", core::format_iso8601(version.since_ns).text}};
}

json::object view_of(const plugin::QuarantinedVersion& version) {
    return {{"version", version.version},
            {"sha256", version.sha256_hex},
            {"why", version.why},
            {"at", core::format_iso8601(version.at_ns).text}};
}

json::object view_of(const plugin::SwapEvent& event) {
    json::object view{{"number", event.number},
                      {"at", core::format_iso8601(event.at_ns).text},
                      {"what", plugin::to_string(event.kind)},
                      {"id", event.id},
                      {"version", event.version},
                      {"sha256", event.sha256_hex},
                      {"file", event.file}};
    if (!event.code.empty()) view.emplace("code", event.code);
    if (!event.why.empty()) view.emplace("why", event.why);
    return view;
}

// One that was taken back stands behind it until another comes into service.
const char* state_of(const plugin::ConnectorStatus& status, const plugin::ConnectorNote& note) {
    if (status.trial) return "on_trial";
    if (status.accounts.empty()) return "unused";
    const bool was_rolled_back = note.serving && !note.quarantined.empty() &&
                                 note.quarantined.back().at_ns >= note.serving->since_ns;
    return was_rolled_back ? "rolled_back" : "serving";
}

json::value view_of(const plugin::ConnectorStatus& status, const plugin::ConnectorNote& note) {
    json::object view = view_of(status.serving);
    view.emplace("id", status.id);
    view.emplace("state", state_of(status, note));
    json::array accounts;
    for (const std::string& name : status.accounts) accounts.push_back(json::string{name});
    view.emplace("accounts", std::move(accounts));
    if (note.serving && note.serving->sha256_hex == status.serving.sha256_hex)
        view.emplace("since", core::format_iso8601(note.serving->since_ns).text);
    if (note.previous) view.emplace("previous", view_of(*note.previous));
    if (status.trial) {
        json::object trial = view_of(status.trial->version);
        trial.emplace("share_percent", status.trial->share_percent);
        trial.emplace("records", status.trial->records);
        trial.emplace("errors", status.trial->errors);
        view.emplace("trial", std::move(trial));
    }
    json::array quarantined;
    for (const auto& each : note.quarantined) quarantined.push_back(view_of(each));
    view.emplace("quarantined", std::move(quarantined));
    return json::value(std::move(view));
}

json::value look(const VersionSources& sources) {
    const plugin::VersionNotes::All notes = sources.notes->all();
    json::array connectors;
    for (const plugin::ConnectorStatus& status : sources.catalog.status()) {
        const auto note = notes.find(status.id);
        connectors.push_back(
            view_of(status, note == notes.end() ? plugin::ConnectorNote{} : note->second));
    }
    json::array events;
    for (const plugin::SwapEvent& event : sources.catalog.events())
        events.push_back(view_of(event));
    return json::value(
        json::object{{"connectors", std::move(connectors)}, {"events", std::move(events)}});
}

Error busy() {
    return Error{admin::kBusy, "too much waits to be done with connectors"};
}

Result<json::value> roll_back(const VersionSources& sources, const std::string& id) {
    const auto all = sources.catalog.status();
    const bool is_known =
        std::any_of(all.begin(), all.end(), [&](const auto& each) { return each.id == id; });
    if (!is_known) return Error{admin::kNotFound, "there is no connector " + id};
    const auto events = sources.catalog.events();
    const std::uint64_t after = events.empty() ? 0 : events.back().number;
    const bool is_posted = sources.post([&catalog = sources.catalog, id](const auto& stop) {
        (void)catalog.roll_back(id, stop);  // an event says what became of it
    });
    if (!is_posted) return busy();
    return json::value(json::object{{"after", after}});
}

json::value done_with(const std::string& id) {
    return json::value(json::object{{"id", id}});
}

void remove(const VersionSources& sources, const std::string& id, admin::Connectors::Done done) {
    std::string names;
    for (const std::string& name : sources.accounts(id))
        names += (names.empty() ? "" : ", ") + name;
    if (!names.empty())
        return done(Error{plugin::kInUse, "the connector " + id + " is used by " + names});
    const bool is_posted = sources.post([&catalog = sources.catalog, id, done](const auto&) {
        auto forgotten = catalog.forget(id);
        forgotten ? done(done_with(id)) : done(std::move(forgotten).error());
    });
    if (!is_posted) done(busy());
}

void release(const VersionSources& sources, const std::string& id, const std::string& sha256_hex,
             admin::Connectors::Done done) {
    if (!sources.notes->is_quarantined(id, sha256_hex))
        return done(Error{admin::kNotFound, "no such version of " + id + " is quarantined"});
    const bool is_posted =
        sources.post([&catalog = sources.catalog, id, sha256_hex, done](const auto&) {
            auto released = catalog.release(id, sha256_hex);
            released ? done(done_with(id)) : done(std::move(released).error());
        });
    if (!is_posted) done(busy());
}

}  // namespace

admin::Connectors make_connectors(VersionSources sources) {
    const auto shared = std::make_shared<const VersionSources>(std::move(sources));
    admin::Connectors connectors;
    connectors.look = [shared] { return look(*shared); };
    connectors.roll_back = [shared](const std::string& id) { return app::roll_back(*shared, id); };
    connectors.release = [shared](const std::string& id, const std::string& sha256_hex, auto done) {
        app::release(*shared, id, sha256_hex, std::move(done));
    };
    connectors.remove = [shared](const std::string& id, auto done) {
        app::remove(*shared, id, std::move(done));
    };
    return connectors;
}

}  // namespace syncline::app
