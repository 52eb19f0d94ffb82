// Another configuration takes over from the one in service, while the hub runs.
//
// Purpose: read and checked whole, compared with what is in service, prepared beside it, and put in
//   force in one step that can't fail. Whatever fails before leaves everything as it was.
// What is the same is not touched. Accounts that changed get a new instance as a new version of a
//   connector does: tried in a process of its own, started beside the old one, which ends what it
//   has begun.
// Concurrency: run() blocks, on a thread that nobody waits for; one at a time. What it needs of the
//   io thread it does there, so that io has to run until run() returns.
#pragma once

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "app/accounts.hpp"
#include "app/assembly.hpp"
#include "app/changes.hpp"
#include "app/configuration.hpp"
#include "app/key_sets.hpp"
#include "app/running.hpp"
#include "intake/intake.hpp"
#include "pipeline/pipeline.hpp"

namespace syncline::app {

struct Reloaded {
    std::vector<config::Problem> problems;  // of the configuration, in the order of the file
    std::optional<Error> error;             // what else stood in the way
    Changes changes;
    std::vector<Error> remarks;  // of the vault: what depends on it may have to wait

    bool has_failed() const { return error.has_value() || !problems.empty(); }
};

class Reload {
  public:
    struct Surroundings {
        boost::asio::io_context& io;
        std::filesystem::path file;
        plugin::Catalog& catalog;
        std::mutex& catalog_mutex;  // held by who changes the catalog
        store::Store& store;
        Accounts& accounts;
        KeySets& key_sets;
        pipeline::Pipeline& pipeline;
        intake::Intake& intake;
        Current& current;
        const core::Clock& clock;
    };

    explicit Reload(Surroundings around) : around_(std::move(around)) {}

    // `tell` is called once, when the configuration is in force or has been refused; then what it
    // replaced is ended, for a minute at most. `is_check`: nothing is changed. Ends soon when a
    // stop is asked for.
    void run(bool is_check, const std::stop_token& stop, const std::function<void(Reloaded)>& tell);

  private:
    struct Next;

    Result<void> prepare(Next& next, const std::stop_token& stop);
    Result<void> prepare_accounts(Next& next, const std::stop_token& stop);
    Result<void> make_accounts(Next& next, const KeptTokens& kept);
    Result<void> suspend_tokens(Next& next, const std::stop_token& stop);
    void take_back(Next& next);
    void put_in_force(Next& next);
    static void change_work(const Running& now, const Running& next);
    void retire(Next& next, const std::stop_token& stop);
    void close_others(const RunningAccounts& all, const RunningAccounts& kept);
    void stop_instances(std::vector<std::shared_ptr<plugin::Instance>> leaving,
                        const std::stop_token& stop);

    const Surroundings around_;
};

}  // namespace syncline::app
