// A file of JSON lines, as a destination: one line for each change, durable before it counts as
// delivered.
#include <array>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "syncline/connector.hpp"

namespace {

using syncline::Batch;
using syncline::Task;
using syncline::WriteRecord;
using syncline::json::Writer;

// "2026-11-21T14:05:36.250Z"
std::string timestamp(std::int64_t now_ns) {
    const std::time_t seconds = now_ns / 1'000'000'000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.", &parts);
    const std::int64_t milliseconds = now_ns / 1'000'000 % 1000;
    return text.data() + std::to_string(1000 + milliseconds).substr(1) + "Z";
}

void add_names(Writer& line, std::string_view member, const std::vector<std::string_view>& names) {
    if (names.empty()) return;
    line.key(member).begin_array();
    for (const std::string_view name : names) line.value(name);
    line.end_array();
}

struct JsonLinesSettings {
    std::string path;

    static constexpr auto settings() {
        return std::tuple{syncline::setting(
            "path", &JsonLinesSettings::path,
            "The file, in a folder that is there; relative to the configuration's folder",
            {.min_length = 1})};
    }
};

class JsonLines final : public syncline::Configured<JsonLinesSettings>,
                        public syncline::BatchWriter {
    Task<> write(Batch& batch) override {
        if (batch.stream() != "records")
            throw syncline::Failure{SYNCLINE_E_UNSUPPORTED, "there is no such stream"};
        std::string lines;
        for (const WriteRecord& record : batch) lines.append(line_of(record)).append("\n");
        co_await syncline::file::append(settings().path, lines);
        batch.rest_done();
    }

    // `changed` and `unset` are there when the file has an earlier version of the record.
    std::string line_of(const WriteRecord& record) const {
        Writer line;
        line.begin_object().member("at", timestamp(now_ns()));
        line.member("op", record.is_delete() ? "delete" : "upsert").member("key", record.key());
        add_names(line, "changed", record.changed_fields());
        add_names(line, "unset", record.unset_fields());
        const auto body = syncline::json::parse(record.body());
        if (body && !record.is_delete()) line.member("record", *body.value);
        return line.end_object().take();
    }
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(JsonLines, R"json({
  "id": "jsonl",
  "version": "0.1.0",
  "name": "JSON lines",
  "summary": "Appends each change as a line of JSON to a file",
  "abi": {"major": 1, "draft": 2, "min_host_minor": 0},
  "style": "async",
  "unload": "supported",
  "capabilities": ["write"],
  "streams": [
    {"name": "records", "source": false, "destination": true, "batch_records_max": 1000,
     "partial_updates": true, "ordered_batches": true}
  ],
  "handshakes": [],
  "allowed_hosts": [],
  "allowed_files": [{"from_setting": "path"}]
})json")
