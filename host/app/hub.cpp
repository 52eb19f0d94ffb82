#include "app/hub.hpp"

#include <algorithm>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <future>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "admin/admin.hpp"
#include "app/descriptors.hpp"
#include "app/errc.hpp"
#include "app/expressions.hpp"
#include "app/file_appender.hpp"
#include "app/metrics.hpp"
#include "app/sealed_instance.hpp"
#include "app/transport.hpp"
#include "app/version.hpp"
#include "core/log.hpp"
#include "http_client/client.hpp"
#include "http_server/server.hpp"
#include "intake/intake.hpp"
#include "pipeline/pipeline.hpp"
#include "store/store.hpp"

namespace syncline::app {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kDrainDeadline{20'000};
constexpr milliseconds kInstanceStopDeadline{10'000};
constexpr milliseconds kAppenderStopDeadline{5'000};
constexpr milliseconds kDrainPoll{20};

// Stable numbers for the names of the configuration, and the facts that make them so.
class Names {
  public:
    explicit Names(const store::State& recovered) : recovered_(recovered) {}

    std::uint32_t give(store::NameKind kind, const std::string& name) {
        const auto& known = recovered_.names(kind);
        std::uint32_t& last = last_[kind];
        for (const auto& [id, row] : known) {
            last = std::max(last, id);
            if (row.name != name) continue;
            const bool is_again =
                std::find(used_[kind].begin(), used_[kind].end(), id) != used_[kind].end();
            if (is_again) return id;
            used_[kind].push_back(id);
            if (!row.is_present) facts_.emplace_back(store::Named{kind, id, true, name});
            return id;
        }
        auto [fresh, is_new] = fresh_[kind].try_emplace(name, last + 1);
        if (!is_new) return fresh->second;
        std::uint32_t id = ++last;
        used_[kind].push_back(id);
        facts_.emplace_back(store::Named{kind, id, true, name});
        return id;
    }

    // With a fact for every name that is gone from the configuration: its records are parked.
    std::vector<store::Fact> finish() {
        for (store::NameKind kind :
             {store::NameKind::kRoute, store::NameKind::kConnection, store::NameKind::kAccount}) {
            const auto& used = used_[kind];
            for (const auto& [id, row] : recovered_.names(kind)) {
                bool is_used = std::find(used.begin(), used.end(), id) != used.end();
                if (!is_used && row.is_present)
                    facts_.emplace_back(store::Named{kind, id, false, row.name});
            }
        }
        return std::move(facts_);
    }

  private:
    const store::State& recovered_;
    std::map<store::NameKind, std::vector<std::uint32_t>> used_;
    std::map<store::NameKind, std::uint32_t> last_;
    std::map<store::NameKind, std::map<std::string, std::uint32_t>> fresh_;
    std::vector<store::Fact> facts_;
};

// The ids of one account, as the state has them.
class AccountIds final : public plugin::IdMap {
  public:
    AccountIds(store::Store& store, store::AccountId account) : store_(store), account_(account) {}

    void get(std::string name_space, std::vector<std::string> keys,
             std::function<void(Result<std::vector<std::string>>)> done) override {
        const bool is_asked = store_.ask([account = account_, name_space = std::move(name_space),
                                          keys = std::move(keys), done](store::State& state) {
            std::vector<std::string> values;
            for (const std::string& key : keys) {
                auto found = state.mapped_id(account, name_space, key);
                if (!found.has_value()) return done(found.error());
                values.push_back(found->value_or(""));
            }
            done(std::move(values));
        });
        if (!is_asked) done(Error{kHubUnreachable, "the hub is ending"});
    }

  private:
    store::Store& store_;
    const store::AccountId account_;
};

Result<std::vector<intake::Verifier>> make_verifiers(const config::Webhook& webhook) {
    std::vector<intake::Verifier> verifiers;
    for (const config::VerifyRule& rule : webhook.verify) {
        intake::VerifierOptions options;
        if (rule.scheme == config::VerifyScheme::kHmac) {
            intake::SignatureOptions signature;
            signature.algorithm = rule.algorithm == config::HmacAlgorithm::kSha1
                                      ? intake::DigestAlgorithm::kHmacSha1
                                      : intake::DigestAlgorithm::kHmacSha256;
            signature.encoding = rule.encoding == config::SignatureEncoding::kHex
                                     ? intake::DigestEncoding::kHex
                                     : intake::DigestEncoding::kBase64;
            signature.header = rule.header;
            signature.prefix = rule.prefix;
            signature.key = rule.key;
            options.signature = std::move(signature);
        } else if (rule.scheme == config::VerifyScheme::kBasic) {
            options.basic = intake::BasicOptions{rule.username, rule.password};
        } else {
            continue;  // `none` was written, or it is the connector's affair
        }
        SYNCLINE_TRY(intake::Verifier verifier, intake::Verifier::make(std::move(options)));
        verifiers.push_back(std::move(verifier));
    }
    return verifiers;
}

// What the configuration asks for, within what the connector takes.
pipeline::DeliveryPolicy to_policy(const config::Deliver& deliver,
                                   const plugin::StreamSpec& stream) {
    pipeline::DeliveryPolicy policy;
    policy.batch_records = deliver.batch_records;
    if (stream.batch_records_max != 0)
        policy.batch_records = std::min(policy.batch_records, stream.batch_records_max);
    policy.batch_bytes = deliver.batch_bytes;
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

[[noreturn]] void end_process(const Error& error) {
    core::log_error("store", error);
    std::_Exit(static_cast<int>(error.exit_code()));
}

class Hub {
  public:
    Hub(Configuration configuration, const HubOptions& options)
        : configuration_(std::move(configuration)),
          options_(options),
          signals_(io_),
          drain_timer_(io_) {}

    Result<void> run() {
        std::signal(SIGPIPE, SIG_IGN);  // a reader of our log that goes is no reason to go as well
        SYNCLINE_CHECK(open_store());
        Result<void> started = start();
        if (started.has_value()) io_.run();
        shut_down();
        return started;
    }

  private:
    const config::Hub& hub() const { return configuration_.config.hub; }

    // Where webhooks come in, once it listens.
    std::string url() const {
        return (hub().tls ? "https://" : "http://") + hub().listen_address + ":" +
               std::to_string(server_->port());
    }

    Result<void> open_store() {
        store::Store::Options store_options;
        store_options.data_dir = hub().data_dir;
        store_options.clock = &core::system_clock();
        store_options.version = kVersion;
        store_options.allow_unsafe_filesystem = options_.allow_unsafe_filesystem;
        store_options.unapplied_bytes_max = hub().limits.unapplied_bytes_max;
        store_options.pending_bytes_max = hub().limits.pending_bytes_max;
        store_options.history_bytes_max = hub().limits.history_bytes_max;
        store_options.on_fatal = end_process;
        SYNCLINE_TRY(store_, store::Store::open(std::move(store_options)));
        return {};
    }

    Result<void> start() {
        client_ = std::make_unique<http_client::Client>(io_);
        SYNCLINE_CHECK(open_catalog());
        Names names{store_->recovered()};
        SYNCLINE_CHECK(start_instances(names));
        SYNCLINE_TRY(std::vector<store::Fact> named, build(names));
        SYNCLINE_CHECK(listen());
        // Nothing is written and nothing goes out before every door is known to be free; requests
        // wait until the io thread runs.
        SYNCLINE_CHECK(store_->start(pipeline_.get()));
        append_names(std::move(named));
        wait_for_signals();
        if (options_.on_ready) {
            options_.on_ready(url(), "unix:" + hub().admin_socket.string());
        }
        return {};
    }

    // Only now, with the data directory locked, may the private copies of another run be swept
    // away.
    Result<void> open_catalog() {
        plugin::Catalog::Options catalog_options;
        catalog_options.connectors_dir = hub().connectors_dir;
        catalog_options.stage_dir = hub().data_dir / "connectors";
        catalog_options.clock = &core::system_clock();
        SYNCLINE_TRY(configuration_.catalog, plugin::Catalog::open(std::move(catalog_options)));
        return {};
    }

    Result<void> start_instances(Names& names) {
        for (const auto& [name, account] : configuration_.config.accounts) {
            const plugin::Manifest* manifest = configuration_.catalog->find(account.connector);
            if (manifest == nullptr) return configuration_.catalog->unknown(account.connector);
            if (account.is_sealed) {
                instances_[name] = std::make_shared<SealedInstance>(*manifest);
                continue;
            }
            SYNCLINE_TRY(http_client::EgressPolicy policy,
                         egress_policy(*manifest, account.settings));
            plugin::InstanceOptions instance_options;
            instance_options.account = name;
            instance_options.settings = account.settings;
            instance_options.http =
                make_transport(io_, *client_, std::move(policy), outbound_[name]);
            instance_options.expressions = expressions_;
            instance_options.files = files_;
            instance_options.ids =
                std::make_shared<AccountIds>(*store_, names.give(store::NameKind::kAccount, name));
            instance_options.concurrency = concurrency_of(name);
            SYNCLINE_TRY(instances_[name], configuration_.catalog->start(
                                               account.connector, std::move(instance_options)));
        }
        return {};
    }

    bool is_sealed(const std::string& account) const {
        return configuration_.config.accounts.at(account).is_sealed;
    }

    // What waits because a secret can't be opened.
    std::vector<std::string> sealed() const {
        std::set<std::string> names;
        for (const auto& [name, account] : configuration_.config.accounts)
            if (account.is_sealed) names.insert("account " + name);
        for (const config::Connection& connection : configuration_.config.connections)
            if (connection.webhook && connection.webhook->is_sealed)
                names.insert("webhook " + connection.webhook->name);
        return {names.begin(), names.end()};
    }

    // Batches that may be out to an account at once.
    std::uint32_t concurrency_of(const std::string& account) const {
        std::uint32_t sum = 0;
        for (const config::Connection& connection : configuration_.config.connections)
            if (connection.to.account == account) sum += connection.deliver.concurrency;
        return std::max(sum, 1u);
    }

    // Routes, connections, pipeline, intake. Returns the facts that give the names their numbers.
    Result<std::vector<store::Fact>> build(Names& names) {
        std::vector<pipeline::RoutePlan> route_plans;
        std::vector<pipeline::ConnectionPlan> connection_plans;
        std::vector<intake::Route> routes;
        std::map<std::string, std::size_t> route_indexes;
        std::vector<std::pair<std::size_t, pipeline::QueryPlan>> queries;  // by index of the route
        for (CompiledConnection& compiled : configuration_.connections) {
            const config::Connection& connection = *compiled.source;
            pipeline::ConnectionPlan plan;
            plan.id = names.give(store::NameKind::kConnection, connection.name);
            plan.name = connection.name;
            plan.source_account = connection.from.account;
            plan.destination_account = connection.to.account;
            plan.destination_account_id =
                names.give(store::NameKind::kAccount, connection.to.account);
            plan.source_stream = connection.from.stream;
            plan.destination_stream = connection.to.stream;
            plan.source = instances_.at(connection.from.account);
            plan.destination = instances_.at(connection.to.account);
            plan.when = std::move(compiled.when);
            plan.map = std::move(compiled.map);
            // Checked with the configuration: the stream is there.
            const plugin::StreamSpec& to =
                *plan.destination->manifest().stream(plan.destination_stream);
            plan.takes_partial_updates = to.takes_partial_updates;
            plan.policy = to_policy(connection.deliver, to);
            plan.is_sealed = is_sealed(connection.from.account) || is_sealed(connection.to.account);
            if (!connection.webhook) {
                connection_plans.push_back(std::move(plan));
                continue;
            }
            const config::Webhook& webhook = *connection.webhook;
            const bool is_query = webhook.answer == config::AnswerMode::kQuery;
            std::shared_ptr<plugin::Instance> source = instances_.at(connection.from.account);
            auto [at, is_new] = route_indexes.try_emplace(webhook.name, routes.size());
            if (is_new) {
                store::RouteId id = names.give(store::NameKind::kRoute, webhook.name);
                if (!is_query)
                    route_plans.push_back(pipeline::RoutePlan{id, webhook.name, source,
                                                              is_sealed(connection.from.account)});
                SYNCLINE_TRY(intake::Route route,
                             to_route(webhook, id, source, is_sealed(connection.from.account)));
                routes.push_back(std::move(route));
            }
            intake::Route& route = routes[at->second];
            plan.route = route.id;
            if (webhook.answer_from == connection.name) route.answering = plan.id;
            if (is_query) {
                queries.emplace_back(
                    at->second,
                    pipeline::QueryPlan{std::move(source), std::move(plan), webhook.answer_timeout,
                                        std::move(compiled.answer_map)});
            } else {
                connection_plans.push_back(std::move(plan));
            }
        }
        pipeline::Pipeline::Options pipeline_options;
        pipeline_options.clock = &core::system_clock();
        unsigned cores = std::thread::hardware_concurrency();
        pipeline_options.cpu_threads = cores > 1 ? cores - 1 : 1;
        pipeline_ = std::make_unique<pipeline::Pipeline>(
            pipeline_options, *store_, std::move(route_plans), std::move(connection_plans));
        for (auto& [index, plan] : queries) {
            routes[index].query = [query = pipeline_->make_query(std::move(plan))](
                                      plugin::WebhookRequest request, auto done) {
                query->ask(std::move(request), std::move(done));
            };
        }
        intake_ =
            std::make_unique<intake::Intake>(io_, *store_, core::system_clock(), std::move(routes));
        return names.finish();
    }

    Result<intake::Route> to_route(const config::Webhook& webhook, store::RouteId id,
                                   std::shared_ptr<plugin::Instance> source,
                                   bool is_source_sealed) {
        intake::Route route;
        route.id = id;
        route.name = webhook.name;
        SYNCLINE_TRY(route.verifiers, make_verifiers(webhook));
        for (const config::VerifyRule& rule : webhook.verify)
            if (rule.scheme == config::VerifyScheme::kConnector) route.connector_key = rule.key;
        // A platform's own scheme is asked of its connector, which must be there to answer.
        route.is_sealed =
            webhook.is_sealed || (source->manifest().verifies_webhooks && is_source_sealed);
        route.message_id_header = webhook.message_id_header;
        route.success_status = webhook.success_status != 0
                                   ? webhook.success_status
                                   : source->manifest().webhook_success_status;
        route.body_bytes_max = webhook.body_bytes_max;
        route.answer = to_answer(webhook.answer);
        route.answer_timeout = webhook.answer_timeout;
        route.late_status = webhook.late_status;
        route.source = std::move(source);
        return route;
    }

    void append_names(std::vector<store::Fact> facts) {
        if (facts.empty()) return;
        auto applied = std::make_shared<std::promise<void>>();
        std::future<void> done = applied->get_future();
        store::Append append;
        append.facts = std::move(facts);
        append.on_applied = [applied](std::optional<Error>) { applied->set_value(); };
        store_->append(std::move(append));
        done.wait();  // ends with the flush; a failing disk ends the process
    }

    Result<void> listen() {
        http_server::ListenOptions web;
        web.address = hub().listen_address;
        web.port = hub().listen_port;
        if (hub().tls) web.tls = http_server::TlsFiles{hub().tls->certificate, hub().tls->key};
        web.limits.connections_max = make_room_for_clients(hub().limits.connections_max,
                                                           configuration_.config.accounts.size());
        web.limits.connections_per_ip_max = hub().limits.connections_per_ip_max;
        SYNCLINE_TRY(server_, http_server::Server::listen(io_, *intake_, web));
        admin::Admin::Options admin_options;
        admin_options.version = kVersion;
        admin_options.listen = url();
        admin_options.clock = &core::system_clock();
        admin_options.metrics = [this](admin::MetricsPage& page) {
            add_metrics(page, MetricSources{started_ns_, *server_, *intake_, *pipeline_, instances_,
                                            outbound_});
        };
        admin_options.paused = [this] { return pipeline_->paused(); };
        admin_options.sealed = sealed();
        admin_ = std::make_unique<admin::Admin>(io_, *store_, std::move(admin_options));
        http_server::ListenOptions local;
        local.address = "unix:" + hub().admin_socket.string();
        local.limits.connections_max = kOperatorsMax;
        local.limits.connections_per_ip_max = 0;
        SYNCLINE_TRY(admin_server_, http_server::Server::listen(io_, *admin_, local));
        return {};
    }

    void wait_for_signals() {
        signals_.add(SIGTERM);
        signals_.add(SIGINT);
        signals_.async_wait([this](const boost::system::error_code& error, int) {
            if (error) return;
            core::log_info("app", "stopping: finishing what is in flight");
            server_->stop();
            intake_->stop();
            pipeline_->stop();
            drain_until_ = std::chrono::steady_clock::now() + kDrainDeadline;
            drain();
            // Asked again, it does not wait for the platforms.
            signals_.async_wait([this](const boost::system::error_code& failed, int) {
                if (!failed) drain_until_ = std::chrono::steady_clock::now();
            });
        });
    }

    void drain() {
        bool is_done = pipeline_->is_idle() && server_->counters().connections == 0;
        if (!is_done && std::chrono::steady_clock::now() < drain_until_) {
            drain_timer_.expires_after(kDrainPoll);
            drain_timer_.async_wait([this](const boost::system::error_code&) { drain(); });
            return;
        }
        if (!is_done)
            core::log_warning("app",
                              "stopping with work in flight; it is taken up at the next start");
        stop_instances([this] { io_.stop(); });
    }

    void stop_instances(std::function<void()> done) {
        auto left = std::make_shared<std::atomic<std::size_t>>(instances_.size() + 1);
        auto finish = [this, left, tell = std::move(done)] {
            if (--*left == 0) boost::asio::post(io_, tell);
        };
        for (auto& [name, instance] : instances_) instance->stop(kInstanceStopDeadline, finish);
        finish();
    }

    // Backwards through what start() made, as far as it came.
    void shut_down() {
        if (server_) server_->stop();
        if (admin_server_) admin_server_->stop();
        if (pipeline_) pipeline_->stop();
        if (!io_.stopped() && !instances_.empty()) {
            // The start failed: the instances need the io thread to stop.
            stop_instances([this] { io_.stop(); });
            io_.restart();
            io_.run_for(kInstanceStopDeadline + milliseconds{1'000});
        }
        if (pipeline_) pipeline_->join();
        store_->stop();
        admin_server_.reset();
        admin_.reset();  // a scrape reads everything that goes now
        server_.reset();
        intake_.reset();
        instances_.clear();
        configuration_.catalog.reset();
        client_.reset();
        files_->stop(kAppenderStopDeadline);
        pipeline_.reset();
    }

    Configuration configuration_;
    const HubOptions& options_;
    const std::int64_t started_ns_ = core::system_clock().wall_ns();
    boost::asio::io_context io_{1};
    std::unique_ptr<store::Store> store_;
    std::map<std::string, OutboundMetrics> outbound_;  // by account
    std::unique_ptr<http_client::Client> client_;
    const std::shared_ptr<plugin::Expressions> expressions_ = make_expressions();
    const std::shared_ptr<FileAppender> files_ = std::make_shared<FileAppender>();
    std::map<std::string, std::shared_ptr<plugin::Instance>> instances_;
    std::unique_ptr<pipeline::Pipeline> pipeline_;
    std::unique_ptr<intake::Intake> intake_;
    std::unique_ptr<admin::Admin> admin_;
    std::unique_ptr<http_server::Server> server_, admin_server_;
    boost::asio::signal_set signals_;
    boost::asio::steady_timer drain_timer_;
    std::chrono::steady_clock::time_point drain_until_;
};

}  // namespace

Result<void> run_hub(Configuration configuration, const HubOptions& options) {
    return std::make_unique<Hub>(std::move(configuration), options)->run();
}

}  // namespace syncline::app
