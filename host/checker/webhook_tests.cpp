// Tests of what a source makes of requests.
#include <algorithm>
#include <random>

#include "checker/errc.hpp"
#include "checker/test.hpp"
#include "checker/tour.hpp"

namespace syncline::checker {
namespace {

constexpr int kGarbageRequests = 1000;
constexpr int kGarbageSettings = 200;

Result<const plugin::Manifest*> need_webhook(const Subject& subject) {
    SYNCLINE_TRY(const plugin::Manifest* manifest, subject.need_manifest());
    if (!manifest->can_webhook)
        return Error{kNotApplicable, "the connector does not receive webhooks"};
    return manifest;
}

std::string described(const TranslateRun& run) {
    std::string all = std::to_string(run.ending.status) + ' ' + run.ending.message;
    for (const record::Record& record : run.records) {
        all += '\n' + record.stream + ' ' + record.key + ' ' +
               std::to_string(static_cast<int>(record.operation)) + ' ' + record.body;
    }
    return all;
}

Result<Verdict> deterministic(const Subject& subject) {
    SYNCLINE_CHECK(need_webhook(subject));
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    StrictHost first{subject, loaded};
    SYNCLINE_CHECK(first.begin());
    for (const plugin::WebhookRequest& request : sample_requests()) {
        const std::string once = described(first.translate(request));
        if (described(first.translate(request)) != once)
            return failed("the same request made other records the second time: " + request.body);
        StrictHost second{subject, loaded};
        SYNCLINE_CHECK(second.begin());
        if (described(second.translate(request)) != once)
            return failed("the same request made other records in a new instance: " + request.body);
    }
    return passed();
}

Result<Verdict> obeys_stop(const Subject& subject) {
    SYNCLINE_CHECK(need_webhook(subject));
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    StrictHost host{subject, loaded};
    SYNCLINE_CHECK(host.begin());
    bool is_tried = false;
    for (const plugin::WebhookRequest& request : sample_requests()) {
        if (host.translate(request).records.size() < 2) continue;
        is_tried = true;
        if (host.translate(request, 0).after_stop > 0)
            return failed("after the sink had said STOP another record came");
    }
    if (!is_tried) return Error{kNotApplicable, "no sample request makes several records"};
    return passed();
}

Result<Verdict> handshakes(const Subject& subject) {
    SYNCLINE_TRY(const plugin::Manifest* manifest, need_webhook(subject));
    if (manifest->handshakes.empty())
        return Error{kNotApplicable, "the manifest has no handshakes"};
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    StrictHost host{subject, loaded};
    SYNCLINE_CHECK(host.begin());
    for (const plugin::WebhookRequest& request : requests_for(manifest->handshakes)) {
        const ReplyRun run = host.handshake(request);
        if (run.ending.is_ok() && run.replies.size() != 1) {
            return failed("a handshake (" + request.method + " ?" + request.query + ") got " +
                          std::to_string(run.replies.size()) + " replies");
        }
    }
    return passed();
}

Result<Verdict> verifies(const Subject& subject) {
    SYNCLINE_TRY(const plugin::Manifest* manifest, need_webhook(subject));
    if (!manifest->verifies_webhooks)
        return Error{kNotApplicable, "the connector does not verify requests"};
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    StrictHost host{subject, loaded};
    SYNCLINE_CHECK(host.begin());
    for (const plugin::WebhookRequest& request : sample_requests()) {
        if (host.verify(request).is_ok())
            return failed("a request without any signature was taken for authentic");
    }
    return passed();
}

// A sample with bytes changed, left out and repeated, or nothing but noise.
std::string damaged(std::mt19937_64& random, const std::string& sample) {
    std::string text = random() % 8 == 0 ? std::string{} : sample;
    const std::size_t changes = 1 + random() % 12;
    for (std::size_t i = 0; i < changes; ++i) {
        const std::size_t at = text.empty() ? 0 : random() % text.size();
        switch (random() % 4) {
            case 0:
                text.insert(at, 1, static_cast<char>(random()));
                break;
            case 1:
                if (!text.empty()) text.erase(at, 1 + random() % 9);
                break;
            case 2:
                if (!text.empty()) text[at] = static_cast<char>(random());
                break;
            default:
                text.insert(at, text.substr(at, random() % 40));
                break;
        }
    }
    return text;
}

Result<Verdict> garbage_requests(const Subject& subject) {
    SYNCLINE_CHECK(need_webhook(subject));
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    StrictHost host{subject, loaded};
    SYNCLINE_CHECK(host.begin());
    std::mt19937_64 random{subject.seed};
    const auto samples = sample_requests();
    for (int i = 0; i < kGarbageRequests; ++i) {
        plugin::WebhookRequest request = samples[random() % samples.size()];
        request.body = damaged(random, request.body);
        request.query = damaged(random, request.query);
        request.path = random() % 2 == 0 ? "" : "/" + damaged(random, "events");
        host.translate(request);
    }
    return passed();
}

Result<Verdict> garbage_settings(const Subject& subject) {
    SYNCLINE_CHECK(subject.need_manifest());
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    {
        StrictHost host{subject, loaded};
        SYNCLINE_CHECK(host.begin());
    }
    std::mt19937_64 random{subject.seed};
    for (int i = 0; i < kGarbageSettings; ++i) {
        StrictHost host{subject, loaded};
        if (!host.create()) return Error{kNotApplicable, "create() returned NULL"};
        host.init(damaged(random, subject.settings));
    }
    return passed();
}

constexpr Test kWebhookTests[] = {
    {"webhook-deterministic", 6, "the same request makes the same records",
     "after a restart the hub translates again: records double or vanish",
     "use nothing but the request and the settings: no clock, no chance, no memory", deterministic},
    {"webhook-stop", 6, "a sink that says STOP gets no more",
     "a request that is far too large keeps the connector busy for nothing",
     "look at what record() answers, and return", obeys_stop},
    {"webhook-handshakes", 6, "a handshake gets exactly one reply",
     "the platform does not accept the webhook", "put one reply into the sink, or fail",
     handshakes},
    {"webhook-verifies", 8, "a request without a signature is not authentic",
     "anybody can send records",
     "compare the signature in constant time; without one fail with "
     "SYNCLINE_E_AUTH_DENIED",
     verifies},
    {"fuzz-webhooks", 10, "whatever is posted is survived",
     "anybody who finds the address can take the hub down",
     "run it again with --reproduce; check lengths and types", garbage_requests},
    {"fuzz-settings", 10, "whatever settings hold is survived", "a typing error takes the hub down",
     "run it again with --reproduce; read settings with a JSON reader", garbage_settings},
};

}  // namespace

std::span<const Test> webhook_tests() {
    return kWebhookTests;
}

}  // namespace syncline::checker
