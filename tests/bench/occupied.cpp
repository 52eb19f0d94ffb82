// A source connector that is occupied for as long as anyone measures: what is sent to it is
// acknowledged and kept, and nothing is made of it.
#include <chrono>
#include <thread>

#include "syncline/connector.hpp"

namespace {

// Less than a hub waits for a call.
constexpr std::chrono::seconds kForEachEvent{45};

class Occupied final : public syncline::Connector, public syncline::WebhookReceiver {
    syncline::Status translate(const syncline::WebhookRequest&, syncline::RecordSink&) override {
        std::this_thread::sleep_for(kForEachEvent);
        return {};
    }
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(Occupied, R"json({
    "id": "occupied", "version": "1.0.0", "name": "Occupied",
    "abi": {"major": 1, "draft": 2, "min_host_minor": 0}, "style": "async",
    "capabilities": ["webhook"],
    "streams": [{"name": "audience_memberships", "model": "membership/1", "source": true}],
    "allowed_hosts": []
})json")
