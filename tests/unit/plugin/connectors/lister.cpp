// A connector that reads pages of a platform: GET BASE/page?after=CURSOR answers
// {"records": [...], "next": CURSOR, "more": true}. The status 410 is a cursor that is too old.
#include <string>

#include "syncline/connector.hpp"

namespace {

class Lister final : public syncline::Connector, public syncline::PageReader {
  public:
    syncline::Status init(const syncline::Settings& settings) override {
        base_url_ = settings.text("base_url");
        return {};
    }

    syncline::Task<> read(syncline::Page& page) override {
        const std::string url = base_url_ + "/page?after=" + std::string{page.cursor()};
        const syncline::Response response = co_await syncline::http::get(url);
        if (response.status() == 410)
            throw syncline::Failure{SYNCLINE_E_CURSOR_INVALID, "the cursor is too old"};
        if (!response.is_success()) throw response.refusal("the platform");
        const syncline::json::Value found = syncline::parse_json(response.body());
        for (const syncline::json::Value& record : *found.find("records")->array()) {
            const std::string body = syncline::json::write(record);
            page.emit({.key = *record.find_string("id"), .body = body});
        }
        page.end(*found.find_string("next"), *found.find("more")->boolean());
    }

  private:
    std::string base_url_;
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(Lister, R"json({
    "id": "lister", "version": "1.0.0", "name": "Lister",
    "abi": {"major": 1, "draft": 2, "min_host_minor": 2}, "style": "async",
    "capabilities": ["read"],
    "streams": [{"name": "things", "source": true, "read": ["full"]}],
    "allowed_hosts": [{"from_setting": "base_url"}],
    "settings": {"type": "object", "required": ["base_url"], "additionalProperties": false,
                 "properties": {"base_url": {"type": "string"}}}
})json")
