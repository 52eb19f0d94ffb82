// The capability "webhook": requests in, records out.
#ifndef SYNCLINE_WEBHOOK_HPP
#define SYNCLINE_WEBHOOK_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "syncline/failure.hpp"
#include "syncline/url.hpp"
#include "syncline/webhook.h"

namespace syncline {

// One request. A view: valid during the call.
class WebhookRequest {
  public:
    explicit WebhookRequest(const syncline_webhook_request& request) : request_(request) {}

    std::string_view method() const { return view(request_.method); }
    std::string_view path() const { return view(request_.path); }
    std::string_view body() const { return view(request_.body); }    // JSON: see parse_json()
    std::string_view query() const { return view(request_.query); }  // raw, without '?'
    std::int64_t received_ns() const { return request_.received_ns; }

    // A parameter of the query, decoded.
    std::optional<std::string> query(std::string_view name) const {
        return query_parameter(view(request_.query), name);
    }

    // The first header of that name, in any case; "" if there is none.
    std::string_view header(std::string_view name) const {
        const auto lower = [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        };
        const auto is_same = [&](char a, char b) { return lower(a) == lower(b); };
        for (std::uint32_t i = 0; i < request_.header_count; ++i) {
            const std::string_view own = view(request_.headers[i].name);
            if (std::equal(own.begin(), own.end(), name.begin(), name.end(), is_same)) {
                return view(request_.headers[i].value);
            }
        }
        return {};
    }

  private:
    const syncline_webhook_request& request_;
};

// What became of one record of a request whose sender waits. A view: valid during the call.
class AnswerRecord {
  public:
    explicit AnswerRecord(const syncline_answer_record& record) : record_(&record) {}

    syncline_answer_kind kind() const { return record_->kind; }
    std::string_view stream() const { return view(record_->stream); }
    std::string_view key() const { return view(record_->key); }
    std::string_view destination_key() const { return view(record_->destination_key); }
    std::string_view reply() const { return view(record_->reply); }  // JSON; may be empty
    // Only for SYNCLINE_ANSWER_FAILED.
    Failure failure() const {
        if (record_->error == nullptr) return {SYNCLINE_E_PERMANENT, "no reason was given"};
        return detail::from_c(*record_->error);
    }

  private:
    const syncline_answer_record* record_;
};

// The outcome of a request, for a sender who waits for it. A view: valid during the call.
class Answer {
  public:
    explicit Answer(const syncline_answer& answer) : answer_(answer) {}

    std::string_view event() const { return view(answer_.event); }  // for the sender to refer to
    std::size_t size() const { return answer_.record_count; }
    AnswerRecord operator[](std::size_t index) const {
        return AnswerRecord{*answer_.records[index]};
    }

  private:
    const syncline_answer& answer_;
};

struct WebhookReply {
    int status = 200;
    std::string content_type = {};
    std::string body = {};
};

// A record for the host, which copies it.
struct Record {
    std::string_view stream = {};
    syncline_operation operation = SYNCLINE_UPSERT;
    std::string_view key = {};
    std::string_view body = {};  // JSON; may be empty for a delete
    std::int64_t occurred_ns = SYNCLINE_NO_TIME;
    std::string_view parent_stream = {};  // what has to be at the destination first
    std::string_view parent_key = {};
};

namespace detail {

// Borrows from the record.
inline syncline_record to_c(const Record& record) noexcept {
    syncline_record raw{};
    raw.struct_size = sizeof raw;
    raw.operation = record.operation;
    raw.stream = borrow(record.stream);
    raw.key = borrow(record.key);
    raw.body = borrow(record.body);
    raw.body_format = SYNCLINE_BODY_JSON;
    raw.occurred_ns = record.occurred_ns;
    raw.parent_stream = borrow(record.parent_stream);
    raw.parent_key = borrow(record.parent_key);
    return raw;
}

}  // namespace detail

// Takes the records of one translation, in order.
class RecordSink {
  public:
    explicit RecordSink(const syncline_record_sink& sink) : sink_(sink) {}

    // False: the host wants no more, so translate() may return.
    bool add(const Record& record) {
        const syncline_record raw = detail::to_c(record);
        return sink_.record(sink_.handle, &raw) == SYNCLINE_SINK_GO_ON;
    }

  private:
    const syncline_record_sink& sink_;
};

// Implement it next to Connector. All calls are pure: the same answer for the same request, no
// HTTP.
class WebhookReceiver {
  public:
    // Answers a request that matches a handshake of the manifest.
    virtual Status handshake(const WebhookRequest&, WebhookReply&) {
        return Failure{SYNCLINE_E_UNSUPPORTED, "this connector knows no handshake"};
    }
    // Turns a request into records. On a failure none of them counts.
    virtual Status translate(const WebhookRequest& request, RecordSink& records) = 0;
    // Words the answer for a sender who waits for the outcome. On a failure the host uses its own
    // words.
    virtual Status answer(const WebhookRequest&, const Answer&, WebhookReply&) {
        return Failure{SYNCLINE_E_UNSUPPORTED, "this connector words no answers"};
    }

  protected:
    ~WebhookReceiver() = default;
};

}  // namespace syncline

#endif
