// A connector that throws wherever it is called, and that uses what keeps a library mapped:
// streams, a variable of a template (a unique symbol, unless the build prevents it), thread-local
// objects with a destructor.
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "syncline/connector.hpp"

template <typename Type>
struct Seen {
    static inline std::vector<Type> all;
};

namespace {

std::string describe(int number) {
    thread_local std::string last;
    std::ostringstream text;
    text << "thrown <" << number << '>';
    Seen<int>::all.push_back(number);
    last = text.str();
    return last;
}

class Throwing final : public syncline::Connector,
                       public syncline::WebhookReceiver,
                       public syncline::BatchWriter {
    syncline::Status init(const syncline::Settings& settings) override {
        describe(0);
        if (settings.has("init")) throw 1;
        url_ = settings.text("url");
        return {};
    }
    syncline::Status handshake(const syncline::WebhookRequest&, syncline::WebhookReply&) override {
        throw std::runtime_error(describe(1));
    }
    syncline::Status translate(const syncline::WebhookRequest& request,
                               syncline::RecordSink& records) override {
        records.add({"things", SYNCLINE_UPSERT, "k", "{}"});
        if (request.body() == "no message") return syncline::Failure{SYNCLINE_E_PERMANENT, ""};
        if (request.body() == "no class")
            return syncline::Failure{99, std::string(600, 'x') + "\xC3\xA9"};
        throw std::runtime_error(describe(2));
    }
    syncline::Task<> write(syncline::Batch& batch) override {
        batch[0].done();
        if (batch.stream() == "now") throw std::runtime_error(describe(3));
        spawn(ask());
        co_await syncline::http::post(url_, "");
        throw std::runtime_error(describe(4));
    }
    syncline::Task<> ask() {
        co_await syncline::http::get(url_);
        throw std::runtime_error(describe(5));
    }

    std::string url_;
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(Throwing,
                          R"json({"id": "throwing", "version": "1.0.0", "name": "Throwing",
  "summary": "Throws", "abi": {"major": 1, "draft": 2, "min_host_minor": 0}, "style": "async",
  "unload": "supported", "capabilities": ["webhook", "write"], "streams": [], "handshakes": [],
  "allowed_hosts": [], "settings": {}})json")
