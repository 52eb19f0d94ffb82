#include "config/webhook.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "config/mapping.hpp"
#include "config/verify.hpp"
#include "config/verify_parts.hpp"

namespace syncline::config {
namespace {

constexpr std::int64_t kBodyBytesMax = 16 * 1024 * 1024;

bool same_answer(const Webhook& a, const Webhook& b) {
    const auto same_mapping = [](const Mapping& x, const Mapping& y) {
        return x.field == y.field && x.expression.text == y.expression.text;
    };
    return a.answer == b.answer && a.answer_from == b.answer_from &&
           a.answer_timeout == b.answer_timeout && a.late_status == b.late_status &&
           std::equal(a.answer_map.begin(), a.answer_map.end(), b.answer_map.begin(),
                      b.answer_map.end(), same_mapping);
}

bool same_settings(const Webhook& a, const Webhook& b) {
    return a.message_id_header == b.message_id_header && a.success_status == b.success_status &&
           a.body_bytes_max == b.body_bytes_max && same_answer(a, b) &&
           std::equal(a.verify.begin(), a.verify.end(), b.verify.begin(), b.verify.end(),
                      same_verification);
}

void read_answer(Context& context, const Section& section, Webhook& webhook) {
    constexpr std::int64_t kTimeoutMsMax = 60'000;
    webhook.answer_at = section.at();
    if (const Node* answer = section.find("answer")) {
        webhook.answer_at = answer->at;
        constexpr AnswerMode kModes[] = {AnswerMode::kReceived, AnswerMode::kOutcome,
                                         AnswerMode::kConnector, AnswerMode::kQuery};
        if (const auto mode =
                section.choice("answer", {"received", "outcome", "connector", "query"}))
            webhook.answer = kModes[*mode];
    }
    webhook.answer_from = section.name("answer_from").value_or("");
    section.read("answer_timeout_ms", webhook.answer_timeout, 100, kTimeoutMsMax);
    if (section.choice("late_status", {"504", "202"}) == 1u) webhook.late_status = 202;
    const Node* map = section.find("answer_map");
    if (map == nullptr) return;
    webhook.answer_map = read_mappings(context, *map, section.path("answer_map"));
    if (webhook.answer != AnswerMode::kQuery)
        context.problems.add(
            kValue, map->at,
            in_quotes(section.path("answer_map")) + " has no effect without `answer: query`",
            "remove it");
}

// Every webhook has its settings: whose outcome a sender waits for must be clear. What only the
// manifest of the source knows is checked by `app`.
void name_answering(Context& context, std::vector<Connection>& connections) {
    std::map<std::string, std::vector<Connection*>> routes;
    for (Connection& connection : connections)
        if (connection.webhook.has_value()) routes[connection.webhook->name].push_back(&connection);
    for (auto& [name, sharing] : routes) {
        const Webhook& first = *sharing.front()->webhook;
        const auto is_named = [&](const Connection* connection) {
            return connection->name == first.answer_from;
        };
        if (!first.answer_from.empty() && std::none_of(sharing.begin(), sharing.end(), is_named)) {
            context.problems.add(kAnswerAmbiguous, first.answer_at,
                                 "the webhook " + in_quotes(name) + " is to be answered from " +
                                     in_quotes(first.answer_from) +
                                     ", which is no connection of it");
            continue;
        }
        const bool is_query = first.answer == AnswerMode::kQuery;
        if (sharing.size() > 1 &&
            (is_query || (first.answer == AnswerMode::kOutcome && first.answer_from.empty())))
            context.problems.add(kAnswerAmbiguous, first.answer_at,
                                 "the webhook " + in_quotes(name) + " has several connections");
        if (sharing.size() == 1) sharing.front()->webhook->answer_from = sharing.front()->name;
    }
}

void check_against(Context& context, const Connection& owner, const Connection& other,
                   bool is_description) {
    const std::string route = "the webhook " + in_quotes(owner.webhook->name);
    if (owner.from.account != other.from.account)
        context.problems.add(kRouteConflict, other.webhook->at,
                             route + " belongs to the account " + in_quotes(owner.from.account) +
                                 " of the connection " + in_quotes(owner.name));
    if (is_description && !same_settings(*owner.webhook, *other.webhook))
        context.problems.add(
            kRouteConflict, other.webhook->at,
            route + " has other settings in the connection " + in_quotes(owner.name));
}

}  // namespace

std::optional<WrittenWebhook> read_webhook(Context& context, const Node& node,
                                           const std::string& path) {
    const Section section{context,
                          &node,
                          path,
                          {{"name"},
                           {"verify", "message_id", "success_status", "body_bytes_max", "answer",
                            "answer_from", "answer_timeout_ms", "late_status", "answer_map"}}};
    if (!section.exists()) return std::nullopt;
    const auto name = section.name("name");
    WrittenWebhook written;
    written.is_description = node.entries.size() > 1;
    Webhook& webhook = written.webhook;
    webhook.at = node.at;
    if (written.is_description) webhook.verify = read_verify(context, section);
    webhook.is_sealed = context.variables.take_sealed();
    section.read("success_status", webhook.success_status, 200, 299);
    section.read("body_bytes_max", webhook.body_bytes_max, 1, kBodyBytesMax);
    if (const Node* message_id = section.find("message_id")) {
        const Section keys{context, message_id, section.path("message_id"), {{"header"}, {}}};
        webhook.message_id_header = read_header_name(context, keys, "header").value_or("");
    } else {
        for (const VerifyRule& rule : webhook.verify)
            if (!rule.message_id_header.empty()) webhook.message_id_header = rule.message_id_header;
    }
    read_answer(context, section, webhook);
    const Digests& digests = context.variables.digests();
    webhook.digest = digests.of(node);
    if (const Node* verify = section.find("verify")) webhook.verify_digest = digests.of(*verify);
    if (!name.has_value()) return std::nullopt;
    webhook.name = *name;
    return written;
}

void share_routes(Context& context, std::vector<Connection>& connections,
                  const std::vector<bool>& described) {
    std::map<std::string, std::size_t> owners;  // route -> the first connection that describes it
    for (std::size_t i = 0; i < connections.size(); ++i)
        if (connections[i].webhook.has_value() && described[i])
            owners.emplace(connections[i].webhook->name, i);
    for (std::size_t i = 0; i < connections.size(); ++i) {
        auto& webhook = connections[i].webhook;
        if (!webhook.has_value()) continue;
        // Without a description anywhere, every connection of the route lacks one.
        const auto [owner, is_new] = owners.emplace(webhook->name, i);
        if (!described[owner->second]) {
            if (is_new)
                context.problems.add(kVerifyMissing, webhook->at,
                                     "the webhook " + in_quotes(webhook->name) +
                                         " is described nowhere: `verify` must be written");
            continue;
        }
        if (owner->second == i) continue;
        const Connection& description = connections[owner->second];
        check_against(context, description, connections[i], described[i]);
        const Position at = webhook->at;
        *webhook = *description.webhook;
        webhook->at = at;
    }
    name_answering(context, connections);
}

}  // namespace syncline::config
