// A connector that asks its platform: GET BASE/me says whether the credentials are good, GET
// BASE/streams which streams there are. ASKER_ME makes another version of it.
#include <string>
#include <vector>

#include "syncline/connector.hpp"

#if !defined(ASKER_VERSION)
#define ASKER_VERSION "1.0.0"
#endif
#if !defined(ASKER_ME)
#define ASKER_ME "/me"
#endif

namespace {

class Asker final : public syncline::Connector,
                    public syncline::WebhookReceiver,
                    public syncline::CredentialChecker,
                    public syncline::StreamDiscoverer {
  public:
    syncline::Status init(const syncline::Settings& settings) override {
        base_url_ = settings.text("base_url");
        return {};
    }

    // Its version is the key of every record.
    syncline::Status translate(const syncline::WebhookRequest&,
                               syncline::RecordSink& records) override {
        records.add({.stream = "things", .key = ASKER_VERSION, .body = "{}"});
        return {};
    }

    syncline::Task<syncline::Status> check() override {
        const syncline::Response response = co_await syncline::http::get(base_url_ + ASKER_ME);
        if (!response.is_success()) co_return response.refusal("the platform");
        co_return syncline::Status{};
    }

    syncline::Task<std::vector<syncline::DiscoveredStream>> discover() override {
        const syncline::Response response = co_await syncline::http::get(base_url_ + "/streams");
        if (!response.is_success()) throw response.refusal("the platform");
        const syncline::json::Value found = syncline::parse_json(response.body());
        std::vector<syncline::DiscoveredStream> streams;
        for (const syncline::json::Value& name : *found.array()) {
            syncline::DiscoveredStream stream;
            stream.name = *name.string();
            stream.fields.push_back({.name = "id", .type = "string", .is_key = true});
            streams.push_back(stream);
        }
        co_return streams;
    }

  private:
    std::string base_url_;
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(Asker, R"json({
    "id": "asker", "version": ")json" ASKER_VERSION R"json(", "name": "Asker",
    "abi": {"major": 1, "draft": 2, "min_host_minor": 3}, "style": "async",
    "capabilities": ["webhook", "check", "discover"],
    "streams": [{"name": "things", "source": true}],
    "allowed_hosts": [{"from_setting": "base_url"}],
    "settings": {"type": "object", "required": ["base_url"], "additionalProperties": false,
                 "properties": {"base_url": {"type": "string"}}}
})json")
