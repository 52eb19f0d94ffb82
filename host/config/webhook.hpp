// The webhook trigger of a connection: one route of the hub, and how its senders prove who they
// are.
#pragma once

#include <string>
#include <vector>

#include "config/section.hpp"

namespace syncline::config {

// A connection's webhook as written. A route that several connections share is described once.
struct WrittenWebhook {
    Webhook webhook;
    bool is_description = false;  // more is written than the name
};

// Nothing when it has no usable name; every problem is reported. [any]
std::optional<WrittenWebhook> read_webhook(Context& context, const Node& node,
                                           const std::string& path);

// Gives every connection of a route its settings and reports where they contradict each other.
// `described[i]` tells whether the webhook of connections[i] is a description. [any]
void share_routes(Context& context, std::vector<Connection>& connections,
                  const std::vector<bool>& described);

}  // namespace syncline::config
