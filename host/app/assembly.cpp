#include "app/assembly.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "app/errc.hpp"

namespace syncline::app {
namespace {

// What the configuration asks for, within what the connector takes.
pipeline::DeliveryPolicy to_policy(const config::Deliver& deliver,
                                   const plugin::StreamSpec& stream) {
    pipeline::DeliveryPolicy policy;
    policy.batch_records = deliver.batch_records;
    if (stream.batch_records_max != 0)
        policy.batch_records = std::min(policy.batch_records, stream.batch_records_max);
    policy.batch_bytes = deliver.batch_bytes;
    if (stream.batch_bytes_max != 0)
        policy.batch_bytes = std::min(policy.batch_bytes, stream.batch_bytes_max);
    policy.batch_wait = deliver.batch_wait;
    policy.concurrency = deliver.concurrency;
    policy.attempts_max = deliver.attempts_max;
    policy.retry_base = deliver.retry_base;
    policy.retry_max = deliver.retry_max;
    policy.timeout = deliver.timeout;
    return policy;
}

intake::AnswerWhen to_answer(config::AnswerMode mode) {
    switch (mode) {
        case config::AnswerMode::kOutcome:
            return intake::AnswerWhen::kAlways;
        case config::AnswerMode::kConnector:
            return intake::AnswerWhen::kAsConnectorSays;
        default:
            return intake::AnswerWhen::kNever;
    }
}

bool is_query(const config::Connection& connection) {
    return connection.webhook && connection.webhook->answer == config::AnswerMode::kQuery;
}

// A connection that answers questions has no use for runs.
bool reads_pages(const pipeline::ConnectionPlan& plan, const config::Connection& connection) {
    const plugin::StreamSpec* from = plan.source->manifest().stream(plan.source_stream);
    return !is_query(connection) && from != nullptr && from->reads_full;
}

// Whether an account needs a person, at every moment of its life.
std::function<bool()> waits_for(const RunningAccount& from, const RunningAccount& to) {
    std::vector<std::shared_ptr<const AccountTokens>> of_both;
    for (const RunningAccount* account : {&from, &to})
        if (account->tokens) of_both.push_back(account->tokens);
    if (of_both.empty()) return {};
    return [of_both] {
        return std::any_of(of_both.begin(), of_both.end(),
                           [](const auto& tokens) { return tokens->is_waiting(); });
    };
}

std::string place_of(config::Position at) {
    return std::to_string(at.line) + ":" + std::to_string(at.column) + " ";
}

// Of all that a plan is made of. Where expressions stand counts as well, because dead letters say
// it.
std::string revision_of(const config::Connection& connection, const RunningAccount& from,
                        const RunningAccount& to) {
    std::string revision = connection.digest + from.revision + to.revision + " ";
    for (const RunningAccount* account : {&from, &to}) {
        for (const void* part : {static_cast<const void*>(account->instance.get()),
                                 static_cast<const void*>(account->tokens.get())})
            revision += std::to_string(reinterpret_cast<std::uintptr_t>(part)) + " ";
    }
    if (connection.when) revision += place_of(connection.when->at);
    for (const config::Mapping& mapping : connection.map)
        revision += place_of(mapping.expression.at);
    return revision;
}

class Assembler {
  public:
    Assembler(const RunningAccounts& accounts, Names& names, const OpenKeySet& open_key_set)
        : accounts_(accounts), names_(names), open_key_set_(open_key_set) {}

    Result<void> add(CompiledConnection& compiled) {
        const config::Connection& connection = *compiled.source;
        SYNCLINE_TRY(pipeline::ConnectionPlan plan, make_plan(compiled));
        if (reads_pages(plan, connection)) {
            // A colon is in no name that is written: webhooks have others.
            const std::string route = "sync:" + connection.name;
            plan.sync_route = names_.give(store::NameKind::kRoute, route);
            assembly_.plans.routes.push_back({plan.sync_route, route, plan.source, false, true});
        }
        if (!connection.webhook) {
            keep(std::move(plan));
            return {};
        }
        SYNCLINE_TRY(const std::size_t at, route_of(connection));
        intake::Route& route = assembly_.routes[at];
        plan.route = route.id;
        if (connection.webhook->answer_from == connection.name) route.answering = plan.id;
        if (is_query(connection)) {
            assembly_.queries.emplace_back(at,
                                           pipeline::QueryPlan{plan.source, std::move(plan),
                                                               connection.webhook->answer_timeout,
                                                               std::move(compiled.answer_map)});
        } else {
            keep(std::move(plan));
        }
        return {};
    }

    Assembly take() { return std::move(assembly_); }

  private:
    void keep(pipeline::ConnectionPlan plan) {
        plan.revision += std::to_string(plan.route) + " " + std::to_string(plan.sync_route);
        assembly_.plans.connections.push_back(std::move(plan));
    }

    // It was checked with the configuration, but a file may have changed since.
    static Result<const plugin::StreamSpec*> stream_of(const plugin::Instance& account,
                                                       const config::Endpoint& endpoint) {
        const plugin::Manifest& manifest = account.manifest();
        if (const plugin::StreamSpec* stream = manifest.stream(endpoint.stream)) return stream;
        return Error{kUnknownStream, "the connector " + manifest.id + " " + manifest.version +
                                         " has no stream `" + endpoint.stream + "`"}
            .at("account " + endpoint.account);
    }

    Result<pipeline::ConnectionPlan> make_plan(CompiledConnection& compiled) {
        const config::Connection& connection = *compiled.source;
        const RunningAccount& from = accounts_.at(connection.from.account);
        const RunningAccount& to = accounts_.at(connection.to.account);
        pipeline::ConnectionPlan plan;
        plan.id = names_.give(store::NameKind::kConnection, connection.name);
        plan.name = connection.name;
        plan.source_account = connection.from.account;
        plan.destination_account = connection.to.account;
        plan.destination_account_id = names_.give(store::NameKind::kAccount, connection.to.account);
        plan.source_stream = connection.from.stream;
        plan.destination_stream = connection.to.stream;
        plan.source = from.instance;
        plan.destination = to.instance;
        plan.when = std::move(compiled.when);
        plan.map = std::move(compiled.map);
        SYNCLINE_CHECK(stream_of(*plan.source, connection.from));
        SYNCLINE_TRY(const auto* stream, stream_of(*plan.destination, connection.to));
        plan.takes_partial_updates = stream->takes_partial_updates;
        plan.policy = to_policy(connection.deliver, *stream);
        plan.is_sealed = from.is_sealed || to.is_sealed;
        plan.is_waiting = waits_for(from, to);
        plan.revision = revision_of(connection, from, to);
        return plan;
    }

    // The index of the connection's webhook, which others may share.
    Result<std::size_t> route_of(const config::Connection& connection) {
        const config::Webhook& webhook = *connection.webhook;
        const auto [at, is_new] = indexes_.try_emplace(webhook.name, assembly_.routes.size());
        if (!is_new) return at->second;
        const RunningAccount& source = accounts_.at(connection.from.account);
        const store::RouteId id = names_.give(store::NameKind::kRoute, webhook.name);
        if (!is_query(connection))
            assembly_.plans.routes.push_back(
                {id, webhook.name, source.instance, source.is_sealed, false});
        SYNCLINE_TRY(intake::Route route, to_route(webhook, id, source));
        assembly_.routes.push_back(std::move(route));
        return at->second;
    }

    Result<intake::Route> to_route(const config::Webhook& webhook, store::RouteId id,
                                   const RunningAccount& source) {
        intake::Route route;
        route.id = id;
        route.name = webhook.name;
        if (!webhook.is_sealed) {
            // Before the files are read: one that is replaced in between counts as changed later.
            route.proof = proof_of(webhook);
            SYNCLINE_TRY(*route.verifiers, make_verifiers(webhook, open_key_set_));
        }
        for (const config::VerifyRule& rule : webhook.verify)
            if (rule.scheme == config::VerifyScheme::kConnector && !rule.keys.empty())
                route.connector_key = rule.keys.front().value;
        // A platform's own scheme is asked of its connector, which must be there to answer.
        const plugin::Manifest& manifest = source.instance->manifest();
        route.is_sealed = webhook.is_sealed || (manifest.verifies_webhooks && source.is_sealed);
        route.message_id_header = webhook.message_id_header;
        route.success_status =
            webhook.success_status != 0 ? webhook.success_status : manifest.webhook_success_status;
        route.body_bytes_max = webhook.body_bytes_max;
        route.answer = to_answer(webhook.answer);
        route.answer_timeout = webhook.answer_timeout;
        route.late_status = webhook.late_status;
        route.source = source.instance;
        return route;
    }

    const RunningAccounts& accounts_;
    Names& names_;
    const OpenKeySet& open_key_set_;
    Assembly assembly_;
    std::map<std::string, std::size_t> indexes_;  // of routes, by name
};

}  // namespace

Result<Assembly> assemble(Configuration& configuration, const RunningAccounts& accounts,
                          Names& names, const OpenKeySet& open_key_set) {
    Assembler assembler{accounts, names, open_key_set};
    for (CompiledConnection& compiled : configuration.connections)
        SYNCLINE_CHECK(assembler.add(compiled));
    // An account that no connection writes to keeps its number all the same.
    for (const auto& [name, account] : accounts) names.give(store::NameKind::kAccount, name);
    return assembler.take();
}

std::vector<intake::Route> with_queries(Assembly& assembly, pipeline::Pipeline& pipeline) {
    for (auto& [index, plan] : assembly.queries) {
        assembly.routes[index].query = [query = pipeline.make_query(std::move(plan))](
                                           plugin::WebhookRequest request, auto done) {
            query->ask(std::move(request), std::move(done));
        };
    }
    return std::move(assembly.routes);
}

std::vector<std::string> sealed(const config::Config& config) {
    std::set<std::string> names;
    for (const auto& [name, account] : config.accounts)
        if (account.is_sealed) names.insert("account " + name);
    for (const config::Connection& connection : config.connections)
        if (connection.webhook && connection.webhook->is_sealed)
            names.insert("webhook " + connection.webhook->name);
    return {names.begin(), names.end()};
}

}  // namespace syncline::app
