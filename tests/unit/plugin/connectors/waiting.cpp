// A connector in the blocking style: it simply waits for its platform, with the setting `greets`
// also when it starts; and against the rules it waits in translate() while the file `gate` is
// there.
#include <unistd.h>

#include <stdexcept>
#include <thread>

#include "syncline/connector.hpp"

namespace {

class Waiting final : public syncline::Connector,
                      public syncline::WebhookReceiver,
                      public syncline::BlockingWriter,
                      public syncline::BlockingFetcher,
                      public syncline::BlockingReader {
  public:
    syncline::Status init(const syncline::Settings& settings) override {
        gate_ = settings.text("gate", "");
        if (settings.text("greets", "").empty()) return {};
        const syncline::Response response = fetch({"GET", "http://x/hello"});
        return response.is_success() ? syncline::Status{} : response.refusal("X");
    }

    syncline::Status translate(const syncline::WebhookRequest& request,
                               syncline::RecordSink& records) override {
        while (!gate_.empty() && ::access(gate_.c_str(), F_OK) == 0) std::this_thread::yield();
        records.add({"things", SYNCLINE_UPSERT, "k", request.body()});
        return {};
    }

    void write(syncline::Batch& batch) override {
        for (const syncline::WriteRecord& record : batch) {
            const syncline::Response response =
                fetch({"POST", "http://x/write", {}, std::string{record.body()}});
            if (response.status() == 418) throw std::runtime_error("a teapot");
            response.is_success() ? record.done(response.body())
                                  : record.fail(response.refusal("X"));
        }
    }

    void fetch_records(syncline::FetchBatch& batch) override {
        batch[0].found(fetch({"GET", "http://x/read"}).body());
    }

    void read(syncline::Page& page) override {
        const syncline::Response response = fetch({"GET", "http://x/page"});
        if (!response.is_success()) throw response.refusal("X");
        page.emit({.key = "k", .body = response.body()});
        page.end("end", false);
    }

  private:
    std::string gate_;
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(Waiting, R"json({
    "id": "waiting", "version": "1.0.0", "name": "Waiting",
    "abi": {"major": 1, "draft": 2, "min_host_minor": 0}, "style": "blocking",
    "capabilities": ["webhook", "write", "fetch", "read"],
    "streams": [{"name": "things", "source": true, "destination": true, "fetch": true,
                 "read": ["full"]}],
    "allowed_hosts": ["x"],
    "settings": {"type": "object", "properties": {"greets": {"type": "string"},
                                                      "gate": {"type": "string"}}}
})json")
