// A connector on the C++ layer that uses the host's expressions and files.
#include "syncline/connector.hpp"

namespace {

class Ledger final : public syncline::Connector,
                     public syncline::WebhookReceiver,
                     public syncline::BatchWriter {
    syncline::Status init(const syncline::Settings& settings) override {
        key_ = compile(settings.text("key"));
        path_ = settings.text("path");
        written_path_ = settings.text("written_path", path_);
        return {};
    }

    syncline::Status translate(const syncline::WebhookRequest& request,
                               syncline::RecordSink& records) override {
        records.add({"lines", SYNCLINE_UPSERT, key_.evaluate_text(request.body()), "{}"});
        return {};
    }

    syncline::Task<> write(syncline::Batch& batch) override {
        std::string lines;
        for (const syncline::WriteRecord& record : batch) lines.append(record.body()).append("\n");
        co_await syncline::file::append(written_path_, lines);
        batch.rest_done();
    }

    syncline::Expression key_;
    std::string path_, written_path_;
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(Ledger, R"json({
    "id": "ledger", "version": "1.0.0", "name": "Ledger",
    "abi": {"major": 1, "draft": 2, "min_host_minor": 0}, "style": "async",
    "capabilities": ["webhook", "write"],
    "streams": [{"name": "lines", "source": true, "destination": true}],
    "allowed_files": [{"from_setting": "path"}],
    "settings": {"type": "object", "required": ["key", "path"], "additionalProperties": false,
                 "properties": {"key": {"type": "string"}, "path": {"type": "string"},
                                "written_path": {"type": "string"}}}
})json")
