// What the hub runs: one configuration, as it is in service.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "app/account_tokens.hpp"
#include "app/periodic.hpp"
#include "app/transport.hpp"
#include "config/config.hpp"
#include "plugin/instance.hpp"

namespace syncline::app {

struct RunningAccount {
    std::string connector;
    std::string revision;     // of what its instance was made of
    std::string auth_digest;  // of what its tokens were made of
    std::shared_ptr<plugin::Instance> instance;
    std::shared_ptr<AccountTokens> tokens;      // null without OAuth 2.0
    std::shared_ptr<OutboundMetrics> outbound;  // null while it is sealed
    std::shared_ptr<Periodic> periodic;         // null without work at times of its own
    http_client::PoolId pool = 0;               // of its requests
    bool is_sealed = false;
};
using RunningAccounts = std::map<std::string, RunningAccount>;

// Immutable: a reload puts another in its place. [any]
struct Running {
    config::Config config;  // its settings and given secrets are with the instances
    RunningAccounts accounts;
    std::vector<core::Watch> watches;
};

// What is in service now. [any]
class Current {
  public:
    std::shared_ptr<const Running> get() const {
        const std::lock_guard lock{mutex_};
        return running_;
    }
    void set(std::shared_ptr<const Running> running) {
        const std::lock_guard lock{mutex_};
        running_.swap(running);
    }

  private:
    mutable std::mutex mutex_;
    std::shared_ptr<const Running> running_ = std::make_shared<Running>();
};

}  // namespace syncline::app
