// A small connector on the C++ layer, as an author would write it.
#include <stdexcept>

#include "syncline/connector.hpp"

namespace {

class Polite final : public syncline::Connector,
                     public syncline::WebhookReceiver,
                     public syncline::BatchWriter {
  public:
    syncline::Status init(const syncline::Settings& settings) override {
        url_ = settings.text("base_url");
        return {};
    }

    syncline::Status translate(const syncline::WebhookRequest& request,
                               syncline::RecordSink& records) override {
        if (request.body() == "throw") throw std::runtime_error("translate threw");
        records.add({"things", SYNCLINE_UPSERT, "k", request.body()});
        return {};
    }

    syncline::Task<> write(syncline::Batch& batch) override {
        co_await syncline::http::post(url_, "");
        batch.rest_done();
    }

  private:
    std::string url_;
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(Polite, R"json({
    "id": "polite", "version": "1.2.0", "name": "Polite",
    "abi": {"major": 1, "draft": 2, "min_host_minor": 0}, "style": "async",
    "capabilities": ["webhook", "write"],
    "streams": [{"name": "things", "source": true, "destination": true}],
    "allowed_hosts": [{"from_setting": "base_url"}],
    "settings": {"type": "object", "required": ["base_url"], "additionalProperties": false,
                 "properties": {"base_url": {"type": "string", "format": "uri"},
                                "token": {"type": "string", "writeOnly": true}}}
})json")
