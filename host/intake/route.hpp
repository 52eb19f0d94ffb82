// A webhook of the configuration, ready to be served. Requests that are under way hold it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/secret.hpp"
#include "http_server/tally.hpp"
#include "intake/verify.hpp"
#include "plugin/instance.hpp"
#include "store/fact.hpp"

namespace syncline::intake {

// When a sender waits for the outcome of its event.
enum class AnswerWhen {
    kNever,
    kAlways,
    kAsConnectorSays,  // when the request fits one of the manifest's `answered`
};

struct Route {
    store::RouteId id = 0;
    std::string name;
    // All must hold; empty: `verify: none`. Another route of the name that asks for the same proofs
    // goes on with these, and with their counts; one that asks for others, with the nonces that
    // were used up.
    std::shared_ptr<std::vector<Verifier>> verifiers = std::make_shared<std::vector<Verifier>>();
    std::string proof;              // what `verifiers` were made of; "": compare with nothing
    core::Secret connector_key;     // for the connector's own verification; may be empty
    bool is_sealed = false;         // a secret of them can't be opened: all requests get 503
    std::string message_id_header;  // lower case; empty: no deduplication
    int success_status = 202;
    std::size_t body_bytes_max = 1024 * 1024;
    std::shared_ptr<plugin::Instance> source;
    std::shared_ptr<http_server::Tally> tally = std::make_shared<http_server::Tally>();

    AnswerWhen answer = AnswerWhen::kAsConnectorSays;
    store::ConnectionId answering = 0;  // whose outcome it is; 0: nobody waits
    std::chrono::milliseconds answer_timeout{10'000};
    int late_status = 504;  // or 202

    // Set: requests are questions to a destination, and nothing is stored but their count.
    // Completes exactly once, on any thread.
    std::function<void(plugin::WebhookRequest, std::function<void(plugin::FetchResult)>)> query;
    std::size_t queries_out = 0;  // [io]

    // Requests that are with the connector before anyone knows who sent them. [io]
    std::size_t unproven = 0, unproven_bytes = 0;
};

}  // namespace syncline::intake
