// The whole connector of plugin-api/docs/coroutines.md.
// Acme, as a destination: each record is one request.
#include "syncline/connector.hpp"

namespace {

struct AcmeSettings {
    std::string base_url;

    static constexpr auto settings() {
        return std::tuple{syncline::setting("base_url", &AcmeSettings::base_url,
                                            "Where Acme's API is", {.format = "uri"})};
    }
};

class Acme final : public syncline::Configured<AcmeSettings>, public syncline::BatchWriter {
    syncline::Task<> write(syncline::Batch& batch) override {
        const std::string url = settings().base_url + "/v1/profiles";
        for (const syncline::WriteRecord& record : batch) {
            const auto response = co_await syncline::http::post(url, record.body());
            if (response.is_success()) {
                record.done();
            } else {
                record.fail(response.refusal("Acme"));
            }
        }
    }
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(Acme, R"json({
  "id": "acme", "version": "1.0.0", "name": "Acme", "summary": "Writes profiles to Acme",
  "abi": {"major": 1, "draft": 2, "min_host_minor": 0}, "style": "async",
  "capabilities": ["write"],
  "streams": [{"name": "profiles", "destination": true, "batch_records_max": 20}],
  "allowed_hosts": [{"from_setting": "base_url"}]
})json")
