// Answers each record with what it got of it.
#include "syncline/connector.hpp"

class Mirror final : public syncline::Connector, public syncline::BatchWriter {
    syncline::Task<> write(syncline::Batch& batch) override {
        for (const syncline::WriteRecord& record : batch) record.done("", record.body());
        co_return;
    }
};

SYNCLINE_EXPORT_CONNECTOR(Mirror, R"json({
    "id": "mirror", "version": "1.0.0", "name": "Mirror",
    "abi": {"major": 1, "draft": 2, "min_host_minor": 0},
    "capabilities": ["write"],
    "streams": [{"name": "profiles", "destination": true, "model": "profile/1"},
                {"name": "things", "destination": true}],
    "identities": [{"kind": "email", "encoding": "sha256", "normalise": "email"},
                   {"kind": "customer_id", "namespace": "shop"}],
    "settings": {"type": "object"}
})json")
