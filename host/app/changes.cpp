#include "app/changes.hpp"

#include <boost/json/value_from.hpp>
#include <map>
#include <utility>

#include "app/words.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;

using Digests = std::map<std::string, std::string>;

Changes::Names compare(const Digests& now, const Digests& next) {
    Changes::Names names;
    for (const auto& [name, digest] : next) {
        const auto before = now.find(name);
        if (before == now.end()) names.added.push_back(name);
        // constant-time: both are the operator's.
        else if (before->second != digest)
            names.changed.push_back(name);
    }
    for (const auto& [name, digest] : now)
        if (!next.contains(name)) names.removed.push_back(name);
    return names;
}

Digests accounts_of(const config::Config& config) {
    Digests digests;
    for (const auto& [name, account] : config.accounts) digests[name] = account.digest;
    return digests;
}

// With what brings its records: a connection may move to another webhook.
Digests connections_of(const config::Config& config) {
    Digests digests;
    for (const config::Connection& connection : config.connections)
        digests[connection.name] =
            connection.digest + (connection.webhook ? connection.webhook->name : "");
    return digests;
}

Digests webhooks_of(const config::Config& config) {
    Digests digests;
    for (const config::Connection& connection : config.connections)
        if (connection.webhook)
            digests[connection.webhook->name] =
                connection.webhook->digest + connection.from.account;
    return digests;
}

// Written so that it does not compile when a key is added and not compared here.
std::vector<std::string> compare(const config::Hub& now, const config::Hub& next) {
    const auto& [data_dir, connectors_dir, address, port, listen_socket, tls, socket, vault_key,
                 limits, trial] = now;
    const auto& [connections, per_ip, pending, unapplied, history] = limits;
    const auto files = [](const std::optional<config::Tls>& of) {
        return of ? std::vector{of->certificate, of->key, of->client_ca}
                  : std::vector<std::filesystem::path>{};
    };
    // The default goes with the data directory.
    const bool is_default_socket =
        socket == data_dir / "admin.sock" && next.admin_socket == next.data_dir / "admin.sock";
    const config::ServerLimits& next_limits = next.limits;
    const std::pair<const char*, bool> keys[] = {
        {"hub.data_dir", data_dir == next.data_dir},
        {"hub.connectors_dir", connectors_dir == next.connectors_dir},
        {"hub.listen", address == next.listen_address && port == next.listen_port &&
                           listen_socket == next.listen_socket},
        {"hub.tls", files(tls) == files(next.tls)},
        {"hub.admin.listen", socket == next.admin_socket || is_default_socket},
        {"hub.vault.key_file", vault_key == next.vault_key_file},
        {"hub.limits.connections_max", connections == next_limits.connections_max},
        {"hub.limits.connections_per_ip_max", per_ip == next_limits.connections_per_ip_max},
        {"hub.limits.pending_bytes_max", pending == next_limits.pending_bytes_max},
        {"hub.limits.unapplied_bytes_max", unapplied == next_limits.unapplied_bytes_max},
        {"hub.limits.history_bytes_max", history == next_limits.history_bytes_max},
        {"hub.trial", trial == next.trial},
    };
    std::vector<std::string> different;
    for (const auto& [key, is_same] : keys)
        if (!is_same) different.emplace_back(key);
    return different;
}

// Each kind of thing with its names.
std::vector<std::pair<const char*, const Changes::Names*>> kinds(const Changes& changes) {
    return {{"account", &changes.accounts},
            {"connection", &changes.connections},
            {"webhook", &changes.webhooks}};
}

std::vector<std::pair<const char*, const std::vector<std::string>*>> ways(
    const Changes::Names& names) {
    return {{"added", &names.added}, {"changed", &names.changed}, {"removed", &names.removed}};
}

}  // namespace

bool Changes::empty() const {
    return lines().empty() && needs_restart.empty();
}

std::vector<std::string> Changes::lines() const {
    std::vector<std::string> lines;
    for (const auto& [kind, names] : kinds(*this)) {
        for (const auto& [way, all] : ways(*names))
            for (const std::string& name : *all)
                lines.push_back(std::string{kind} + " " + name + ": " + way);
    }
    return lines;
}

std::string Changes::summary() const {
    const std::size_t count = lines().size();
    return count == 0 ? "nothing has changed" : count_of(count, "change");
}

json::object Changes::json() const {
    json::object view;
    for (const auto& [kind, names] : kinds(*this)) {
        json::object by_way;
        for (const auto& [way, all] : ways(*names)) by_way.emplace(way, json::value_from(*all));
        view.emplace(std::string{kind} + "s", std::move(by_way));
    }
    return view;
}

Changes compare(const config::Config& now, const config::Config& next) {
    Changes changes;
    changes.accounts = compare(accounts_of(now), accounts_of(next));
    changes.connections = compare(connections_of(now), connections_of(next));
    changes.webhooks = compare(webhooks_of(now), webhooks_of(next));
    changes.needs_restart = compare(now.hub, next.hub);
    return changes;
}

}  // namespace syncline::app
