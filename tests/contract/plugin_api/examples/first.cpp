// The whole connector of plugin-api/docs/coroutines.md.
// Acme, as a destination: each record is one request.
#include "syncline/connector.hpp"

namespace {

class Acme final : public syncline::Connector, public syncline::BatchWriter {
    syncline::Status init(const syncline::Settings& settings) override {
        url_ = settings.text("base_url") + "/v1/profiles";
        return {};
    }

    syncline::Task<> write(syncline::Batch& batch) override {
        for (const syncline::WriteRecord& record : batch) {
            const auto response = co_await syncline::http::post(url_, record.body());
            if (response.is_success()) {
                record.done();
            } else {
                record.fail(response.refusal("Acme"));
            }
        }
    }

    std::string url_;
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(Acme, R"json({
  "id": "acme", "version": "1.0.0", "name": "Acme", "summary": "Writes profiles to Acme",
  "abi": {"major": 1, "draft": 2, "min_host_minor": 0}, "style": "async",
  "capabilities": ["write"],
  "streams": [{"name": "profiles", "destination": true, "batch_records_max": 20}],
  "allowed_hosts": [{"from_setting": "base_url"}],
  "settings": {"type": "object", "required": ["base_url"], "additionalProperties": false,
               "properties": {"base_url": {"type": "string", "format": "uri"}}}
})json")
