// What serves the accounts of a configuration: for each an instance of its connector, with a way
// out that signs its requests.
//
// Lifetime: what was made needs io_context, client, store and vault thread until it is stopped.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/file_appender.hpp"
#include "app/names.hpp"
#include "app/running.hpp"
#include "core/clock.hpp"
#include "http_client/client.hpp"
#include "plugin/catalog.hpp"
#include "store/store.hpp"

namespace syncline::app {

// The refresh tokens that count, by account; or why nobody can know.
using KeptTokens = std::map<std::string, Result<core::Secret>>;

// Of those of the accounts that keep one. Waits for a disk. [any]
KeptTokens read_kept_tokens(const config::Hub& hub,
                            const std::vector<const config::Account*>& accounts);

// Streams that connections use of the account. [any]
std::set<std::string> streams_of(const config::Config& config, const std::string& account);

// What an instance of the account is made of, for comparing. [any]
std::string revision_of(const config::Config& config, const config::Account& account,
                        const plugin::Manifest& manifest);

class Accounts {
  public:
    struct Surroundings {
        boost::asio::io_context& io;
        http_client::Client& client;
        boost::asio::thread_pool& vault_thread;
        store::Store& store;
        const config::Hub& hub;
        const core::Clock& clock;
    };

    explicit Accounts(Surroundings around) : around_(around) {}

    // All of them, for the start of the hub; takes the settings and secrets. Before io runs. After
    // an error `running` has those that have started. Errors: http_client.url_invalid, those of
    // Catalog::start().
    Result<void> start(config::Config& config, plugin::Catalog& catalog, RunningAccounts& running,
                       Names& names);

    struct Made {
        RunningAccount account;  // without its instance
        plugin::InstanceOptions options;
    };
    // What the account needs before its instance can be started; takes its settings and secrets.
    // `now`: what serves it, whose tokens and counts go on; null when nothing does. [io]
    Result<Made> make(const config::Config& config, config::Account& account,
                      const plugin::Manifest& manifest, const RunningAccount* now,
                      const KeptTokens& kept, Names& names);

    // The work at times of its own that its connector has, once it has its instance: goes on when
    // the instance is the one of `now`, which may be null. It is to be started. [any]
    void give_work(const std::string& name, RunningAccount& account, const RunningAccount* now,
                   Names& names);

    // Connections to the platform of one that is out of service. [io]
    void close(const RunningAccount& account) { around_.client.close_pool(account.pool); }

    // Tokens ask their endpoints nothing more. False while one is on its way that is not kept yet,
    // also of accounts that are out of service. [io]
    bool stop_tokens();

    // One that has to wait, because a secret can't be opened.
    static RunningAccount make_sealed(const config::Account& account,
                                      const plugin::Manifest& manifest);

    // Ends the appends of connectors to files.
    void stop_files(std::chrono::milliseconds deadline) { files_->stop(deadline); }

  private:
    Result<std::shared_ptr<AccountTokens>> tokens_for(const config::Account& account,
                                                      const RunningAccount* now,
                                                      const KeptTokens& kept);

    const Surroundings around_;
    std::vector<std::weak_ptr<AccountTokens>> tokens_;  // all that live [io]
    const std::shared_ptr<FileAppender> files_ = std::make_shared<FileAppender>();
};

}  // namespace syncline::app
