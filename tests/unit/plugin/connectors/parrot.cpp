// A connector that tells everything it knows, to everybody, in every way there is: the worst that a
// careless author can do. `forms` are those of tests/integration/canaries_test.py.
#include <cstdint>
#include <string>
#include <string_view>

#include "syncline/connector.hpp"
#include "syncline/verify.hpp"

namespace {

using syncline::Failure;

std::string to_hex(std::string_view text) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string hex;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        hex.append({kDigits[byte >> 4], kDigits[byte & 15]});
    }
    return hex;
}

std::string to_base64(std::string_view text) {
    static constexpr char kDigits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string encoded;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        bits = bits << 8 | static_cast<unsigned char>(c);
        for (count += 8; count >= 6; count -= 6) encoded += kDigits[bits >> (count - 6) & 63];
    }
    if (count > 0) encoded += kDigits[bits << (6 - count) & 63];
    return encoded;
}

class Parrot final : public syncline::Connector,
                     public syncline::WebhookReceiver,
                     public syncline::WebhookVerifier,
                     public syncline::BatchWriter {
    syncline::Status init(const syncline::Settings& settings) override {
        url_ = settings.text("base_url");
        token_ = settings.text("token");
        const syncline::Secret perch = secret("perch_key");
        perch.read([this](std::string_view value) { perch_ = value; });
        log(SYNCLINE_LOG_INFO, "I know " + token_,
            {{"perch", perch_}, {"hex", to_hex(perch_)}, {"base64", to_base64("x" + token_)}});
        if (settings.text("mood", "") == "bad") return Failure{SYNCLINE_E_CONFIG, all()};
        return {};
    }

    syncline::Status verify(const syncline::WebhookRequest& request,
                            const syncline::Secret& key) override {
        if (key.proves(request.header("X-Sign"), SYNCLINE_SHA256, request.body())) return {};
        return Failure{SYNCLINE_E_AUTH_DENIED, "not signed with " + all()};
    }

    syncline::Status handshake(const syncline::WebhookRequest&,
                               syncline::WebhookReply& reply) override {
        reply.body = all();
        return {};
    }

    syncline::Status translate(const syncline::WebhookRequest& request,
                               syncline::RecordSink& records) override {
        const auto body = syncline::json::parse(request.body());
        const std::string* key = body ? body.value->find_string("key") : nullptr;
        if (key == nullptr) return Failure{SYNCLINE_E_PERMANENT, "no key, but " + all(), token_};
        records.add({"words", SYNCLINE_UPSERT, *key, request.body()});
        return {};
    }

    syncline::Status answer(const syncline::WebhookRequest&, const syncline::Answer& outcome,
                            syncline::WebhookReply& reply) override {
        reply.body = "answer " + all();
        for (std::size_t i = 0; i < outcome.size(); ++i) {
            reply.body += outcome[i].reply();
            if (outcome[i].kind() == SYNCLINE_ANSWER_FAILED)
                reply.body += outcome[i].failure().message;
        }
        return {};
    }

    syncline::Task<> write(syncline::Batch& batch) override {
        for (const syncline::WriteRecord& record : batch) {
            const syncline::Response response =
                co_await syncline::http::post(url_ + "/words?token=" + token_, record.body());
            log(SYNCLINE_LOG_ERROR, "heard\n\x1b[31m" + response.body(), {{"again", all()}});
            if (response.is_success()) {
                syncline::json::Writer reply;
                reply.begin_object().member("knows", all()).end_object();
                record.done("w-1", reply.text());
            } else {
                record.fail(Failure{SYNCLINE_E_PERMANENT, response.body() + all(), token_});
            }
        }
    }

    // More than fits into an error: its end is cut somewhere.
    std::string all() const {
        std::string text = token_ + " " + perch_ + " " + to_hex(token_) + " " + to_base64(perch_);
        for (int i = 0; i < 20; ++i) text += " " + token_;
        return text;
    }

    std::string url_, token_, perch_;
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(Parrot, R"json({
    "id": "parrot", "version": "1.0.0", "name": "Parrot",
    "abi": {"major": 1, "draft": 2, "min_host_minor": 1}, "style": "async",
    "capabilities": ["webhook", "write"],
    "streams": [{"name": "words", "source": true, "destination": true, "batch_records_max": 1}],
    "handshakes": [{"methods": ["GET"]}],
    "webhook": {"answered": [{"methods": ["PUT"]}], "verifies": true,
                "proof_headers": ["X-Sign", "X-Feather"], "proof_parameters": ["egg"]},
    "allowed_hosts": [{"from_setting": "base_url"}],
    "secrets": [{"name": "perch_key", "reason": "it likes to know things"}],
    "settings": {"type": "object", "required": ["base_url", "token"], "additionalProperties": false,
                 "properties": {"base_url": {"type": "string"},
                                "token": {"type": "string", "writeOnly": true},
                                "mood": {"type": "string"}}}
})json")
