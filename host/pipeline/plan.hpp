// What the configuration asks of a route or a connection, ready to run. Immutable: another
// configuration makes other plans.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/mapping.hpp"
#include "plugin/instance.hpp"
#include "store/fact.hpp"

namespace syncline::pipeline {

class Suspects;

struct DeliveryPolicy {
    std::uint32_t batch_records = 100;
    std::uint32_t batch_bytes = 1024 * 1024;
    std::chrono::milliseconds batch_wait{1000};
    std::uint32_t concurrency = 4;  // batches in flight
    std::uint32_t attempts_max = 20;
    std::chrono::milliseconds retry_base{1000};
    std::chrono::milliseconds retry_max{15 * 60 * 1000};
    std::chrono::milliseconds timeout{60'000};
};

struct RoutePlan {
    store::RouteId id = 0;
    std::string name;
    std::shared_ptr<plugin::Instance> source;
    bool is_sealed = false;    // a secret of the source can't be opened: its events wait
    bool takes_pages = false;  // its events are pages that a run has read
    std::shared_ptr<Suspects> suspects{};  // may be null

    bool operator==(const RoutePlan&) const = default;
};

struct ConnectionPlan {
    store::ConnectionId id = 0;
    std::string name;
    store::RouteId route = 0;       // 0: no webhook brings it records
    store::RouteId sync_route = 0;  // of the pages that a run reads; 0: its source is not read so
    std::string source_account, destination_account;
    store::AccountId destination_account_id = 0;
    std::string source_stream;
    std::string destination_stream;
    std::shared_ptr<plugin::Instance> source;  // of records that are fetched
    std::shared_ptr<plugin::Instance> destination;
    bool takes_partial_updates = false;  // the destination wants to know what changed
    std::optional<expr::Program> when;
    FieldPrograms map;  // empty: the body goes out as it came
    DeliveryPolicy policy;
    bool is_sealed = false;  // a secret of an account can't be opened: its records wait
    // An account needs a person's help before it can be used again: records wait, and lose no
    // attempts. Empty: never. [any]
    std::function<bool()> is_waiting{};
    std::shared_ptr<Suspects> suspects{};  // may be null
    // Two plans of a connection with the same revision do the same, with the same instances.
    std::string revision{};
};

struct Plans {
    std::vector<RoutePlan> routes;
    std::vector<ConnectionPlan> connections;
};

}  // namespace syncline::pipeline
