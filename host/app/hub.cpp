#include "app/hub.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "admin/admin.hpp"
#include "admin/errc.hpp"
#include "app/account_questions.hpp"
#include "app/accounts.hpp"
#include "app/answering_core.hpp"
#include "app/assembly.hpp"
#include "app/connector_probe.hpp"
#include "app/connector_versions.hpp"
#include "app/crash_notes.hpp"
#include "app/crash_verdict.hpp"
#include "app/descriptors.hpp"
#include "app/directory_watch.hpp"
#include "app/file_watch.hpp"
#include "app/key_sets.hpp"
#include "app/metrics.hpp"
#include "app/reloads.hpp"
#include "app/spare_memory.hpp"
#include "app/syncs.hpp"
#include "app/token_exchange.hpp"
#include "app/version.hpp"
#include "core/log.hpp"
#include "core/thread_name.hpp"
#include "http_client/client.hpp"
#include "http_server/server.hpp"
#include "intake/intake.hpp"
#include "pipeline/pipeline.hpp"
#include "pipeline/suspects.hpp"
#include "plugin/flight_recorder.hpp"
#include "store/data_dir.hpp"
#include "store/store.hpp"

namespace syncline::app {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kDrainDeadline{20'000};
constexpr milliseconds kInstanceStopDeadline{10'000};
constexpr milliseconds kAppenderStopDeadline{5'000};
constexpr milliseconds kDrainPoll{20};
constexpr milliseconds kProbeLimit{15'000};
constexpr mode_t kProxyMode = 0660;  // of the webhooks' Unix socket: the proxy shares the group

class Hub {
  public:
    Hub(Configuration configuration, const HubOptions& options)
        : configuration_(std::move(configuration)),
          hub_(configuration_.config.hub),
          options_(options) {}

    Result<void> run() {
        std::signal(SIGPIPE, SIG_IGN);  // a reader of our log that goes is no reason to go as well
        Result<void> started = open();
        if (store_ == nullptr) return started;
        if (started.has_value()) started = start();
        if (started.has_value()) io_.run();
        shut_down();
        return started;
    }

  private:
    // Where webhooks come in, once it listens.
    std::string url() const {
        if (!hub_.listen_socket.empty()) return "unix:" + hub_.listen_socket.string();
        return (hub_.tls ? "https://" : "http://") + hub_.listen_address + ":" +
               std::to_string(server_->port());
    }

    // The journal is read and flushed while connectors are staged: one waits for the disk, the
    // other copies, and nothing that a connector does can reach the store yet.
    Result<void> open() {
        SYNCLINE_TRY(store::DataDir directory,
                     store::DataDir::open(hub_.data_dir, options_.allow_unsafe_filesystem));
        auto opening = std::async(std::launch::async, [this, &directory] {
            core::name_this_thread("open");
            return store::Store::open(store_options(), std::move(directory));
        });
        Result<void> staged = look_at_last_death();
        if (staged.has_value()) staged = open_catalog();
        SYNCLINE_TRY(store_, opening.get());
        return staged;
    }

    store::Store::Options store_options() {
        store::Store::Options wanted;
        wanted.data_dir = hub_.data_dir;
        wanted.clock = &core::system_clock();
        wanted.version = kVersion;
        wanted.allow_unsafe_filesystem = options_.allow_unsafe_filesystem;
        wanted.unapplied_bytes_max = hub_.limits.unapplied_bytes_max;
        wanted.pending_bytes_max = hub_.limits.pending_bytes_max;
        wanted.history_bytes_max = hub_.limits.history_bytes_max;
        wanted.on_fatal = [this](const Error& error) { end_process("store", error); };
        return wanted;
    }

    // Of a disk that fails, or a library that is not there: what connectors work on has nothing to
    // do with it.
    [[noreturn]] void end_process(std::string_view channel, const Error& error) const {
        if (plugin::FlightRecorder* recorder = open_recorder_) recorder->close();
        core::log_error(channel, error);
        std::_Exit(static_cast<int>(error.exit_code()));
    }

    Result<void> start() {
        client_ = std::make_unique<http_client::Client>(io_);
        key_sets_ = std::make_unique<KeySets>(io_, *client_, core::system_clock());
        boost::asio::post(vault_thread_, [] { core::name_this_thread("vault"); });
        accounts_.emplace(Accounts::Surroundings{io_, *client_, vault_thread_, *store_, hub_,
                                                 core::system_clock()});
        Names names{store_->recovered()};
        SYNCLINE_CHECK(begin_service(names));
        SYNCLINE_CHECK(listen());
        // Nothing is written and nothing goes out before every door is known to be free; requests
        // wait until the io thread runs.
        SYNCLINE_CHECK(store_->start(pipeline_.get()));
        append_names(names.facts());
        begin_periodic_work(*current_.get());
        take_changes();
        wait_for_signals();
        answering_core_.emplace(io_, store_->journal_thread());
        answering_core_->start();
        if (options_.on_ready) options_.on_ready(url(), "unix:" + hub_.admin_socket.string());
        boost::asio::post(vault_thread_, [this] { load_libcurl(); });
        give_back_spare_memory();
        return {};
    }

    // Webhooks are served meanwhile; what goes out waits for it.
    void load_libcurl() const {
        if (const auto loaded = http_client::load_libcurl(); !loaded)
            end_process("app", loaded.error());
    }

    // Before any connector's code runs.
    Result<void> look_at_last_death() {
        const std::filesystem::path file = hub_.data_dir / "flight";
        crash_notes_ = std::make_shared<CrashNotes>(hub_.data_dir / "crashes.json");
        versions_ = plugin::VersionNotes::open(hub_.data_dir, core::system_clock(),
                                               plugin::VersionNotes::Access::kWrite);
        std::vector<plugin::Crash> crashes = plugin::FlightRecorder::read(file);
        const std::size_t count = crashes.size();
        SYNCLINE_CHECK(crash_notes_->add(std::move(crashes), core::system_clock().wall_ns()));
        take_back_deadly_versions(*crash_notes_, count, *versions_);
        SYNCLINE_TRY(recorder_, plugin::FlightRecorder::open(file));
        open_recorder_ = recorder_.get();
        plugin::watch_deaths();
        return {};
    }

    // Only now, with the data directory locked, may the private copies of another run be swept
    // away.
    Result<void> open_catalog() {
        plugin::Catalog::Options catalog_options;
        catalog_options.connectors_dir = hub_.connectors_dir;
        catalog_options.stage_dir = hub_.data_dir / "connectors";
        catalog_options.clock = &core::system_clock();
        catalog_options.probe = make_probe(kProbeLimit);
        catalog_options.recorder = recorder_;
        catalog_options.trial = {hub_.trial.share_percent, hub_.trial.period,
                                 hub_.trial.error_percent_max, hub_.trial.call_limit};
        catalog_options.versions = versions_;
        catalog_options.examined = configuration_.catalog->examined();
        SYNCLINE_TRY(catalog_, plugin::Catalog::open(std::move(catalog_options)));
        configuration_.catalog.reset();
        return {};
    }

    // Instances, pipeline and intake of the configuration.
    Result<void> begin_service(Names& names) {
        auto running = std::make_shared<Running>();
        auto started = accounts_->start(configuration_.config, *catalog_, running->accounts, names);
        current_.set(running);  // also what has started before one that did not
        SYNCLINE_CHECK(started);
        const OpenKeySet open = [this](const std::string& url) { return key_sets_->open(url); };
        SYNCLINE_TRY(Assembly assembly, assemble(configuration_, running->accounts, names, open));
        pipeline::Pipeline::Options pipeline_options;
        pipeline_options.clock = &core::system_clock();
        unsigned cores = std::thread::hardware_concurrency();
        pipeline_options.cpu_threads = cores > 1 ? cores - 1 : 1;
        pipeline_options.suspects = std::make_shared<pipeline::Suspects>(
            crash_notes_->sentences(),
            [notes = crash_notes_](std::span<const plugin::Subject> messages) {
                notes->forget(messages);
            });
        pipeline_ = std::make_unique<pipeline::Pipeline>(pipeline_options, *store_,
                                                         std::move(assembly.plans));
        intake_ = std::make_unique<intake::Intake>(io_, *store_, core::system_clock(),
                                                   with_queries(assembly, *pipeline_));
        file_ = configuration_.config.file;
        running->config = std::move(configuration_.config);
        return {};
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

    // From now on new versions of connectors and other configurations take over.
    void take_changes() {
        reloads_ = std::make_unique<Reloads>(
            [this,
             reload = Reload{{io_, file_, *catalog_, catalog_mutex_, *store_, *accounts_,
                              *key_sets_, *pipeline_, *intake_, current_, core::system_clock()}}](
                bool is_check, const std::stop_token& stop, const auto& tell) mutable {
                reload.run(is_check, stop, tell);
                // It may have begun a trial, which the watch attends to.
                if (connector_watch_) connector_watch_->post([](const std::stop_token&) {});
            });
        DirectoryWatch::Options connectors;
        connectors.directory = hub_.connectors_dir;
        connectors.is_of_interest = is_library;
        connectors.changed = [this](const std::stop_token& stop) {
            const std::lock_guard lock{catalog_mutex_};
            return catalog_->refresh(stop);
        };
        connector_watch_ = or_without(DirectoryWatch::start(std::move(connectors)));
        if (!connector_watch_) serve_without_trials();
        if (!options_.watches_config) return;
        config_watch_ = or_without(watch_file(file_, [this] { reloads_->ask("file", false); }));
    }

    // A trial that nobody attends to would never end.
    void serve_without_trials() {
        catalog_->forgo_trials();
        core::log_warning("app",
                          "the connectors directory is not watched: new versions are found by "
                          "`syncline reload` alone, and take over without a trial");
    }

    // The hub serves without it as well.
    static std::unique_ptr<DirectoryWatch> or_without(
        Result<std::unique_ptr<DirectoryWatch>> watch) {
        if (watch.has_value()) return std::move(*watch);
        core::log_error("app", watch.error());
        return nullptr;
    }

    Result<void> listen() {
        const auto running = current_.get();
        http_server::ListenOptions web;
        web.address = hub_.listen_address;
        web.port = hub_.listen_port;
        if (!hub_.listen_socket.empty()) {
            web.address = "unix:" + hub_.listen_socket.string();
            web.unix_mode = kProxyMode;
        }
        if (hub_.tls)
            web.tls =
                http_server::TlsFiles{hub_.tls->certificate, hub_.tls->key, hub_.tls->client_ca};
        web.limits.connections_max = make_room_for_clients(
            hub_.limits.connections_max, running->accounts.size() + key_sets_->metrics().size());
        web.limits.connections_per_ip_max = hub_.limits.connections_per_ip_max;
        SYNCLINE_TRY(server_, http_server::Server::listen(io_, *intake_, web));
        admin_ = std::make_unique<admin::Admin>(io_, *store_, admin_options());
        http_server::ListenOptions local;
        local.address = "unix:" + hub_.admin_socket.string();
        local.limits.connections_max = kOperatorsMax;
        local.limits.connections_per_ip_max = 0;
        SYNCLINE_TRY(admin_server_, http_server::Server::listen(io_, *admin_, local));
        return {};
    }

    admin::Admin::Options admin_options() {
        admin::Admin::Options options;
        options.version = kVersion;
        options.listen = url();
        options.clock = &core::system_clock();
        options.metrics = [this](admin::MetricsPage& page) {
            const auto running = current_.get();
            add_metrics(page, MetricSources{started_ns_, *server_, *intake_, *pipeline_,
                                            running->accounts, key_sets_->metrics(), *catalog_,
                                            *versions_, reloads_->counters()});
        };
        options.paused = [this] { return pipeline_->paused(); };
        options.sealed = [this] { return sealed(current_.get()->config); };
        options.questions = make_account_questions(current_);
        options.connectors = make_connectors(
            {*catalog_, versions_,
             [this](DirectoryWatch::Task task) { return post(std::move(task)); },
             [this](const std::string& connector) { return accounts_of(connector); }});
        options.syncs = make_syncs(current_, *pipeline_);
        options.accounts = [this] { return account_views(); };
        options.authorise = [this](const std::string& account, auto done) {
            authorise(account, std::move(done));
        };
        options.reloads.begin = [this](bool is_check) { return reloads_->ask("api", is_check); };
        options.reloads.look = [this](std::uint64_t number) { return reloads_->look(number); };
        return options;
    }

    // Changes the catalog. False when that can't be, or too much waits for it.
    bool post(DirectoryWatch::Task task) {
        return connector_watch_ &&
               connector_watch_->post([this, task = std::move(task)](const std::stop_token& stop) {
                   const std::lock_guard lock{catalog_mutex_};
                   task(stop);
               });
    }

    std::vector<std::string> accounts_of(const std::string& connector) const {
        std::vector<std::string> names;
        const auto running = current_.get();
        for (const auto& [name, account] : running->accounts)
            if (account.connector == connector) names.push_back(name);
        return names;
    }

    void authorise(const std::string& account, admin::Admin::Authorised done) {
        const auto running = current_.get();
        const auto found = running->accounts.find(account);
        if (found == running->accounts.end() || found->second.tokens == nullptr)
            return done(
                Error{admin::kNotFound, "no account `" + account + "` has an OAuth 2.0 token"});
        found->second.tokens->authorise(std::move(done));
    }

    std::vector<admin::AccountView> account_views() const {
        std::vector<admin::AccountView> views;
        const auto running = current_.get();
        for (const auto& [name, account] : running->accounts) {
            if (account.tokens == nullptr) continue;
            AccountTokens::State state = account.tokens->state();
            views.push_back(
                {name, std::string{auth::to_string(state.standing)}, std::move(state.why)});
        }
        return views;
    }

    void wait_for_signals() {
        end_signals_.add(SIGTERM);
        end_signals_.add(SIGINT);
        end_signals_.async_wait([this](const boost::system::error_code& error, int) {
            if (error) return;
            core::log_info("app", "stopping: finishing what is in flight");
            answering_core_->stop();
            server_->stop();
            intake_->stop();
            stop_changes();
            end_periodic_work(*current_.get());
            pipeline_->stop();
            drain_until_ = std::chrono::steady_clock::now() + kDrainDeadline;
            drain();
            // Asked again, it does not wait for the platforms.
            end_signals_.async_wait([this](const boost::system::error_code& failed, int) {
                if (failed) return;
                drain_until_ = std::chrono::steady_clock::now();
                token_patience_ = milliseconds{0};
            });
        });
        reload_signals_.add(SIGHUP);
        wait_for_reload_signal();
    }

    void wait_for_reload_signal() {
        reload_signals_.async_wait([this](const boost::system::error_code& error, int) {
            if (error) return;
            reloads_->ask("SIGHUP", false);
            wait_for_reload_signal();
        });
    }

    // What was begun is ended, or taken back.
    void stop_changes() {
        for (auto* watch : {connector_watch_.get(), config_watch_.get()})
            if (watch != nullptr) watch->request_stop();
        if (reloads_) reloads_->request_stop();
    }

    bool changes_are_over() const {
        const bool are_watches_over = (!connector_watch_ || connector_watch_->is_over()) &&
                                      (!config_watch_ || config_watch_->is_over());
        return are_watches_over && (!reloads_ || reloads_->is_over());
    }

    void drain() {
        const auto now = std::chrono::steady_clock::now();
        const bool is_late = now >= drain_until_;
        const bool is_idle = pipeline_->is_idle() && server_->counters().connections == 0;
        // What goes on needs its tokens. One that is on its way would be lost.
        const bool has_tokens = (is_idle || is_late) && accounts_->stop_tokens();
        const bool is_done = is_idle && has_tokens && changes_are_over();
        const bool waits_for_tokens = !has_tokens && now < drain_until_ + token_patience_;
        if (is_late ? waits_for_tokens : !is_done) {
            drain_timer_.expires_after(kDrainPoll);
            drain_timer_.async_wait([this](const boost::system::error_code&) { drain(); });
            return;
        }
        if (!is_done)
            core::log_warning("app",
                              "stopping with work in flight; it is taken up at the next start");
        stop_instances([this] { io_.stop(); });
    }

    static void begin_periodic_work(const Running& running) {
        for (const auto& [name, account] : running.accounts)
            if (account.periodic != nullptr) account.periodic->start();
    }
    static void end_periodic_work(const Running& running) {
        for (const auto& [name, account] : running.accounts)
            if (account.periodic != nullptr) account.periodic->stop();
    }

    void stop_instances(std::function<void()> done) {
        const auto running = current_.get();
        auto left = std::make_shared<std::atomic<std::size_t>>(running->accounts.size() + 1);
        auto finish = [this, left, tell = std::move(done)] {
            if (--*left == 0) boost::asio::post(io_, tell);
        };
        for (const auto& [name, account] : running->accounts)
            account.instance->stop(kInstanceStopDeadline, finish);
        finish();
    }

    // A reload has steps on the io thread.
    void end_changes() {
        stop_changes();
        while (!changes_are_over()) {
            io_.restart();
            io_.run_for(kDrainPoll);
        }
        config_watch_.reset();
        connector_watch_.reset();
        reloads_.reset();
    }

    // Backwards through what start() made, as far as it came.
    void shut_down() {
        const auto watches = current_.get()->watches;  // secrets stay secrets to the end
        if (server_) server_->stop();
        if (admin_server_) admin_server_->stop();
        const bool has_ended = io_.stopped();
        end_changes();
        if (pipeline_) pipeline_->stop();
        if (!has_ended && !current_.get()->accounts.empty()) {
            // The start failed: the instances need the io thread to stop.
            stop_instances([this] { io_.stop(); });
            io_.restart();
            io_.run_for(kInstanceStopDeadline + milliseconds{1'000});
        }
        if (pipeline_) pipeline_->join();
        vault_thread_.join();  // a refresh token that came is kept
        store_->stop();
        admin_server_.reset();
        admin_.reset();  // a scrape reads everything that goes now
        server_.reset();
        intake_.reset();
        current_.set(std::make_shared<Running>());
        catalog_.reset();
        key_sets_.reset();
        client_.reset();
        if (accounts_) accounts_->stop_files(kAppenderStopDeadline);
        pipeline_.reset();
        if (recorder_) recorder_->close();
    }

    Configuration configuration_;  // until it is in service
    const config::Hub hub_;        // the same for as long as the hub runs
    std::filesystem::path file_;
    const HubOptions& options_;
    const std::int64_t started_ns_ = core::system_clock().wall_ns();
    boost::asio::io_context io_{1};
    std::unique_ptr<store::Store> store_;
    std::unique_ptr<http_client::Client> client_;
    boost::asio::thread_pool vault_thread_{1};
    std::shared_ptr<CrashNotes> crash_notes_;
    std::shared_ptr<plugin::VersionNotes> versions_;
    std::shared_ptr<plugin::FlightRecorder> recorder_;
    std::atomic<plugin::FlightRecorder*> open_recorder_{nullptr};  // for the store's threads
    std::unique_ptr<KeySets> key_sets_;
    std::optional<Accounts> accounts_;
    std::mutex catalog_mutex_;  // held by who changes the catalog
    std::unique_ptr<plugin::Catalog> catalog_;
    Current current_;
    std::unique_ptr<pipeline::Pipeline> pipeline_;
    std::unique_ptr<intake::Intake> intake_;
    std::unique_ptr<admin::Admin> admin_;
    std::unique_ptr<http_server::Server> server_, admin_server_;
    std::unique_ptr<Reloads> reloads_;
    std::unique_ptr<DirectoryWatch> connector_watch_, config_watch_;
    boost::asio::signal_set end_signals_{io_}, reload_signals_{io_};
    boost::asio::steady_timer drain_timer_{io_};
    std::optional<AnsweringCore> answering_core_;
    std::chrono::steady_clock::time_point drain_until_;
    milliseconds token_patience_ = kEndpointPatience;  // after that
};

}  // namespace

Result<void> run_hub(Configuration configuration, const HubOptions& options) {
    return std::make_unique<Hub>(std::move(configuration), options)->run();
}

}  // namespace syncline::app
