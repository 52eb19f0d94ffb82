// Pangolin, as a destination: the audience platform that Mapp's DIY integrations are tested
// against.
//
// One request writes a batch of memberships; the reply lists the records that got an id or an
// error, all others were accepted. An audience is a request of its own, and its answer is the id
// that its memberships then name.
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "syncline/connector.hpp"

namespace {

using syncline::Batch;
using syncline::Failure;
using syncline::Response;
using syncline::Task;
using syncline::Url;
using syncline::WriteRecord;
using syncline::json::Value;
using syncline::membership::Audience;
using syncline::membership::User;

using Membership = syncline::Reads<Audience, User>;
using NewAudience =
    syncline::Reads<syncline::audience::Audience, syncline::Optional<syncline::audience::Name>>;

// What the platform says about one record.
struct Verdict {
    std::size_t position = 0;  // in the request
    std::string id;
    std::optional<Failure> failure;
};

std::optional<Verdict> read_verdict(const Value& item) {
    const Value* position = item.find("index");
    if (position == nullptr || !position->uint64()) return std::nullopt;
    Verdict verdict{*position->uint64(), item.text_or("id", ""), {}};
    const Value* error = item.find("error");
    if (error == nullptr || error->is_null()) return verdict;
    verdict.failure = Failure{
        error->is_true("retryable") ? SYNCLINE_E_TRANSIENT : SYNCLINE_E_PERMANENT,
        error->text_or("message", "Pangolin refused the record"), error->text_or("code", "")};
    return verdict;
}

// Null unless the whole reply makes sense: half an answer could hide a refused record.
std::optional<std::vector<Verdict>> read_reply(const Value& reply, std::size_t record_count) {
    const auto* results = reply.find_array("results");
    if (results == nullptr) return std::nullopt;
    std::vector<Verdict> verdicts;
    std::vector<bool> is_judged(record_count);
    for (const Value& item : *results) {
        auto verdict = read_verdict(item);
        if (!verdict || verdict->position >= record_count) return std::nullopt;
        if (is_judged[verdict->position]) return std::nullopt;
        is_judged[verdict->position] = true;
        verdicts.push_back(std::move(*verdict));
    }
    return verdicts;
}

struct PangolinSettings {
    std::string base_url;

    static constexpr auto settings() {
        return std::tuple{syncline::setting(
            "base_url", &PangolinSettings::base_url,
            "Where Pangolin's API is, e.g. https://pangolin.example.com", {.format = "uri"})};
    }
};

class Pangolin final : public syncline::Configured<PangolinSettings>, public syncline::BatchWriter {
    Url url(std::string_view path) const { return {settings().base_url, path}; }

    Task<> write(Batch& batch) override {
        if (batch.stream() != "audiences") co_return co_await write_memberships(batch);
        for (const WriteRecord& record : batch) {
            if (record.is_delete()) {
                co_await delete_audience(record);
            } else {
                co_await write_audience(record);
            }
        }
    }

    // Pangolin knows audiences by our id, so that a repeat makes no second one.
    Task<> write_audience(WriteRecord record) {
        const auto audience = record.read<NewAudience>();
        if (!audience) co_return;
        const std::string& external_id = audience->get<syncline::audience::Audience>();
        const auto& name = audience->get<syncline::audience::Name>();
        syncline::json::Writer body;
        body.begin_object().member("external_id", external_id);
        body.member("name", name.value_or(external_id)).end_object();

        const Response response =
            co_await syncline::http::post(url("/v1/audiences").text(), body.text());
        if (!response.is_success()) throw response.refusal("Pangolin");
        const std::string* id = response.json().find_string("id");
        if (id == nullptr) throw response.malformed("Pangolin");
        record.done(*id,
                    syncline::json::Writer{}.begin_object().member("id", *id).end_object().text());
    }

    Task<> delete_audience(WriteRecord record) {
        if (record.destination_key().empty()) {
            record.done();  // it never got there
            co_return;
        }
        const Url audience = url("/v1/audiences").segment(record.destination_key());
        const Response response = co_await syncline::http::send("DELETE", audience.text());
        if (!response.is_success() && response.status() != 404) throw response.refusal("Pangolin");
        record.done();
    }

    Task<> write_memberships(Batch& batch) {
        std::vector<WriteRecord> sent;
        syncline::json::Writer body;
        body.begin_object().key("memberships").begin_array();
        for (const WriteRecord& record : batch) {
            const auto member = record.read<Membership>();
            if (!member) continue;
            const std::string_view parent = record.parent_key();
            const std::string_view own = member->get<Audience>();
            body.begin_object().member("audience", parent.empty() ? own : parent);
            body.member("user", member->get<User>());
            body.member("action", record.is_delete() ? "remove" : "add").end_object();
            sent.push_back(record);
        }
        body.end_array().end_object();
        if (sent.empty()) co_return;

        const Response response =
            co_await syncline::http::post(url("/v1/memberships").text(), body.text());
        if (response.status() != 200) throw response.refusal("Pangolin");
        const auto verdicts = read_reply(response.json(), sent.size());
        if (!verdicts) throw response.malformed("Pangolin");
        for (const Verdict& verdict : *verdicts) {
            const WriteRecord& record = sent[verdict.position];
            verdict.failure ? record.fail(*verdict.failure) : record.done(verdict.id);
        }
        batch.rest_done();
    }
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(Pangolin, R"json({
  "id": "pangolin",
  "version": "0.1.0",
  "name": "Pangolin",
  "summary": "Writes audiences and their members to Pangolin",
  "abi": {"major": 1, "draft": 2, "min_host_minor": 0},
  "style": "async",
  "unload": "supported",
  "capabilities": ["write"],
  "streams": [
    {"name": "audience_memberships", "model": "membership/1", "source": false,
     "destination": true, "batch_records_max": 100},
    {"name": "audiences", "model": "audience/1", "source": false, "destination": true,
     "batch_records_max": 1}
  ],
  "handshakes": [],
  "allowed_hosts": [{"from_setting": "base_url"}]
})json")
