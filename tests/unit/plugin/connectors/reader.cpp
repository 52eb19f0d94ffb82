// A connector that reads by key and verifies requests by a scheme of its own.
#include <string>

#include "syncline/connector.hpp"

namespace {

class Reader final : public syncline::Connector,
                     public syncline::WebhookReceiver,
                     public syncline::WebhookVerifier,
                     public syncline::RecordFetcher {
  public:
    syncline::Status verify(const syncline::WebhookRequest& request,
                            const syncline::Secret& secret) override {
        const std::string signed_text = std::string{request.path()} + std::string{request.body()};
        if (secret.proves(request.header("x-sign"), SYNCLINE_SHA256, signed_text)) return {};
        return syncline::Failure{SYNCLINE_E_AUTH_DENIED, "the signature is wrong"};
    }

    syncline::Status translate(const syncline::WebhookRequest& request,
                               syncline::RecordSink& records) override {
        records.add({"things", SYNCLINE_FETCH, request.body(), ""});
        return {};
    }

    syncline::Task<> fetch(syncline::FetchBatch& batch) override {
        if (batch[0].key() == "refuse") throw syncline::Failure{SYNCLINE_E_TRANSIENT, "not now"};
        for (const syncline::FetchRequest& request : batch) {
            if (request.key() == "silent") continue;
            if (request.key() == "absent") {
                request.absent();
            } else if (request.key() == "garbage") {
                request.found("{");
            } else if (request.key() == "ask") {
                const syncline::Response response = co_await syncline::http::get("http://x/ask");
                request.found(response.body());
            } else {
                request.found(request.parameters());
            }
        }
    }
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(Reader, R"json({
    "id": "reader", "version": "1.0.0", "name": "Reader",
    "abi": {"major": 1, "draft": 2, "min_host_minor": 0}, "style": "async",
    "capabilities": ["webhook", "fetch"],
    "streams": [{"name": "things", "source": true, "destination": false,
                 "fetch": true, "fetch_records_max": 3}],
    "webhook": {"verifies": true},
    "allowed_hosts": ["x"]
})json")
