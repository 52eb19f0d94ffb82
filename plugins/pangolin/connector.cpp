// Pangolin, as a destination: the audience platform that Mapp's DIY integrations are tested
// against.
//
// One request writes a batch of memberships; the reply lists the records that got an id or an
// error, all others were accepted.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "syncline/connector.hpp"

namespace {

using syncline::Batch;
using syncline::Failure;
using syncline::HttpResult;
using syncline::json::Value;

const std::string* text_of(const Value& object, std::string_view name) {
    const Value* value = object.find(name);
    return value != nullptr ? value->string() : nullptr;
}

// What the platform says about one record.
struct Verdict {
    std::size_t position = 0;  // in the request
    std::string id;
    std::optional<Failure> failure;
};

std::optional<Verdict> read_verdict(const Value& item) {
    const Value* position = item.find("index");
    if (position == nullptr || !position->uint64()) return std::nullopt;
    Verdict verdict;
    verdict.position = *position->uint64();
    if (const std::string* id = text_of(item, "id")) verdict.id = *id;
    const Value* error = item.find("error");
    if (error == nullptr || error->is_null()) return verdict;
    const Value* retryable = error->find("retryable");
    const bool is_retryable =
        retryable != nullptr && retryable->boolean() != nullptr && *retryable->boolean();
    const std::string* code = text_of(*error, "code");
    const std::string* message = text_of(*error, "message");
    verdict.failure = Failure{is_retryable ? SYNCLINE_E_TRANSIENT : SYNCLINE_E_PERMANENT,
                              message != nullptr ? *message : "Pangolin refused the record",
                              code != nullptr ? *code : ""};
    return verdict;
}

// Null unless the whole reply makes sense: half an answer could hide a refused record.
std::optional<std::vector<Verdict>> read_reply(std::string_view body, std::size_t record_count) {
    const auto reply = syncline::json::parse(body);
    const Value* results = reply ? reply.value->find("results") : nullptr;
    if (results == nullptr || results->array() == nullptr) return std::nullopt;
    std::vector<Verdict> verdicts;
    std::vector<bool> is_judged(record_count);
    for (const Value& item : *results->array()) {
        auto verdict = read_verdict(item);
        if (!verdict || verdict->position >= record_count) return std::nullopt;
        if (is_judged[verdict->position]) return std::nullopt;
        is_judged[verdict->position] = true;
        verdicts.push_back(std::move(*verdict));
    }
    return verdicts;
}

// The platform's own words about a refused request: its `error`, or else the beginning of the body.
std::string words_of(const HttpResult& result) {
    const auto reply = syncline::json::parse(result.body());
    const Value* error = reply ? reply.value->find("error") : nullptr;
    const std::string* text = error != nullptr ? error->string() : nullptr;
    if (error != nullptr && text == nullptr) text = text_of(*error, "message");
    const std::string words = text != nullptr ? *text : std::string{result.body().substr(0, 200)};
    return "Pangolin answered " + std::to_string(result.status()) +
           (words.empty() ? "" : ": " + words);
}

class Pangolin final : public syncline::Connector, public syncline::BatchWriter {
    syncline::Status init(const syncline::Settings& settings) override {
        url_ = settings.text("base_url");
        while (!url_.empty() && url_.back() == '/') url_.pop_back();
        url_ += "/v1/memberships";
        return {};
    }

    void write(std::shared_ptr<Batch> batch) override {
        std::vector<std::size_t> sent;  // position in the request -> index in the batch
        syncline::json::Writer body;
        body.begin_object().key("memberships").begin_array();
        for (std::size_t i = 0; i < batch->size(); ++i) {
            const syncline::WriteRecord record = (*batch)[i];
            const auto fields = syncline::json::parse(record.body);
            const std::string* audience = fields ? text_of(*fields.value, "audience") : nullptr;
            const std::string* user = fields ? text_of(*fields.value, "user") : nullptr;
            if (audience == nullptr || user == nullptr) {
                batch->failed(
                    i, {SYNCLINE_E_PERMANENT, "the record needs the texts 'audience' and 'user'"});
                continue;
            }
            const char* action = record.operation == SYNCLINE_DELETE ? "remove" : "add";
            body.begin_object().member("audience", *audience).member("user", *user);
            body.member("action", action).end_object();
            sent.push_back(i);
        }
        body.end_array().end_object();
        if (sent.empty()) return;

        const syncline::HttpRequest request{
            "POST",
            url_,
            {{"Content-Type", "application/json"}, {"Accept", "application/json"}},
            body.take()};
        batch->send(request,
                    [this, sent = std::move(sent)](Batch& written, const HttpResult& result) {
                        settle(written, sent, result);
                    });
    }

    void settle(Batch& batch, const std::vector<std::size_t>& sent,
                const HttpResult& result) const {
        if (!result.has_response()) return settle_without_response(batch, result);
        const int status = result.status();
        const auto refused = [&](syncline_status failure_class) {
            const auto wait =
                syncline::parse_retry_after_ms(result.header("retry-after"), now_ns());
            batch.rest_failed({failure_class, words_of(result), std::to_string(status), wait});
        };
        if (status == 200) return settle_accepted(batch, sent, result);
        if (status == 429) return refused(SYNCLINE_E_RATE_LIMITED);
        if (status == 503) return refused(SYNCLINE_E_TRANSIENT);
        if (status == 401 || status == 403) return refused(SYNCLINE_E_AUTH_DENIED);
        if (status >= 400 && status < 500) return refused(SYNCLINE_E_PERMANENT);
        batch.rest_unknown({SYNCLINE_E_TRANSIENT, words_of(result), std::to_string(status)});
    }

    static void settle_accepted(Batch& batch, const std::vector<std::size_t>& sent,
                                const HttpResult& result) {
        const auto verdicts = read_reply(result.body(), sent.size());
        if (!verdicts) {
            return batch.rest_unknown(
                {SYNCLINE_E_TRANSIENT, "Pangolin's answer is malformed", "200"});
        }
        for (const Verdict& verdict : *verdicts) {
            const std::size_t index = sent[verdict.position];
            if (verdict.failure) {
                batch.failed(index, *verdict.failure);
            } else {
                batch.done(index, verdict.id);
            }
        }
        batch.rest_done();
    }

    static void settle_without_response(Batch& batch, const HttpResult& result) {
        const Failure why = result.failure();
        if (result.may_have_been_processed()) {
            batch.rest_unknown(why);
        } else if (why.failure_class == SYNCLINE_E_CANCELLED) {
            batch.rest_not_attempted();
        } else {
            batch.rest_failed(why);
        }
    }

    std::string url_;
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(Pangolin, R"json({
  "id": "pangolin",
  "version": "0.1.0",
  "name": "Pangolin",
  "summary": "Writes audience memberships to Pangolin",
  "abi": {"major": 1, "draft": 1, "min_host_minor": 0},
  "style": "async",
  "unload": "supported",
  "capabilities": ["write"],
  "streams": [
    {"name": "audience_memberships", "source": false, "destination": true, "batch_records_max": 100}
  ],
  "handshakes": [],
  "allowed_hosts": [{"from_setting": "base_url"}],
  "settings": {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
      "base_url": {
        "type": "string",
        "format": "uri",
        "description": "Where Pangolin's API is, e.g. https://pangolin.example.com"
      }
    },
    "required": ["base_url"],
    "additionalProperties": false
  }
})json")
